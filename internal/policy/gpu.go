package policy

import "strings"

// GPU is a compute capability and the GPUs that have it.
type GPU struct {
	// Capability is "9.0".
	Capability string
	// Names are short names in the form that GPUCapability compares, apart by blanks.
	Names  string
	Source string
	Date   string
}

// GPUs lists NVIDIA's GPUs, the newest capability first.
func GPUs() []GPU {
	const (
		current = "developer.nvidia.com/cuda-gpus"
		legacy  = "developer.nvidia.com/cuda-legacy-gpus"
		date    = "2026-11-23"
	)
	return []GPU{
		{"12.1", "gb10 dgxspark", current, date},
		{"12.0", "rtxpro500blackwell rtxpro1000blackwell rtxpro2000blackwell rtxpro3000blackwell rtxpro4000blackwell rtxpro4000sffblackwell " +
			"rtxpro4500blackwell rtxpro5000blackwell rtxpro6000blackwell rtxpro6000 " +
			"rtx5050 rtx5060 rtx5060ti rtx5070 rtx5070ti rtx5080 rtx5090 rtx5090d", current, date},
		{"11.0", "thor agxthor t5000 t4000", current, date},
		{"10.3", "b300 gb300", current, date},
		{"10.0", "b100 b200 gb200", current, date},
		{"9.0", "h100 h200 h20 h800 gh200", current, date},
		{"8.9", "l2 l4 l20 l40 l40s l40g rtx500ada rtx1000ada rtx2000ada rtx3000ada rtx3500ada rtx4000ada rtx4000sffada rtx4500ada rtx5000ada " +
			"rtx5880ada rtx6000ada 6000ada rtx4050 rtx4060 rtx4060ti rtx4070 rtx4070ti rtx4070super rtx4070tisuper " +
			"rtx4080 rtx4080super rtx4090 rtx4090d", current, date},
		{"8.7", "orin agxorin orinnx orinnano", current, date},
		{"8.6", "rtx2050 a2 a10 a10g a10m a16 a40 a2000 a4000 a4500 a5000 a5500 a6000 rtxa500 rtxa1000 rtxa2000 rtxa3000 rtxa4000 rtxa4500 rtxa5000 " +
			"rtxa5500 rtxa6000 rtx3050 rtx3050ti rtx3060 rtx3060ti rtx3070 rtx3070ti rtx3080 rtx3080ti rtx3090 rtx3090ti", current, date},
		{"8.0", "a100 a100x a30 a30x a800 ax800", current + "; pci.ids 2023.04.10 for A100X and A30X", date},
		{"7.5", "t4 t4g t400 t500 t600 t1000 t1200 t2000 gtx1630 gtx1650 gtx1650super gtx1650ti gtx1660 gtx1660ti gtx1660super rtx2060 rtx2060super " +
			"rtx2070 rtx2070super rtx2080 rtx2080ti rtx2080super titanrtx rtx3000 rtx4000 rtx5000 rtx6000 rtx8000", current, date},
		{"7.2", "xavier agxxavier xaviernx", legacy, date},
		{"7.0", "v100 v100s titanv gv100", legacy, date},
		{"6.1", "p4 p6 p40 p400 p600 p620 p1000 p2000 p2200 p3000 p4000 p5000 p6000 gt1030 gtx1050 gtx1050ti gtx1060 gtx1070 gtx1070ti gtx1080 gtx1080ti titanxp", legacy, date},
		{"6.0", "p100 gp100", legacy, date},
		{"5.2", "m4 m6 m40 m60 m2200 gtx950 gtx960 gtx970 gtx980 gtx980ti", legacy, date},
		{"5.0", "gtx745 gtx750 gtx750ti m10 m1200", legacy, date},
	}
}

// GPUCapability is the compute capability ("9.0") of a GPU named as people or
// NVML do: "h100", "RTX 5090", "5090", "NVIDIA H100 80GB HBM3".
func GPUCapability(name string) (string, bool) {
	want := shortName(name)
	wanted := []string{want}
	if len(want) >= 4 && strings.Trim(want[:4], "0123456789") == "" {
		wanted = append(wanted, "rtx"+want, "gtx"+want)
	}
	for _, w := range wanted {
		for _, row := range GPUs() {
			for n := range strings.FieldsSeq(row.Names) {
				if n == w {
					return row.Capability, true
				}
			}
		}
	}
	return "", false
}

// GPUNames are all names that GPUCapability knows.
func GPUNames() []string {
	var all []string
	for _, row := range GPUs() {
		all = append(all, strings.Fields(row.Names)...)
	}
	return all
}

// shortName drops what does not tell GPUs apart: maker, family, memory, form.
func shortName(name string) string {
	name = strings.ToLower(name)
	name, _, _ = strings.Cut(name, " mig ") // a slice of a GPU has its capability
	var b strings.Builder
	for word := range strings.FieldsSeq(strings.NewReplacer("-", " ", "_", " ", "(", " ", ")", " ").Replace(name)) {
		switch word {
		case "nvidia", "geforce", "tesla", "quadro", "jetson", "grid", "graphics", "nvgpu", "pcie", "hbm2", "hbm2e", "hbm3", "hbm3e",
			"generation", "laptop", "gpu", "mobile", "server", "workstation", "edition", "max", "q", "with", "design", "active", "ac":
			continue
		}
		if sized(word, "gb") || sized(strings.TrimRight(word, "0123456789"), "sxm") || strings.HasPrefix(word, "nvl") {
			continue
		}
		b.WriteString(word)
	}
	return b.String()
}

// sized says whether a word is a unit alone or a number with it: "80gb".
func sized(word, unit string) bool {
	number, ok := strings.CutSuffix(word, unit)
	return ok && strings.Trim(number, "0123456789") == ""
}
