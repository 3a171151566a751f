package policy

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"
)

// For each vulnerability: the release that mends it has it no more, what comes just before has it,
// whatever a distribution puts around the numbers.
func TestEachVulnerabilityEndsWhereItIsMended(t *testing.T) {
	has := func(component, version, id string) bool {
		return strings.Contains(fmt.Sprint(Open(component, version)), id)
	}
	for _, c := range CVEs() {
		for _, fixed := range c.Fixed {
			for _, as := range []string{fixed, "v" + fixed, fixed + "-1", "1:" + fixed + "-0ubuntu1", fixed + "+ds1-1", fixed + "-2.el9"} {
				assert.Assert(t, !has(c.Component, as, c.ID), "%s: %s", c.ID, as)
			}
			for _, as := range []string{fixed + "-rc.1", fixed + "~rc.1-1", fixed + "-beta.2"} {
				assert.Assert(t, has(c.Component, as, c.ID), "%s: %s", c.ID, as)
			}
			assert.Assert(t, has(c.Component, before(fixed), c.ID), "%s: %s", c.ID, before(fixed))
		}
		assert.Assert(t, has(c.Component, "0.1", c.ID) && !has(c.Component, "99.0", c.ID), c.ID)
		assert.Assert(t, !has("another", "0.1", c.ID), c.ID)
		for _, none := range []string{"", "N/A", "unknown", "x.y", "1"} {
			assert.Assert(t, !has(c.Component, none, c.ID), "%s: %q", c.ID, none)
		}
	}
}

// before is the release before: 1.2.7 for 1.2.8, and one of the older series for 1.4.0.
func before(version string) string {
	var major, minor, patch int
	fmt.Sscanf(version, "%d.%d.%d", &major, &minor, &patch)
	if patch > 0 {
		return fmt.Sprintf("%d.%d.%d", major, minor, patch-1)
	}
	return fmt.Sprintf("%d.%d.0", major, minor-1)
}

// A series that got no fix stays open until the first that did.
func TestSeriesOfRunc(t *testing.T) {
	for version, open := range map[string]bool{
		"1.0.0": true, "1.1.15": true, "1.2.0": true, "1.2.7": true, "1.2.8": false, "1.2.9": false, "1.3.0": true, "1.3.2": true, "1.3.3": false, "1.3.99": false, "1.4.0-rc.2": true, "1.4.0": false, "1.4.3": false, "1.5.0": false, "2.0.0": false,
	} {
		assert.Equal(t, len(Open("runc", version)) > 0, open, version)
	}
	for in, want := range map[string]string{"1.2.8": "1.2", "v1.2.8": "1.2", "1:1.2.8-1": "1.2", "1.2": "1.2", "1": "1.", "": "."} {
		assert.Equal(t, series(in), want, in)
	}
}

// Whatever GPUs are in a machine, the advice is a branch that drives them all, with the
// modules that they take, and that is maintained.
func TestAdviceForEveryPair(t *testing.T) {
	now, err := time.Parse(time.DateOnly, Reviewed)
	assert.NilError(t, err)
	all := []Arch{UnknownArch, Older, Kepler, Maxwell, Pascal, Volta, Turing, Ampere, Ada, Hopper, Blackwell}
	for i, oldest := range all {
		for _, newest := range all[i:] {
			advice, ok := DriverFor(oldest, newest)
			what := fmt.Sprintf("%s to %s", oldest, newest)
			if !ok {
				gone := oldest != UnknownArch && oldest < Maxwell
				apart := oldest != UnknownArch && oldest < Turing && (newest == UnknownArch || newest >= Blackwell)
				assert.Assert(t, gone || apart, "%s: there is a driver", what)
				continue
			}
			b, known := LookupBranch(advice.Branch)
			assert.Assert(t, known, what)
			assert.Assert(t, !b.Over(now), "%s: R%d has ended", what, b.Branch)
			assert.Assert(t, oldest == UnknownArch || b.Oldest <= oldest, "%s: R%d does not drive it", what, b.Branch)
			assert.Assert(t, advice.Open || newest < Blackwell && newest != UnknownArch, "%s takes the open modules", what)
			assert.Assert(t, !advice.Open || oldest == UnknownArch || oldest >= Turing, "%s has no open modules", what)
		}
	}
}

