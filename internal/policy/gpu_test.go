package policy

import (
	"regexp"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

// The names that pci.ids (2023.04.10) has for products whose chip it names, and the
// capability of the chip: no name may be taken for another card's.
func TestNamesOfPCIIDs(t *testing.T) {
	for capability, names := range map[string][]string{
		"5.0": {
			"GeForce GTX 750 Ti", "GeForce GTX 750", "GeForce GTX 745", "Quadro M1200 Mobile", "Tesla M10",
		},
		"5.2": {
			"GeForce GTX 980", "GeForce GTX 970", "GeForce GTX 980 Mobile", "Tesla M60", "Tesla M6", "GeForce GTX 960", "GeForce GTX 950", "Tesla M4",
			"Quadro M2200 Mobile", "GeForce GTX 980 Ti", "Tesla M40",
		},
		"6.0": {
			"Quadro GP100", "Tesla P100 PCIe 12GB", "Tesla P100 PCIe 16GB", "Tesla P100 SXM2 16GB",
		},
		"6.1": {
			"GeForce GTX 1080 Ti 10GB", "TITAN Xp", "GeForce GTX 1080 Ti", "Quadro P6000", "Tesla P40", "GeForce GTX 1080", "GeForce GTX 1070",
			"GeForce GTX 1070 Ti", "GeForce GTX 1060 6GB", "GeForce GTX 1060 3GB", "GeForce GTX 1080 Mobile", "GeForce GTX 1070 Mobile",
			"Quadro P5000", "Quadro P4000", "Tesla P4", "Tesla P6", "Quadro P5000 Mobile", "Quadro P4000 Mobile", "Quadro P3000 Mobile",
			"GeForce GTX 1060 5GB", "GeForce GTX 1060 Mobile", "GeForce GTX 1050 Ti Mobile", "GeForce GTX 1050 Mobile", "Quadro P2000", "Quadro P2200",
			"Quadro P2000 Mobile", "GeForce GTX 1060 Mobile 6GB", "GeForce GTX 1050", "GeForce GTX 1050 Ti", "GeForce GTX 1050 3GB",
			"GeForce GTX 1050 Ti Max-Q", "Quadro P1000", "Quadro P600", "Quadro P400", "Quadro P620", "Quadro P1000 Mobile", "Quadro P600 Mobile",
			"GeForce GT 1030",
		},
		"7.0": {
			"TITAN V", "Tesla V100 SXM2 16GB", "Tesla V100 PCIe 16GB", "Tesla V100 SXM2 32GB", "Tesla V100 PCIe 32GB", "Tesla V100 SXM3 32GB",
			"Quadro GV100", "Tesla V100S PCIe 32GB",
		},
		"7.5": {
			"TITAN RTX", "GeForce RTX 2080 Ti 12GB", "GeForce RTX 2080 Ti", "Quadro RTX 6000", "GeForce RTX 2080 SUPER", "GeForce RTX 2080",
			"GeForce RTX 2070 SUPER", "GeForce RTX 2060", "GeForce RTX 2080 Mobile", "GeForce RTX 2070 SUPER Mobile", "GeForce RTX 2080 SUPER Mobile",
			"Quadro RTX 5000", "Quadro RTX 4000", "T4G", "Quadro RTX 5000 Mobile", "Quadro RTX 4000 Mobile", "Tesla T4", "GeForce RTX 2070",
			"GeForce RTX 2060 12GB", "GeForce RTX 2060 SUPER", "GeForce GTX 1660 SUPER", "GeForce GTX 1650", "GeForce RTX 2070 Mobile",
			"GeForce RTX 2060 Mobile", "GeForce RTX 2060 Max-Q", "Quadro RTX 3000 Mobile", "GeForce GTX 1630", "GeForce GTX 1650 Mobile",
			"GeForce GTX 1650 Ti Mobile", "Quadro T1000 Mobile", "T600", "Quadro T400 Mobile", "T600 Laptop GPU", "Quadro T2000 Mobile", "T600 Mobile",
			"Quadro T500 Mobile", "T1200 Laptop GPU", "T1000 8GB", "T400 4GB", "GeForce GTX 1660 Ti", "GeForce GTX 1660", "GeForce GTX 1650 SUPER",
			"GeForce GTX 1660 Ti Mobile",
		},
		"8.0": {
			"A100 SXM4 40GB", "A100 PCIe 40GB", "A100 SXM4 80GB", "A100-SXM-64GB", "A100 PCIe 80GB", "A30 PCIe", "A100X", "A30X", "A800-SXM4-80GB",
			"A800 80GB PCIe", "A800 40GB PCIe",
		},
		"8.6": {
			"GeForce RTX 3090 Ti", "GeForce RTX 3090", "GeForce RTX 3080 Ti 20GB", "GeForce RTX 3080", "GeForce RTX 3070 Ti", "GeForce RTX 3080 Ti",
			"GeForce RTX 3080 12GB", "GeForce RTX 3080 11GB", "RTX A6000", "RTX A5000", "RTX A4500", "RTX A5500", "A40", "A10", "A10G", "A10M",
			"GeForce RTX 3060 Ti", "GeForce RTX 3080 Ti Mobile", "RTX A5500 Laptop GPU", "GeForce RTX 3080 Ti Laptop GPU", "GeForce RTX 3070",
			"GeForce RTX 3060", "GeForce RTX 3080 Mobile", "GeForce RTX 3070 Mobile", "Geforce RTX 3070 Ti Laptop GPU", "RTX A4000",
			"RTX A5000 Mobile", "RTX A4000 Mobile", "RTX A3000 Mobile", "RTX A3000 12GB Laptop GPU", "RTX A4500 Laptop GPU", "RTX A3000 Laptop GPU",
			"Geforce RTX 3050", "GeForce RTX 3060 Mobile", "GeForce RTX 3060 Laptop GPU", "GeForce RTX 3050 Ti Mobile", "RTX A2000", "RTX A2000 12GB",
			"GeForce RTX 3050 8GB", "GeForce RTX 3050 4GB", "GeForce RTX 3050 Mobile", "GeForce RTX 2050", "GeForce RTX 3050 4GB Laptop GPU", "A2",
			"A16", "RTX A2000 Mobile", "RTX A1000 Laptop GPU", "RTX A2000 8GB Laptop GPU", "RTX A500 Laptop GPU", "RTX A1000 6GB Laptop GPU",
		},
		"8.9": {
			"GeForce RTX 4090", "RTX 6000 Ada Generation", "L40", "L40G", "GeForce RTX 4080", "RTX 5000 Ada Generation Laptop GPU",
			"GeForce RTX 4070 Ti", "GeForce RTX 4070", "GeForce RTX 4080 Max-Q", "RTX 4000 SFF Ada Generation", "L4",
			"RTX 4000 Ada Generation Laptop GPU", "RTX 3500 Ada Generation Laptop GPU", "GeForce RTX 4060 Ti", "GeForce RTX 4070 Max-Q",
			"RTX 3000 Ada Generation Laptop GPU", "GeForce RTX 4060 Max-Q", "GeForce RTX 4050 Max-Q", "RTX 2000 Ada Generation Laptop GPU",
		},
		"9.0": {
			"H800 PCIe", "H800", "H100 PCIe", "H100",
		},
	} {
		for _, name := range names {
			for _, as := range []string{name, "NVIDIA " + name, strings.ToLower(name), strings.ReplaceAll(name, " ", "-"), strings.ReplaceAll(name, " ", "_")} {
				got, ok := GPUCapability(as)
				assert.Assert(t, ok, as)
				assert.Equal(t, got, capability, as)
			}
		}
	}
}

// As NVML names them, with memory, form and all.
func TestNamesOfNVML(t *testing.T) {
	for name, want := range map[string]string{
		"NVIDIA A100-PCIE-40GB": "8.0", "NVIDIA A100 80GB PCIe": "8.0", "NVIDIA A100-SXM4-80GB": "8.0", "NVIDIA A100-SXM4-40GB MIG 1g.5gb": "8.0", "NVIDIA A100X": "8.0",
		"NVIDIA H100 PCIe": "9.0", "NVIDIA H100 NVL": "9.0", "NVIDIA H100 80GB HBM3 MIG 3g.40gb": "9.0", "NVIDIA H200 NVL": "9.0", "NVIDIA GH200 480GB": "9.0", "NVIDIA H20": "9.0", "NVIDIA H800 PCIe": "9.0",
		"NVIDIA B200": "10.0", "NVIDIA GB200": "10.0", "NVIDIA B300 SXM6 AC": "10.3", "NVIDIA GB300": "10.3", "NVIDIA GB10": "12.1",
		"NVIDIA RTX PRO 6000 Blackwell Workstation Edition": "12.0", "NVIDIA RTX PRO 6000 Blackwell Server Edition": "12.0", "NVIDIA RTX PRO 6000 Blackwell Max-Q Workstation Edition": "12.0",
		"NVIDIA GeForce RTX 5090 D": "12.0", "NVIDIA GeForce RTX 5070 Ti Laptop GPU": "12.0", "NVIDIA GeForce RTX 4090 Laptop GPU": "8.9", "NVIDIA RTX 5000 Ada Generation Laptop GPU": "8.9", "NVIDIA RTX 4000 SFF Ada Generation": "8.9",
		"NVIDIA L4": "8.9", "NVIDIA L40S": "8.9", "NVIDIA A10G": "8.6", "NVIDIA A10": "8.6", "NVIDIA A16": "8.6", "NVIDIA A2": "8.6", "NVIDIA RTX A6000": "8.6", "NVIDIA GeForce RTX 3080 Ti Laptop GPU": "8.6",
		"Tesla V100-SXM3-32GB": "7.0", "Tesla V100S-PCIE-32GB": "7.0", "Tesla P100-PCIE-16GB": "6.0", "Tesla P40": "6.1", "Tesla M60": "5.2", "NVIDIA TITAN RTX": "7.5", "NVIDIA TITAN V": "7.0",
		"Quadro GV100": "7.0", "Quadro GP100": "6.0", "Quadro RTX 8000": "7.5", "Quadro T2000 with Max-Q Design": "7.5", "NVIDIA T1000 8GB": "7.5", "NVIDIA GeForce GTX 1660 SUPER": "7.5", "GeForce GTX 1080 Ti": "6.1",
		"Orin (nvgpu)": "8.7", "NVIDIA Thor": "11.0", "Jetson AGX Orin": "8.7", "Jetson Xavier NX": "7.2",
		// Short, as users say them.
		"5090": "12.0", "4090": "8.9", "3060 ti": "8.6", "1080ti": "6.1", "h100 sxm": "9.0", "A100 80GB": "8.0", "l40s": "8.9", "Tesla-T4": "7.5", "RTX_4070_SUPER": "8.9",
	} {
		got, ok := GPUCapability(name)
		assert.Assert(t, ok, name)
		assert.Equal(t, got, want, name)
	}
}

// What cannot be told is not guessed: two cards of different chips have been called TITAN X.
func TestNamesThatSayNothing(t *testing.T) {
	for _, name := range []string{
		"", " ", "NVIDIA", "GeForce", "80GB", "SXM5", "MIG 1g.10gb", "TITAN X", "voodoo2", "h1000", "rtx", "50900", "0", "A", "Radeon RX 7900 XTX", "Graphics Device", "NVIDIA Graphics Device",
		"\x1b[31m", strings.Repeat("a100 ", 1000), "NVIDIA H100\x00",
	} {
		got, ok := GPUCapability(name)
		assert.Assert(t, !ok, "%q is %s", name, got)
	}
}

func TestNamesInTheTableFindThemselves(t *testing.T) {
	short := regexp.MustCompile(`^[a-z0-9]+$`)
	for _, row := range GPUs() {
		for name := range strings.FieldsSeq(row.Names) {
			assert.Assert(t, short.MatchString(name), "%q can never be found", name)
			got, ok := GPUCapability(name)
			assert.Assert(t, ok && got == row.Capability, "%s: %s", name, got)
		}
	}
	assert.Assert(t, len(GPUNames()) > 150)
}

func TestCapabilitySpellings(t *testing.T) {
	for in, want := range map[string]string{
		"9.0": "9.0", "90": "9.0", "sm_90": "9.0", "sm90": "9.0", "compute_90": "9.0", "SM_90": "9.0", " sm_90a ": "9.0", "sm_100f": "10.0", "12.1": "12.1", "121": "12.1", "sm_103": "10.3", "5.0": "5.0",
	} {
		got, ok := Capability(in)
		assert.Assert(t, ok, in)
		assert.Equal(t, got, want, in)
	}
	for _, in := range []string{"", "9", "9.", ".0", "9.00", "1234", "sm_", "sm_9", "compute_", "compute90", "9.0b", "9,0", "-9.0", "sm-90", "９.０", "9.0\n0"} {
		got, ok := Capability(in)
		assert.Assert(t, !ok, "%q is %s", in, got)
	}
}

func FuzzNames(f *testing.F) {
	f.Add("NVIDIA H100 80GB HBM3")
	f.Add("sm_90a")
	f.Fuzz(func(t *testing.T, text string) {
		if cc, ok := GPUCapability(text); ok {
			if _, known := GenerationOf(cc); !known {
				t.Fatalf("%q is %s", text, cc)
			}
		}
		if cc, ok := Capability(text); ok && !Serves("sm_"+strings.ReplaceAll(cc, ".", ""), cc) {
			t.Fatalf("code for %s does not run on it", cc)
		}
		_ = ArchOfPCI(text)
		_ = EngineOf(text)
		_ = Open("runc", text)
	})
}
