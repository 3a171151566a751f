package doctor

import (
	"fmt"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/internal/policy"
)

// Every Xid of NVIDIA's catalogue is told with what it means, and with something to do
// unless the catalogue says that there is nothing.
func TestEveryXidIsTold(t *testing.T) {
	for code := range 200 {
		x, known := policy.LookupXid(code)
		h := recording(t, "healthy-workstation", func(h *host.Host) {
			xid(h, "0000:01:00", code, fmt.Sprintf("NVRM: Xid (PCI:0000:01:00): %d, pid=7", code))
			h.GPUs[0].RecoveryAction = "" // nobody says that it is over
		})
		var found []Finding
		for _, f := range Examine(h, All(), today).Findings {
			if f.Code == "H015" || f.Code == "G012" || f.Code == "G013" || f.Code == "G018" {
				found = append(found, f)
			}
		}
		assert.Equal(t, len(found), 1, "Xid %d: %+v", code, found)
		f := found[0]
		fitToShow(t, &Report{Findings: found}, f.Summary)
		switch {
		case !known:
			assert.Assert(t, len(f.Fixes) == 1 && f.Severity == Warning, "%+v", f)
		case f.Code == "H015":
			assert.Equal(t, f.Severity, Severity(x.Severity), "Xid %d", code)
			assert.Assert(t, len(f.Fixes) > 0 || x.Action == "", "Xid %d, %s: nothing to do: %+v", code, x.Action, f)
		}
	}
}

// What NVIDIA's catalogue asks for becomes commands.
func TestFixesOfXids(t *testing.T) {
	g := host.GPU{Index: 2, UUID: "GPU-11111111-0000-0000-0000-000000000000"}
	reset := "nvidia-smi --gpu-reset -i " + g.UUID
	for action, want := range map[string]string{
		policy.ActionResetGPU: reset, policy.ActionECC: reset, policy.ActionNVLink: reset, policy.ActionNVLink5: reset,
		policy.ActionReboot: "systemctl reboot", policy.ActionRestartVM: "systemctl reboot",
		policy.ActionRestartApp: "", policy.ActionMechanical: "", policy.ActionSupport: "", policy.ActionUpdate: "", policy.ActionCleanup: "", policy.ActionRecovery: "", policy.ActionUVM: "",
	} {
		fixes := xidFixes(policy.Xid{Action: action}, g, true)
		assert.Assert(t, len(fixes) > 0, action)
		assert.Equal(t, commands(fixes[0].Argv), want, action)
		for _, f := range fixes {
			assert.Assert(t, !f.Safe && f.Title != "" && f.Disruption != "", "%s: %+v", action, f)
		}
	}
	// A GPU that is not there cannot be reset alone.
	assert.Equal(t, commands(xidFixes(policy.Xid{Action: policy.ActionResetGPU}, host.GPU{}, false)[0].Argv), "systemctl reboot")
	assert.Equal(t, len(xidFixes(policy.Xid{Action: "A_WORD_TO_COME"}, g, true)), 0)
}

// Xids of two cards, of one code twice and of no address are told one by one.
func TestXidsByCard(t *testing.T) {
	edges(t, "H015", "dgx-h100",
		edge{"two cards", func(h *host.Host) {
			xid(h, "0000:1b:00", 31, "NVRM: Xid (PCI:0000:1b:00): 31, first")
			xid(h, "0000:43:00", 31, "NVRM: Xid (PCI:0000:43:00): 31, other")
			xid(h, "0000:1b:00.0", 31, "NVRM: Xid (PCI:0000:1b:00): 31, last")
		}, `
note H015: GPU 0 (NVIDIA H100 80GB HBM3, 0000:1b:00.0): Xid 31, 2 times: a memory page fault: a program touched an address that is not its own
  gpu: GPU-22222222-0000-0000-0000-000000000100
  seen: kernel log: 2 × NVRM: Xid (PCI:0000:1b:00): 31, last
  seen: kernel log: the last 1h0m0s after the start of the machine
  seen: NVIDIA's catalogue: Xid 31: RESTART_APP
  cause: Whose fault it is most of the time: application.
  fix: start the program again; if it happens again, look for an error in it (compute-sanitizer finds illegal accesses) [restart]
note H015: GPU 1 (NVIDIA H100 80GB HBM3, 0000:43:00.0): Xid 31, once: a memory page fault: a program touched an address that is not its own
  gpu: GPU-22222222-0000-0000-0000-000000000101
  seen: kernel log: 1 × NVRM: Xid (PCI:0000:43:00): 31, other
  seen: kernel log: the last 1h0m0s after the start of the machine
  seen: NVIDIA's catalogue: Xid 31: RESTART_APP
  cause: Whose fault it is most of the time: application.
  fix: start the program again; if it happens again, look for an error in it (compute-sanitizer finds illegal accesses) [restart]
`},
		edge{"no address", func(h *host.Host) { xid(h, "", 13, "NVRM: Xid: 13, \x1b[2Jevil") }, `
note H015: a GPU: Xid 13, once: a graphics or compute engine exception: most often an illegal access or instruction of a program
  seen: kernel log: 1 × NVRM: Xid: 13, [2Jevil
  seen: kernel log: the last 1h0m0s after the start of the machine
  seen: NVIDIA's catalogue: Xid 13: RESTART_APP
  cause: Whose fault it is most of the time: application.
  fix: start the program again; if it happens again, look for an error in it (compute-sanitizer finds illegal accesses) [restart]
`},
		edge{"a code that nobody knows", func(h *host.Host) { xid(h, "0000:1b:00", 99999, "NVRM: Xid (PCI:0000:1b:00): 99999") }, `
warning H015: GPU 0 (NVIDIA H100 80GB HBM3, 0000:1b:00.0): Xid 99999, which is not known here, once
  gpu: GPU-22222222-0000-0000-0000-000000000100
  seen: kernel log: 1 × NVRM: Xid (PCI:0000:1b:00): 99999
  seen: kernel log: the last 1h0m0s after the start of the machine
  fix: look the number up in NVIDIA's catalogue: https://docs.nvidia.com/deploy/xid-errors/analyzing-xid-catalog.html [none]
`},
		edge{"of memory, of which H001 tells", func(h *host.Host) {
			xid(h, "0000:1b:00", 63, "NVRM: Xid (PCI:0000:1b:00): 63")
			h.GPUs[0].RemappedRows.Pending = true
		}, ""},
		edge{"with checks of their own", func(h *host.Host) {
			for _, code := range ownCode {
				xid(h, "0000:1b:00", code, "x")
			}
		}, ""},
	)
}