func TestBranchesOfVersions(t *testing.T) {
	for version, want := range map[string]int{"580.65.06": 580, "580": 580, "1000.1": 1000, "": 0, ".": 0, "x": 0, "-580": 0, "580x.1": 0, "580 .1": 0, "99999999999999999999": 0, "0.1": 0} {
		assert.Equal(t, BranchOf(version), want, version)
	}
	for _, b := range DriverBranches() {
		got, ok := LookupBranch(BranchOf(fmt.Sprintf("%d.99.01", b.Branch)))
		assert.Assert(t, ok && got == b, "%d", b.Branch)
	}
	_, ok := LookupBranch(581)
	assert.Assert(t, !ok)
}

// The last day counts until it is over, and then the branch is.
func TestTheEndOfABranch(t *testing.T) {
	b := DriverBranch{Branch: 1, Ends: "2028-06-30"}
	end, ok := b.End()
	assert.Assert(t, ok)
	assert.Equal(t, end, time.Date(2028, 6, 30, 23, 59, 59, 0, time.UTC))
	assert.Assert(t, !b.Over(end) && b.Over(end.Add(time.Second)))
	_, ok = DriverBranch{}.End()
	assert.Assert(t, !ok && !DriverBranch{}.Over(end))
	assert.Assert(t, DriverBranch{Ended: true}.Over(time.Time{}))
	for _, b := range DriverBranches() {
		if end, ok := b.End(); ok {
			assert.Equal(t, end.AddDate(0, 0, 1).Day(), 1, "R%d does not end with a month", b.Branch)
		}
	}
}

// Code and GPUs, all with all.
func TestServesEverything(t *testing.T) {
	gpus := []string{"5.0", "6.1", "7.0", "7.5", "8.0", "8.6", "8.7", "8.9", "9.0", "10.0", "10.3", "11.0", "12.0", "12.1"}
	for arch, on := range map[string][]string{
		"sm_50": {"5.0"}, "sm_60": {"6.1"}, "sm_70": {"7.0", "7.5"}, "sm_75": {"7.5"}, "sm_80": {"8.0", "8.6", "8.7", "8.9"}, "sm_86": {"8.6", "8.7", "8.9"}, "sm_89": {"8.9"},
		"sm_90": {"9.0"}, "sm_90a": {"9.0"}, "sm_100": {"10.0", "10.3"}, "sm_100a": {"10.0"}, "sm_103": {"10.3"}, "sm_120": {"12.0", "12.1"}, "sm_121": {"12.1"},
		"compute_50": gpus, "compute_80": gpus[4:], "compute_90": gpus[8:], "compute_120": {"12.0", "12.1"},
		"": nil, "sm_": nil, "x": nil, "sm_1": nil,
	} {
		for _, gpu := range gpus {
			assert.Equal(t, Serves(arch, gpu), slices.Contains(on, gpu), "%s on %s", arch, gpu)
		}
		for _, none := range []string{"", "x", "9", "-1.0"} {
			assert.Assert(t, !Serves(arch, none) || strings.HasPrefix(arch, "compute_"), "%s on %q", arch, none)
		}
	}
}

