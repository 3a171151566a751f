package doctor

import (
	"slices"
	"strings"
	"time"

	"github.com/dockergpu/docker-gpu/hostsetup/find"
	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/internal/policy"
)

// fabricChecks are of machines whose GPUs are joined by NVSwitches.
func fabricChecks() []Check {
	return []Check{
		{
			Code: "G010", Title: "the fabric manager has set up the NVSwitches", Group: Driver, Severity: Error, Needs: []Fact{Module}, After: afterDriver(),
			Symptoms: []string{"CUDA 802 system not yet initialized", "cudaErrorSystemNotReady", "system not yet initialized", "Error 802: system not yet initialized"},
			Cause:    "On a machine with NVSwitches CUDA waits until the fabric manager, in exactly the driver's version, has set them up.",
			Run:      fabric,
		},
		{
			Code: "G011", Title: "no fabric manager runs without NVSwitches", Group: Driver, Severity: Note, Needs: []Fact{Module, PCI, Systemd}, After: afterDriver(),
			Symptoms: []string{"NV_WARN_NOTHING_TO_DO", "fabric manager: failed to start: NV_WARN_NOTHING_TO_DO"},
			Cause:    "The fabric manager is for machines with NVSwitches. Without them it ends at once, which looks like a failure and is none.",
			Run:      needlessFabric,
		},
	}
}

func fabric(h *host.Host, _ time.Time) (out []Finding) {
	var waiting []Evidence
	for _, g := range h.GPUs {
		if g.Fabric == nil {
			continue
		}
		switch bad := g.Fabric.Health != "" && !strings.EqualFold(g.Fabric.Health, "healthy") && !strings.EqualFold(g.Fabric.Health, "ok"); {
		case g.Fabric.State == "in-progress", g.Fabric.State == "not-started" && len(find.NVSwitches(h)) > 0:
			waiting = append(waiting, saw("NVML", "%s: fabric %s", gpuName(g), g.Fabric.State))
		case bad && g.Fabric.State != "not-supported":
			waiting = append(waiting, saw("NVML", "%s: fabric %s, %s", gpuName(g), g.Fabric.State, g.Fabric.Health))
		case g.Fabric.State == "completed" && g.Fabric.Status != "" && !strings.EqualFold(g.Fabric.Status, "success"):
			waiting = append(waiting, saw("NVML", "%s: fabric completed, and failed: %s", gpuName(g), g.Fabric.Status))
		}
	}
	outside := len(waiting)
	if strings.HasPrefix(h.Driver.CUDAError, "802") {
		waiting = append(waiting, saw("cuInit", "%s", h.Driver.CUDAError))
	}
	if len(find.NVSwitches(h)) == 0 && len(waiting) == 0 || inContainer(h) && len(waiting) == 0 {
		return nil
	}
	evidence := waiting
	if n := len(find.NVSwitches(h)); n > 0 {
		evidence = append(evidence, saw("PCI", "%d NVSwitches", n))
	}
	fm, known := find.Unit(h, "nvidia-fabricmanager")
	if known {
		evidence = append(evidence, saw("nvidia-fabricmanager.service", "%s, %s", orUnknown(fm.Active), orUnknown(fm.Enabled)))
	}
	start := Fix{Title: "start the fabric manager, now and at every start", Argv: [][]string{{"systemctl", "enable", "--now", "nvidia-fabricmanager"}},
		Root: true, Disruption: None, Undo: [][]string{{"systemctl", "disable", "--now", "nvidia-fabricmanager"}}, Safe: true}
	switch v := h.Driver.FabricManager; {
	case inContainer(h):
		return []Finding{told(evidence, elsewhere(h), "the GPUs wait for the fabric manager")}
	case v == "" && len(find.NVSwitches(h)) > 0 && fm.Active != "active":
		return []Finding{told(evidence, installFabric(h), "there are NVSwitches and no fabric manager")}
	case v != "" && v != h.Driver.Version:
		return []Finding{told(append(evidence, saw("fabric manager", "%s", v), saw("driver", "%s", h.Driver.Version)), installFabric(h),
			"the fabric manager is %s, the driver is %s", v, h.Driver.Version)}
	case known && fm.Active != "active" && len(find.NVSwitches(h)) > 0:
		return []Finding{told(evidence, []Fix{start}, "the fabric manager does not run: its unit is %s", orUnknown(fm.Active))}
	case len(waiting) > 0:
		again := Fix{Title: "end all GPU programs and start the fabric manager again; its log is /var/log/fabricmanager.log", Root: true, Disruption: Restart,
			Argv: [][]string{{"systemctl", "restart", "nvidia-fabricmanager"}}}
		who := "NVML complains of " + count(outside, "GPU")
		if outside == 0 {
			who = "CUDA waits for it"
		}
		return []Finding{told(evidence, []Fix{again}, "the NVLink fabric is not ready: %s", who)}
	}
	return nil
}

// installFabric installs the fabric manager in the driver's very version.
func installFabric(h *host.Host) []Fix {
	v := h.Driver.Version
	branch, _, _ := strings.Cut(v, ".")
	name := map[string]string{"apt-get": "nvidia-fabricmanager-" + branch, "dnf": "nvidia-fabric-manager", "zypper": "nvidia-fabricmanager"}[packager(h)]
	if policy.BranchOf(v) == 0 || !release.MatchString(v) || name == "" {
		return []Fix{manual("install the fabric manager in the driver's version, "+shown(v)+", and start it", None)}
	}
	exactly := name + versionMark(h) + v
	if packager(h) == "apt-get" {
		exactly += "-*" // of any revision
	}
	fix := Fix{Title: "install the fabric manager " + v + " and start it", Root: true, Disruption: None,
		Argv: append(installPackages(h, exactly), []string{"systemctl", "enable", "--now", "nvidia-fabricmanager"}),
		Undo: [][]string{{"systemctl", "disable", "--now", "nvidia-fabricmanager"}}}
	if h.Driver.FabricManager == "" {
		fix.Undo = append(fix.Undo, removePackages(h, name)...)
	}
	return []Fix{fix}
}

func needlessFabric(h *host.Host, _ time.Time) []Finding {
	fm, ok := find.Unit(h, "nvidia-fabricmanager")
	if !ok || fm.Active != "failed" && fm.Active != "active" && fm.Active != "activating" || len(find.NVSwitches(h)) > 0 {
		return nil
	}
	// The NVSwitches of newer machines are not on this bus; NVML knows of their fabric.
	joined := slices.ContainsFunc(h.GPUs, func(g host.GPU) bool {
		return g.Fabric != nil && g.Fabric.State != "" && g.Fabric.State != "not-supported"
	})
	linked := slices.ContainsFunc(h.GPUs, func(g host.GPU) bool { return len(g.NVLinks) > 0 })
	if joined || linked && fm.Active == "active" {
		return nil
	}
	return []Finding{told([]Evidence{saw("nvidia-fabricmanager.service", "%s", fm.Active), saw("PCI", "no NVSwitch (class 0680)")},
		[]Fix{{Title: "do not start it", Argv: [][]string{{"systemctl", "disable", "--now", "nvidia-fabricmanager"}}, Root: true, Disruption: None,
			Undo: [][]string{{"systemctl", "enable", "--now", "nvidia-fabricmanager"}}, Safe: true}},
		"the fabric manager is %s on a machine without NVSwitches, which does not need it", fm.Active)}
}
