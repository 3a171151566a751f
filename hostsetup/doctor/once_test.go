package doctor

import (
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// A user has one problem and reads of it once: what else could be said of it stands in
// the same finding, or nowhere. Codes are all of the report's, the worst first.
func TestOneProblemIsToldOnce(t *testing.T) {
	const docker29, debian, rootless = "docker29-cdi", "debian12-docker20", "rootless"
	line := func(code string) string { return "NVRM: Xid (PCI:0000:1b:00): " + code + ", pid=7" }
	for name, c := range map[string]struct {
		of   string
		make func(h *host.Host)
		want string
	}{
		"unified memory without its node": {docker29, func(h *host.Host) {
			without(h, "/dev/nvidia-uvm", "/dev/nvidia-uvm-tools")
			h.CDI.Specs[0].Nodes[1].Missing = true
		}, "G021"},
		"a node and a spec of the last start": {docker29, func(h *host.Host) { h.Kernel.DeviceMajors["nvidia-uvm"] = 235 }, "G021"},
		"a spec of the last start":            {docker29, func(h *host.Host) { h.Kernel.DeviceMajors["nvidia-uvm"], h.Nodes[2].Major = 235, 235 }, "C016"},
		"a card's node": {docker29, func(h *host.Host) {
			h.Engine.Runtimes["nvidia"] = "nvidia-container-runtime"
			without(h, "/dev/nvidia0")
		}, "G021"},
		"closed nodes":                  {docker29, func(h *host.Host) { h.Nodes[0].Mode = 0o660 }, "G016"},
		"closed nodes and userns-remap": {docker29, func(h *host.Host) { h.Nodes[0].Mode, h.Engine.UserNS = 0o660, true }, "C040"},
		"no libraries":                  {docker29, func(h *host.Host) { h.GPUs, h.Driver.NVML, h.Driver.Libraries = nil, "", nil }, "C008"},
		"holes of the toolkit":          {docker29, func(h *host.Host) { h.Toolkit.Version = "1.17.8" }, "C034"},
		"an engine from before CDI": {docker29, func(h *host.Host) {
			h.Engine.Version, h.Engine.CDIDirs, h.Engine.CDIDevices, h.Engine.Containers = "24.0.9", nil, nil, nil
		}, "C069"},
		"Debian's engine":                    {debian, func(h *host.Host) {}, "C069 V003"},
		"the hook in place of CDI":           {docker29, func(h *host.Host) { h.Engine.Containers[0].Route = byHook }, "C067"},
		"the hook, because there is no spec": {docker29, func(h *host.Host) { h.CDI.Specs, h.Engine.CDIDevices = nil, nil; h.Engine.Containers = nil }, "C018"},
		"the hook, because CDI is off":       {docker29, func(h *host.Host) { h.Engine.CDIDirs, h.Engine.CDIDevices, h.Engine.Containers = nil, nil, nil }, "C017"},
		"no toolkit and an engine with CDI off": {docker29, func(h *host.Host) {
			h.Toolkit, h.CDI.Specs, h.Engine.Version, h.Engine.CDIDirs, h.Engine.CDIDevices, h.Engine.Containers = host.Toolkit{}, nil, "27.5.1", nil, nil, nil
		}, "C001 V005"},
		"rootless by the hook": {rootless, func(h *host.Host) { delete(h.Toolkit.Config, noCgroups); h.Engine.CDIDevices, h.CDI.Specs = nil, nil }, "C018 C009"},
		"rootless without device rules": {rootless, func(h *host.Host) {
			h.Toolkit.Config[noCgroups] = "true"
			h.Engine.Containers[0].Route = byHook
			h.Engine.CDIDevices, h.CDI.Specs = nil, nil
		}, "C018"},
		"a GPU off the bus": {"dgx-h100", func(h *host.Host) {
			xid(h, "0000:52:00", 79, "NVRM: Xid (PCI:0000:52:00): 79, GPU has fallen off the bus.")
			h.GPUs = slices.Delete(h.GPUs, 2, 3)
		}, "G012"},
		"a GPU that is not bound": {"dgx-h100", func(h *host.Host) { h.PCI[7].Driver, h.GPUs = "", h.GPUs[:7] }, "G014"},
		"MIG without instances":   {"mig-a100", func(h *host.Host) { h.GPUs[0].MIG.Devices = nil }, "H017"},
		"an upgrade that is not loaded": {"workstation", func(h *host.Host) {
			for i := range h.Driver.Libraries {
				h.Driver.Libraries[i].Version = "580.119.02"
			}
		}, "G002"},
		"fields of a newer schema": {docker29, func(h *host.Host) {
			h.Engine.Version, h.CDI.Specs[0].Schema, h.CDI.Specs[0].Fields = "25.0.5", "0.7.0", []string{"additionalGids"}
		}, "C020 C010 V005"},
		"a firmware that hangs": {"dgx-h100", func(h *host.Host) {
			xid(h, "0000:1b:00", 119, line("119"))
			h.GPUs[0].RecoveryAction = "gpu-reset"
		}, "G013"},
		"a row to be remapped": {"dgx-h100", func(h *host.Host) {
			xid(h, "0000:1b:00", 63, line("63"))
			h.GPUs[0].RecoveryAction, h.GPUs[0].RemappedRows.Pending = "gpu-reset", true
		}, "H001"},
		"data lost": {"dgx-h100", func(h *host.Host) {
			xid(h, "0000:1b:00", 48, line("48"))
			xid(h, "0000:1b:00", 95, line("95"))
			h.GPUs[0].RecoveryAction, h.GPUs[0].ECC.VolatileUncorrected = "gpu-reset", 1
		}, "H002"},
		"an Xid after which NVML wants a reset": {"dgx-h100", func(h *host.Host) {
			xid(h, "0000:1b:00", 109, line("109"))
			h.GPUs[0].RecoveryAction = "gpu-reset"
		}, "H015"},
		"an Xid after which NVML wants more": {"dgx-h100", func(h *host.Host) {
			xid(h, "0000:1b:00", 109, line("109"))
			h.GPUs[0].RecoveryAction = "node-reboot"
		}, "H015 H016"},
		"two GPUs, two problems": {"dgx-h100", func(h *host.Host) {
			xid(h, "0000:1b:00", 119, line("119"))
			h.GPUs[0].RecoveryAction, h.GPUs[1].RecoveryAction = "gpu-reset", "gpu-reset"
		}, "G013 H016"},
	} {
		t.Run(name, func(t *testing.T) {
			h := recording(t, "healthy-"+c.of, c.make)
			r := Examine(h, All(), today)
			assert.Equal(t, strings.Join(codes(r.Findings), " "), c.want, "%+v", r.Findings)
		})
	}
}

// What NVML wants makes a warning an error, and says so in the finding of its cause.
func TestNVMLsWordIsTheCauses(t *testing.T) {
	for _, action := range []string{"gpu-reset", "drain-and-reset", "none", ""} {
		h := recording(t, "healthy-dgx-h100", func(h *host.Host) {
			h.GPUs[3].RemappedRows.Pending, h.GPUs[3].RecoveryAction = true, action
			xid(h, "0000:61:00", 63, "NVRM: Xid (PCI:0000:61:00): 63, pid=1, Row Remapper: New row marked for remapping")
		})
		h.GPUs[3].PCI = "0000:61:00.0"
		r := Examine(h, healthChecks(), today)
		assert.DeepEqual(t, codes(r.Findings), []string{"H001"})
		said := strings.Contains(r.Findings[0].Evidence[len(r.Findings[0].Evidence)-1].Text, "recovery action")
		assert.Equal(t, said, action == "gpu-reset" || action == "drain-and-reset", action)
		assert.Equal(t, r.Findings[0].Severity == Error, said, action)
		assert.Assert(t, strings.Contains(r.Findings[0].Evidence[1].Text, "Row Remapper"), "%v", r.Findings[0].Evidence)
	}
}