func TestEnginesByVersion(t *testing.T) {
	newest := Engines()[len(Engines())-1]
	for version, want := range map[string]string{
		"1.6.0": "0", "1.13.1": "0", "17.03.0-ce": "0", "18.09.9": "0", "19.03.15": "0", "20.10.24+dfsg1": "0", "23.0.6": "0", "24.0.9-1": "0", "5:24.0.9-1~debian.12~bookworm": "0",
		"25.0.0": "25.0", "25.0.14": "25.0", "26.0.2": "25.0", "26.1.0": "26.1", "26.1.5+dfsg1": "26.1", "27.5.1": "27.0", "28.0.4": "27.0", "28.1.1": "27.0", "28.2.0": "28.2", "28.5.2": "28.2", "29.0.0": "28.2", "29.1.4": "28.2",
		"29.2.0": "29.2", "29.6.9": "29.2", "29.7.0": "29.7", "29.7.2": "29.7", "30.0.0": "29.7", "v29.2.0": "29.2", "29.2.0-rc.1": "29.2", "28.2.0-beta.1": "28.2", "29.8.0-dockergpu": "29.7",
	} {
		assert.Equal(t, EngineOf(version).From, want, version)
	}
	for _, version := range []string{"", "dev", "library-import", "2.0.0-beta.24", "v2.0.0-beta.24", "16.99", "master-1234", "\x1b[2J", "unknown"} {
		assert.DeepEqual(t, EngineOf(version), newest)
	}
}

// Each action of NVIDIA's has an Xid, each fault one, and what a program did is no error of the host's.
func TestXidsTellWhatToDo(t *testing.T) {
	actions, faults := map[string]int{}, map[string]int{}
	for _, x := range Xids() {
		actions[x.Action]++
		faults[x.Fault]++
		if x.Fault == FaultApplication {
			assert.Assert(t, x.Severity != "error", "%d is a program's fault", x.Code)
			assert.Assert(t, slices.Contains([]string{ActionRestartApp, ActionIgnore, ActionCleanup}, x.Action), "%d: %s", x.Code, x.Action)
		}
		if x.Action == ActionIgnore {
			assert.Assert(t, x.Severity != "error", "%d is to be ignored", x.Code)
		}
		assert.Assert(t, x.Meaning == strings.TrimSpace(x.Meaning) && !strings.HasSuffix(x.Meaning, ".") && len(x.Meaning) < 120, "%d: %s", x.Code, x.Meaning)
	}
	for _, action := range []string{ActionIgnore, ActionRestartApp, ActionResetGPU, ActionRestartVM, ActionReboot, ActionMechanical, ActionSupport, ActionUpdate, ActionECC, ActionNVLink, ActionNVLink5, ActionCleanup, ActionRecovery, ActionUVM} {
		assert.Assert(t, actions[action] > 0, "no Xid has %s", action)
	}
	for _, fault := range []string{FaultApplication, FaultDriver, FaultHardware, FaultMemory, FaultNVLink, FaultPower, FaultNone} {
		assert.Assert(t, faults[fault] > 0, "no Xid is the fault of: %s", fault)
	}
	_, err := time.Parse(time.DateOnly, XidDate)
	assert.NilError(t, err)
	assert.Assert(t, strings.HasPrefix(XidSource, "https://"))
}

// Where two limits are of one thing, the one that drops a reading lies beyond the one that doubts it.
func TestLimitsFitTheBounds(t *testing.T) {
	assert.Assert(t, TemperatureBounds().Hold(HottestReading) && PowerBounds().Hold(PowerReading))
	assert.Assert(t, SlowdownMargin > 0 && FanOffHot > 0 && FanOffHot < HottestReading)
	assert.Assert(t, PercentBounds().Hold(BusyGPU) && MemoryBounds().Hold(OrphanMemory))
	assert.Equal(t, DockerShm, 64<<20)
	for _, version := range []string{ToolkitCurrent, ToolkitJITCDI, ToolkitJITReason, ToolkitBeforeDocker, RuncAdvised, ErrorHooks} {
		assert.Assert(t, len(parse(version).numbers) >= 2, version)
	}
	assert.Assert(t, Compare(ToolkitJITCDI, ToolkitJITReason) < 0 && Compare(ToolkitBeforeDocker, ToolkitCurrent) <= 0)
	assert.Assert(t, Compare(fmt.Sprint(EngineSupported), Engines()[len(Engines())-1].From) <= 0)
}

