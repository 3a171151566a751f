package doctor

import (
	"slices"
	"strings"
	"time"

	"github.com/dockergpu/docker-gpu/hostsetup/find"
	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// brokenChecks are of drivers that answer and yet do not work well.
func brokenChecks() []Check {
	return []Check{
		{
			Code: "G009", Title: "CUDA starts on the host", Group: Driver, Severity: Error, Needs: []Fact{Local, Module}, After: afterDriver("G010", "G012", "G014", "G021"),
			Symptoms: []string{"CUDA_ERROR_NOT_INITIALIZED", "cuInit failed: 3", "re:cuInit.*\\b3\\b"},
			Cause:    "nvidia-smi asks the driver alone; CUDA takes its unified memory too. That fails with some kernels (EL9 and EL10, some 6.x) when heterogeneous memory management (HMM) is on, and after errors of the driver.",
			Link:     "https://github.com/NVIDIA/open-gpu-kernel-modules/issues/947",
			Run:      cudaStarts,
		},
		{
			Code: "G015", Title: "the driver stays ready between programs", Group: Driver, Severity: Note, Needs: []Fact{Local, NVML}, After: afterDriver(),
			Symptoms: []string{"Persistence-M: Off", "Persistence Mode : Disabled"},
			Cause:    "Without persistence the driver shuts a GPU down when its last program ends: the next first call takes seconds, and settings are lost.",
			Run:      persistence,
		},
		{
			Code: "G017", Title: "the InfoROM is whole", Group: Driver, Severity: Warning, Needs: []Fact{NVML}, After: afterDriver("G012"),
			Symptoms: []string{"WARNING: infoROM is corrupted at gpu", "infoROM is corrupted"},
			Cause:    "The card's own small memory, where it keeps its serial number, its ECC record and its settings, is damaged.",
			Run:      infoROM,
		},
	}
}

// cudaStarts judges cuInit's answer. 802 waits for the fabric manager, which G010 tells.
func cudaStarts(h *host.Host, _ time.Time) []Finding {
	code, _, _ := strings.Cut(h.Driver.CUDAError, " ")
	if code == "" || code == "0" || code == "802" || code == "100" && slices.ContainsFunc(h.GPUs, emptyMIG) {
		return nil
	}
	evidence := []Evidence{saw("cuInit", "%s", h.Driver.CUDAError)}
	i := slices.IndexFunc(h.Kernel.Modules, func(m host.Module) bool { return m.Name == "nvidia_uvm" })
	if code != "3" || i < 0 || !strings.EqualFold(h.Kernel.Modules[i].Parameters["uvm_disable_hmm"], "N") {
		return []Finding{told(evidence, []Fix{manual("see which step of CUDA fails: docker gpu smoke", None), manual("end all programs that use a GPU and load the driver anew, or restart the machine", Reboot)},
			"cuInit fails on the host (%s) though the driver works", h.Driver.CUDAError)}
	}
	evidence = append(evidence, saw("/sys/module/nvidia_uvm/parameters/uvm_disable_hmm", "N"), saw("kernel", "%s", h.Kernel.Release))
	fixes := elsewhere(h)
	if mayInstall(h) {
		const file = "/etc/modprobe.d/docker-gpu-hmm.conf"
		fixes = []Fix{{Title: "switch HMM off: end all CUDA programs, then load the module anew", Root: true, Disruption: Restart,
			Argv: [][]string{{"sh", "-c", "echo 'options nvidia_uvm uvm_disable_hmm=1' > " + file}, {"modprobe", "-r", "nvidia_uvm"}, {"modprobe", "nvidia_uvm"}},
			Undo: [][]string{{"rm", "-f", file}, {"modprobe", "-r", "nvidia_uvm"}, {"modprobe", "nvidia_uvm"}}}}
	}
	f := told(evidence, fixes, "cuInit fails on the host (%s) though the driver works: heterogeneous memory management (HMM) is on", h.Driver.CUDAError)
	f.Cause = "Some kernels (EL9 and EL10, some 6.x) and the open modules do not agree on HMM: nvidia-smi works, CUDA does not."
	return []Finding{f}
}

func persistence(h *host.Host, _ time.Time) []Finding {
	if !mayInstall(h) {
		return nil
	}
	var off []Evidence
	for _, g := range h.GPUs {
		// A display keeps its GPU awake, and a laptop's should sleep.
		display := slices.ContainsFunc(g.Processes, func(p host.Process) bool { return p.Kind == "graphics" })
		if g.Persistence != nil && !*g.Persistence && !display && !strings.Contains(g.Name, "Laptop") && !strings.Contains(g.Name, "Max-Q") {
			off = append(off, saw("NVML", "%s: persistence is off", gpuName(g)))
		}
	}
	if len(off) == 0 {
		return nil
	}
	fix := Fix{Title: "switch persistence on until the next restart", Argv: [][]string{{"nvidia-smi", "-pm", "1"}}, Root: true, Disruption: None, Undo: [][]string{{"nvidia-smi", "-pm", "0"}}, Safe: true}
	if u, ok := find.Unit(h, "nvidia-persistenced"); ok {
		off = append(off, saw("nvidia-persistenced.service", "%s, %s", orUnknown(u.Active), orUnknown(u.Enabled)))
		fix = Fix{Title: "run nvidia-persistenced, now and at every start", Argv: [][]string{{"systemctl", "enable", "--now", "nvidia-persistenced"}}, Root: true, Disruption: None,
			Undo: [][]string{{"systemctl", "disable", "--now", "nvidia-persistenced"}}, Safe: true}
	}
	return []Finding{told(off, []Fix{fix}, "persistence is off: GPUs start anew for each program")}
}

func infoROM(h *host.Host, _ time.Time) (out []Finding) {
	for _, g := range h.GPUs {
		if g.InfoROM != "corrupted" {
			continue
		}
		f := told([]Evidence{saw("NVML", "%s: the InfoROM is corrupted", gpuName(g))}, []Fix{manual("ask the card's vendor: it must be written anew or the card replaced", Reboot)},
			"the InfoROM of %s is corrupted", gpuName(g))
		f.GPU = g.UUID
		out = append(out, f)
	}
	return out
}
