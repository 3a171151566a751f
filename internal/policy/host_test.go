package policy

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

func TestHypervisors(t *testing.T) {
	fields := []string{"", "product_name", "sys_vendor", "board_vendor", "bios_vendor", "product_version"}
	for i, h := range Hypervisors() {
		assert.Assert(t, h.Text != "" && h.Name != "" && h.Name == strings.ToLower(h.Name), "%+v", h)
		assert.Assert(t, slices.Contains(fields, h.Field), "%s: no file of DMI is called %s", h.Text, h.Field)
		// The first that fits is taken: one that another begins with must stand behind it.
		for _, before := range Hypervisors()[:i] {
			assert.Assert(t, before.Field != "" || !strings.HasPrefix(h.Text, before.Text) || before.Name == h.Name, "%s is hidden by %s", h.Text, before.Text)
		}
	}
}

func TestContainerManagers(t *testing.T) {
	assert.Assert(t, slices.IsSorted(ContainerManagers()))
	for said, want := range map[string]string{"lxc": "lxc", "systemd-nspawn": "systemd-nspawn", "": ContainerOther, "LXC": ContainerOther, "\x1b[2J": ContainerOther, "wsl": ContainerOther} {
		assert.Equal(t, ContainerManager(said), want)
	}
}

func TestCDIFieldsAreOfEnginesThatReadThem(t *testing.T) {
	engines := map[string]string{}
	for _, f := range CDIFields() {
		engines[f.Name] = f.Engine
		assert.Assert(t, f.Name != "" && Compare(f.Schema, "0.5.0") > 0, "%+v", f)
		assert.Assert(t, Compare(EngineOf(f.Engine).Schema, f.Schema) >= 0, "%s: %s does not read it", f.Name, f.Engine)
	}
	assert.DeepEqual(t, engines, map[string]string{"annotations": "25.0", "additionalGids": "26.1", "intelRdt": "26.1", "netDevices": "29.7", "schemata": "29.7", "enableMonitoring": "29.7"})
	assert.Equal(t, engineReading("9.9"), "", "of a schema that none reads yet")
}

// As they are called in the repositories of the distributions and of the vendors.
func TestPackagesThatMatter(t *testing.T) {
	for name, want := range map[string]bool{
		"nvidia-driver-580-server": true, "nvidia-headless-no-dkms-580-server-open": true, "nvidia-utils-580-server": true, "nvidia-kernel-common-580": true,
		"nvidia-dkms-580-open": true, "nvidia-firmware-580-580.65.06": true, "libnvidia-compute-580": true, "libnvidia-ml1": true, "libcuda1": true,
		"linux-modules-nvidia-580-server-6.8.0-49-generic": true, "linux-objects-nvidia-580-6.8.0-49-generic": true, "linux-signatures-nvidia-6.8.0-49-generic": true,
		"nvidia-open": true, "nvidia-driver-cuda": true, "kmod-nvidia-open-dkms": true, "cuda-drivers-580": true, "cuda-keyring": true, "cuda-compat-13-0": true,
		"akmod-nvidia": true, "xorg-x11-drv-nvidia-cuda": true, "nvidia-open-driver-G06-signed-kmp-default": true, "nvidia-compute-utils-G06": true,
		"nvidia-container-toolkit": true, "nvidia-container-toolkit-base": true, "libnvidia-container-tools": true, "libnvidia-container1": true, "nvidia-docker2": true,
		"docker-ce": true, "docker-ce-cli": true, "docker.io": true, "docker-buildx-plugin": true, "docker-compose-plugin": true, "docker-model-plugin": true,
		"containerd.io": true, "containerd": true, "runc": true, "moby-engine": true, "moby-containerd": true, "podman-docker": true, "dkms": true,

		"linux-image-6.8.0-49-generic": false, "runc-dbgsym": false, "dkms-test": false, "podman": false, "libcudart13": false, "cuda-toolkit-13-0": false,
		"python3-docker": false, "xorg-x11-server": false, "kmod": false, "": false, "NVIDIA": false,
	} {
		assert.Equal(t, PackageMatters(name), want, name)
	}
	for _, p := range Packages() {
		assert.Assert(t, slices.Contains([]string{"driver", "toolkit", "docker"}, p.Of), "%+v", p)
		for _, other := range Packages() {
			assert.Assert(t, p == other || other.Whole || !strings.HasPrefix(p.Prefix, other.Prefix), "%s is among %s", p.Prefix, other.Prefix)
		}
	}
	for _, name := range ToolkitPackages() {
		assert.Assert(t, PackageMatters(name), name)
	}
}

func TestTheFabricManagersPackage(t *testing.T) {
	for name, want := range map[string]bool{
		"nvidia-fabricmanager-580": true, "nvidia-fabricmanager": true, "nvidia-fabric-manager": true, "nvidia-fabricmanager-580-server": true,
		"nvidia-fabricmanager-dev-580": false, "nvidia-fabricmanager-devel": false, "nvidia-fabric-manager-devel": false, "cuda-drivers-fabricmanager": false, "nvidia-fabric": false, "": false,
	} {
		assert.Equal(t, IsFabricManager(name), want, name)
	}
}