func TestSourcesOfBuilds(t *testing.T) {
	for _, variant := range []string{"cu130", "cu126", "cpu"} {
		assert.Equal(t, TorchIndex(variant), "https://download.pytorch.org/whl/"+variant)
	}
	assert.Assert(t, slices.Contains(TorchPackages(), "torch") && slices.Contains(TorchPackages(), "torchvision") && slices.Contains(TorchPackages(), "triton"))
	for _, python := range []string{"3.10", "3.12", "3.14"} {
		assert.Equal(t, PythonBase(python), "docker.io/library/python:"+python+"-slim-trixie")
	}
	assert.Assert(t, strings.HasPrefix(PlainBase, "docker.io/library/debian:"))
	assert.Assert(t, slices.Contains(Torch()[0].Pythons, PythonDefault), "the newest PyTorch has no wheel for the default Python")
	assert.Equal(t, UVFor("linux/riscv64").SHA256, "")
	assert.Assert(t, UVFor("linux/amd64").SHA256 != UVFor("linux/arm64").SHA256)
}

// The Pythons of a release are in order, and a newer PyTorch drops old ones and adds new ones only.
func TestPythonsOfTorch(t *testing.T) {
	for _, r := range Torch() {
		assert.Assert(t, slices.IsSortedFunc(r.Pythons, Compare), "%s: %v", r.Version, r.Pythons)
		for _, p := range r.Pythons {
			assert.Assert(t, strings.HasPrefix(p, "3."), p)
		}
		assert.Assert(t, r.Torchvision != "", r.Version)
	}
	all := Torch()
	for i := range all[1:] {
		newer, older := all[i], all[i+1]
		assert.Assert(t, Compare(newer.Pythons[0], older.Pythons[0]) >= 0, "%s takes an older Python than %s", newer.Version, older.Version)
		assert.Assert(t, Compare(newer.Pythons[len(newer.Pythons)-1], older.Pythons[len(older.Pythons)-1]) >= 0, "%s takes no Python that %s takes", newer.Version, older.Version)
		assert.Assert(t, Compare(newer.Torchvision, older.Torchvision) >= 0, newer.Version)
	}
	assert.DeepEqual(t, TorchRelease{ARM64: Wheels{Default: "arm"}, AMD64: Wheels{Default: "amd"}}.On("linux/arm64").Default, "arm")
}

// Cards for data centres have ECC on as they come; what looks like one by a part of its name has not.
func TestDataCentreCardsOfTheTable(t *testing.T) {
	for _, name := range []string{"NVIDIA A100 80GB PCIe", "NVIDIA A100X", "NVIDIA A30", "NVIDIA A40", "NVIDIA A16", "NVIDIA A10", "NVIDIA A2", "NVIDIA H100 NVL", "NVIDIA H200", "NVIDIA H20", "NVIDIA GH200 480GB",
		"NVIDIA B300 SXM6 AC", "NVIDIA GB200", "NVIDIA L4", "NVIDIA L40", "NVIDIA L40S", "NVIDIA L20", "Tesla P40", "Tesla P100-PCIE-16GB", "Tesla K80", "NVIDIA H100 80GB HBM3 MIG 1g.10gb"} {
		assert.Assert(t, DataCentre(name), name)
	}
	for _, name := range []string{"", "NVIDIA GeForce RTX 4090", "NVIDIA RTX A4000", "NVIDIA RTX A2000 12GB", "NVIDIA T1000", "NVIDIA GeForce GTX 1080 Ti", "Quadro RTX 6000", "NVIDIA RTX 4000 Ada Generation", "NVIDIA TITAN V", "NVIDIA GB10", "Orin (nvgpu)"} {
		assert.Assert(t, !DataCentre(name), name)
	}
}
