package policy

import "strings"

// Source and date of the compute capabilities: developer.nvidia.com/cuda-gpus
// and its list of legacy GPUs.
const (
	GPUSource = "developer.nvidia.com/cuda-gpus"
	GPUDate   = "2026-11-23"
)

// capabilities lists GPU names by compute capability, in the short form that GPUCapability compares.
func capabilities() map[string]string {
	return map[string]string{
		"5.2": "m40 m60 gtx960 gtx970 gtx980 gtx980ti titanx",
		"6.0": "p100",
		"6.1": "p4 p40 gtx1050 gtx1050ti gtx1060 gtx1070 gtx1070ti gtx1080 gtx1080ti titanxp",
		"7.0": "v100 titanv gv100",
		"7.5": "t4 t4g t400 t600 t1000 t2000 gtx1650 gtx1660 gtx1660ti gtx1660super rtx2060 rtx2070 rtx2080 rtx2080ti " +
			"rtx2060super rtx2070super rtx2080super titanrtx rtx3000 rtx4000 rtx5000 rtx6000 rtx8000",
		"8.0": "a100 a30 a800 ax800",
		"8.6": "a2 a10 a10g a16 a40 rtxa2000 rtxa3000 rtxa4000 rtxa4500 rtxa5000 rtxa5500 rtxa6000 " +
			"rtx3050 rtx3060 rtx3060ti rtx3070 rtx3070ti rtx3080 rtx3080ti rtx3090 rtx3090ti",
		"8.7": "orin agxorin orinnx orinnano",
		"8.9": "l4 l20 l40 l40s rtx4050 rtx4060 rtx4060ti rtx4070 rtx4070ti rtx4070super rtx4070tisuper rtx4080 rtx4080super rtx4090 rtx4090d " +
			"rtx2000ada rtx4000ada rtx4500ada rtx5000ada rtx6000ada",
		"9.0":  "h100 h200 h20 h800 gh200",
		"10.0": "b100 b200 gb200",
		"10.3": "b300 gb300",
		"11.0": "thor t5000",
		"12.0": "rtx5050 rtx5060 rtx5060ti rtx5070 rtx5070ti rtx5080 rtx5090 rtx5090d " +
			"rtxpro2000blackwell rtxpro4000blackwell rtxpro4500blackwell rtxpro5000blackwell rtxpro6000blackwell rtxpro6000",
		"12.1": "gb10 dgxspark",
	}
}

// GPUCapability is the compute capability ("9.0") of a GPU named as people or
// NVML do: "h100", "RTX 5090", "NVIDIA H100 80GB HBM3".
func GPUCapability(name string) (string, bool) {
	want := short(name)
	for cc, names := range capabilities() {
		for n := range strings.FieldsSeq(names) {
			if n == want {
				return cc, true
			}
		}
	}
	return "", false
}

// GPUNames are all names that GPUCapability knows, in no order.
func GPUNames() []string {
	var all []string
	for _, names := range capabilities() {
		all = append(all, strings.Fields(names)...)
	}
	return all
}

// short drops what does not tell GPUs apart: maker, family, memory, form.
func short(name string) string {
	var b strings.Builder
	for word := range strings.FieldsSeq(strings.ToLower(strings.NewReplacer("-", " ", "_", " ").Replace(name))) {
		switch word {
		case "nvidia", "geforce", "tesla", "quadro", "jetson", "graphics", "pcie", "sxm", "sxm2", "sxm3", "sxm4", "sxm5", "nvl",
			"hbm2", "hbm2e", "hbm3", "hbm3e", "generation", "laptop", "gpu", "server", "workstation", "edition", "max", "q":
			continue
		}
		if strings.HasSuffix(word, "gb") && strings.Trim(word, "0123456789") == "gb" {
			continue
		}
		b.WriteString(word)
	}
	return b.String()
}