// The first and the last id of each chip in pci.ids, and what chip they are of.
func TestPCIIDsOfEveryChip(t *testing.T) {
	for _, c := range []struct {
		chips string
		arch  Arch
		ids   string
	}{
		{"GF100 to GF119", Older, "06c0 06df 0dc0 0dda 0de0 0dfc 0e22 0e3b 0f00 0f06 1040 107d 1080 109b 1140 1200 1213 1241 1251"},
		{"GK104, GK106, GK107, GK110, GK180, GK208, GK210", Kepler, "0fc0 0fff 1001 103f 1024 102d 1180 11bf 11c0 11fc 1280 12ba"},
		{"GM107, GM108, GM200, GM204, GM206", Maxwell, "1340 137d 1380 13bd 13c0 13fb 1401 1436 1617 1667 174d 174e 1789 179c 17c2 17fd"},
		{"GP100", Pascal, "15f0 15f9 1725 172e 172f"},
		{"GP102 to GP108", Pascal, "1b00 1b78 1b80 1be1 1c00 1c70 1c81 1cfb 1d01 1d56"},
		{"GV100", Volta, "1d81 1df6"},
		{"TU102 to TU117", Turing, "1e02 1e78 1e81 1ef5 1f02 1f76 1f81 1ff9 2182 21d1"},
		{"GA100 to GA107", Ampere, "2082 20fd 2200 223f 2414 2460 2482 24fa 2501 2571 2582 25fb"},
		{"GH100", Hopper, "2302 2330 2335 2339 2342"},
		{"AD102 to AD107", Ada, "2681 26f5 2704 2730 2782 27e0 2803 2860 28a0 28e1"},
		{"GB100, GB102", Blackwell, "2900 2901 2941 29ff"},
		{"GB110, GB112", Blackwell, "3180 3182 31c2 3200 327f"},
		{"GB202 to GB207", Blackwell, "2b85 2c02 2c58 2d04 2d05 2f04 2f18"},
		{"GB20B", Blackwell, "2e03 2e12 2e13"},
	} {
		for id := range strings.FieldsSeq(c.ids) {
			assert.Equal(t, ArchOfPCI(id).String(), c.arch.String(), "%s of %s", id, c.chips)
			assert.Equal(t, ArchOfPCI(strings.ToUpper(id)).String(), c.arch.String(), "%s of %s", id, c.chips)
		}
	}
	for _, id := range []string{"", "0", "001f", "1300", "133f", "1d80x", "0x2330", "2a00", "2b7f", "2e40", "3280", "ffff", "10000", "-1", "+2330", "２３３０"} {
		assert.Equal(t, ArchOfPCI(id), UnknownArch, id)
	}
}

func TestArchitecturesHaveNames(t *testing.T) {
	for a := UnknownArch; a <= Blackwell; a++ {
		assert.Assert(t, a.String() != "" && (a == UnknownArch) == (a.String() == "unknown"), "%d", a)
	}
	assert.Equal(t, Arch(-1).String(), "unknown")
	assert.Equal(t, (Blackwell + 1).String(), "unknown")
}

// Each range holds its ends, and what lies between ranges is unknown: never guessed.
func TestTheEdgesOfPCIRanges(t *testing.T) {
	all := PCIRanges()
	id := func(n int) string { return fmt.Sprintf("%04x", n) }
	for i, r := range all {
		for _, n := range []uint16{r.From, r.To, r.From + (r.To-r.From)/2} {
			assert.Equal(t, ArchOfPCI(id(int(n))), r.Arch, "%04x", n)
		}
		if i > 0 && all[i-1].To+1 < r.From {
			assert.Equal(t, ArchOfPCI(id(int(r.From)-1)), UnknownArch, "%04x", r.From-1)
			assert.Equal(t, ArchOfPCI(id(int(all[i-1].To)+1)), UnknownArch, "%04x", all[i-1].To+1)
		}
		// NVIDIA gives out blocks of 16 ids at least.
		assert.Assert(t, i == 0 || r.From%16 == 0 || r.From == 0x1617, "%04x begins within a block", r.From)
		assert.Equal(t, r.To%16, uint16(15), "%04x ends within a block", r.To)
	}
	known := map[Arch]int{}
	for n := range 0x10000 {
		known[ArchOfPCI(id(n))]++
	}
	for a := Older; a <= Blackwell; a++ {
		assert.Assert(t, known[a] >= 64, "%s has %d ids", a, known[a])
	}
	assert.Assert(t, known[UnknownArch] > 0x8000, "most of all ids are of no GPU yet")
}

// An id comes from a file of the machine's: whatever it says, the answer is one of ours.
func FuzzPCIIDs(f *testing.F) {
	f.Add("2335")
	f.Add("0x10de")
	f.Fuzz(func(t *testing.T, id string) {
		a := ArchOfPCI(id)
		if a < UnknownArch || a > Blackwell || a.String() == "" {
			t.Fatalf("%q is %d", id, a)
		}
		if _, ok := DriverFor(a, a); ok && a != UnknownArch && a < Maxwell {
			t.Fatalf("%s has a driver", a)
		}
	})
}
