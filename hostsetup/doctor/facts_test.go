package doctor

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/find"
	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/internal/policy"
)

// What a machine says becomes one short line, whatever it says.
func TestTextsOfMachinesAreOneLine(t *testing.T) {
	for in, want := range map[string]string{
		"":                                "",
		"plain":                           "plain",
		"  around  ":                      "around",
		"a\nb\tc\rd":                      "a b c d",
		"\x1b[31mred\x1b[0m":              "[31mred[0m",
		"\x00\x07\x7fbell":                "bell",
		"right\u202eleft\u2066\u200b":     "rightleft",
		"not UTF-8 \xff\xc0":              "not UTF-8",
		"größer als 85 °C":                "größer als 85 °C",
		"C1 \u0085\u009b controls":        "C1 controls",
		"\u00a0no break\u2028line\u2029p": "no break line p",
	} {
		s := shown(in)
		assert.Equal(t, s, want, "%q", in)
		assert.Equal(t, shown(s), s, "once is enough: %q", in)
		assert.Assert(t, !strings.ContainsAny(s, "\n\r\t\x1b\x00\a\x7f\u202e\u200b") && utf8.ValidString(s), "%q", s)
	}
	for _, long := range []string{strings.Repeat("x", 1<<20), strings.Repeat("ü", 1<<18), strings.Repeat("\xff", 1<<16) + "end", strings.Repeat("日本語 ", 1<<12)} {
		s := shown(long)
		assert.Assert(t, utf8.ValidString(s) && len(s) <= 310, "%d bytes", len(s))
	}
}

func TestCountsAndLists(t *testing.T) {
	for n, want := range map[int]string{0: "0 GPUs", 1: "1 GPU", 2: "2 GPUs", -1: "-1 GPUs"} {
		assert.Equal(t, count(n, "GPU"), want)
	}
	for want, names := range map[string][]string{
		"none": nil, "a": {"a"}, "a, b, c, d": {"a", "b", "c", "d"}, "a, b, c, d, and 1 other": {"a", "b", "c", "d", "e"},
		"a, b, c, d, and 96 others": append([]string{"a", "b", "c", "d"}, make([]string, 96)...), "[2J": {"\x1b[2J"},
	} {
		assert.Equal(t, listed(names), want)
	}
	assert.Equal(t, times(1)+", "+times(3), "once, 3 times")
}

// One card has several spellings: the kernel's, NVML's, the log's.
func TestAddressesOfCards(t *testing.T) {
	for _, same := range [][2]string{{"0000:65:00.0", "00000000:65:00.0"}, {"0000:65:00.0", "0000:65:00"}, {"0000:1B:00.0", "0000:1b:00"}, {"00010000:01:00.0", "10000:01:00.0"}} {
		assert.Assert(t, samePCI(same[0], same[1]), "%v", same)
	}
	for _, other := range [][2]string{{"0000:65:00.0", "0000:66:00.0"}, {"", ""}, {"", "0000:65:00.0"}, {"0001:65:00.0", "0000:65:00.0"}, {"00010000:01:00.0", "0000:01:00.0"}} {
		assert.Assert(t, !samePCI(other[0], other[1]), "%v", other)
	}
	h := &host.Host{GPUs: []host.GPU{{Index: 0, PCI: "0000:65:00.0", Name: "NVIDIA H200"}, {Index: 1}}}
	g, ok := gpuAt(h, "00000000:65:00.0")
	assert.Assert(t, ok && g.Index == 0)
	_, ok = gpuAt(h, "")
	assert.Assert(t, !ok, "a line without an address is of no GPU that has none")
	for pci, want := range map[string]string{"0000:65:00": "GPU 0 (NVIDIA H200, 0000:65:00.0)", "0000:99:00": "the GPU at 0000:99:00", "": "a GPU"} {
		assert.Equal(t, nameAt(h, pci), want)
	}
	assert.Equal(t, gpuName(host.GPU{Index: 7}), "GPU 7")
	assert.Equal(t, gpuName(host.GPU{Name: "\x1b[31mH\n200"}), "GPU 0 ([31mH 200)")
}

// nvidia-smi is given a UUID where there is one that can be an argument.
func TestGPUsAreNamedByUUID(t *testing.T) {
	for uuid, want := range map[string]string{
		"GPU-11111111-0000-0000-0000-000000000000": "GPU-11111111-0000-0000-0000-000000000000",
		"": "3", "MIG-1": "3", "GPU-\x1b[2J": "3", "-i": "3", "GPU-a\nb": "3",
	} {
		assert.Equal(t, selectGPU(host.GPU{Index: 3, UUID: uuid}), want, "%q", uuid)
	}
}

func TestPackageManagers(t *testing.T) {
	for os, want := range map[host.OS]string{
		{ID: "ubuntu", Like: "debian"}:                    "apt-get",
		{ID: "debian"}:                                    "apt-get",
		{ID: "linuxmint", Like: "ubuntu debian"}:          "apt-get",
		{ID: "rhel", Like: "fedora"}:                      "dnf",
		{ID: "rocky", Like: "rhel centos fedora"}:         "dnf",
		{ID: "ol", Like: "fedora"}:                        "dnf",
		{ID: "fedora"}:                                    "dnf",
		{ID: "azurelinux"}:                                "dnf",
		{ID: "amzn", Like: "fedora", Version: "2023"}:     "dnf",
		{ID: "amzn", Like: "centos fedora", Version: "2"}: "yum",
		{ID: "sles", Like: "suse"}:                        "zypper",
		{ID: "opensuse-leap", Like: "suse opensuse"}:      "zypper",
		{ID: "arch"}:                                      "",
		{}:                                                "",
		{ID: "\x1b", Like: "ubuntu"}:                      "apt-get",
	} {
		assert.Equal(t, packager(&host.Host{OS: os}), want, "%+v", os)
	}
}

// Packages are installed, removed and upgraded by the program that the host has.
func TestCommandsOfPackageManagers(t *testing.T) {
	for id, want := range map[string][3]string{
		"debian": {"apt-get update\napt-get install -y a b", "apt-get remove -y a b", "apt-get update\napt-get install -y --only-upgrade a b"},
		"fedora": {"dnf install -y a b", "dnf remove -y a b", "dnf upgrade -y a b"},
		"sles":   {"zypper --non-interactive install a b", "zypper --non-interactive remove a b", "zypper --non-interactive update a b"},
		"arch":   {"", "", ""},
	} {
		h := &host.Host{Local: true, OS: host.OS{ID: id}}
		fix := upgrade(h, []string{"a", "b"}, "2.0", Restart)[0]
		assert.DeepEqual(t, [3]string{commands(installPackages(h, "a", "b")), commands(removePackages(h, "a", "b")), commands(fix.Argv)}, want)
		assert.Assert(t, strings.HasPrefix(fix.Title, "upgrade a to 2.0 or newer") && fix.Disruption == Restart)
		assert.Equal(t, fix.Root, id != "arch")
	}
	for name, h := range map[string]*host.Host{"a container": {Local: true, OS: host.OS{ID: "debian", Container: "docker"}}, "another machine": {}} {
		fix := upgrade(h, []string{"a"}, "2.0", Restart)[0]
		assert.Assert(t, fix.Argv == nil && strings.HasSuffix(fix.Title, "on the engine's host"), name)
	}
}

// Which way --gpus goes is the engine's version, the programs on its PATH, and devices.
func TestTheRouteOfGPUs(t *testing.T) {
	for _, c := range []struct {
		version  string
		binaries string
		devices  bool
		want     string
	}{
		{"29.7.2", cdiHook + " " + runtimeHook, true, byCDI}, {"29.7.2", cdiHook, true, byCDI}, {"29.7.2", runtimeHook, true, byHook},
		{"29.7.2", cdiHook + " " + runtimeHook, false, byHook}, {"29.7.2", cdiHook, false, ""}, {"29.7.2", "", true, ""},
		{"29.1.4", cdiHook + " " + runtimeHook, true, byHook}, {"28.5.2", cdiHook, true, ""}, {"20.10.24+dfsg1", runtimeHook, false, byHook},
		{"2.0.0-beta.24", cdiHook, true, byCDI}, {"", runtimeHook, false, byHook},
	} {
		h := &host.Host{Engine: host.Engine{Version: c.version}, Toolkit: host.Toolkit{Binaries: map[string]string{}}}
		for b := range strings.FieldsSeq(c.binaries) {
			h.Toolkit.Binaries[b] = "/usr/bin/" + b
		}
		if c.devices {
			h.Engine.CDIDevices = []string{"nvidia.com/gpu=all"}
		}
		assert.Equal(t, routeOfGPUs(h), c.want, "%+v", c)
	}
	h := &host.Host{Engine: host.Engine{CDIDevices: []string{"nvidia.com/gpu=0", "example.com/net=0", "nvidia.com/gpu=", "nvidia.com/gpux=1"}}}
	assert.DeepEqual(t, devicesOfEngine(h), []string{"0", ""})
}

func TestDirectoriesOfSpecs(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"/var/run/cdi", "/run/cdi", true}, {"/run/cdi/", "/run/cdi", true}, {"/etc/cdi", "/etc/../etc/cdi", true},
		{"/etc/cdi", "/var/etc/cdi", false}, {"/var/runner/cdi", "/runner/cdi", false}, {"/var/lib/cdi", "/lib/cdi", false},
	} {
		assert.Equal(t, find.SameDir(c.a, c.b), c.same, "%s and %s", c.a, c.b)
	}
	h := &host.Host{}
	assert.Assert(t, looksInto(h, "/etc/cdi/x.yaml") && looksInto(h, "/run/cdi/x.yaml") && !looksInto(h, "/srv/cdi/x.yaml"), "the defaults")
	h.Engine.CDIDirs = []string{"/srv/cdi"}
	assert.Assert(t, !looksInto(h, "/etc/cdi/x.yaml") && looksInto(h, "/srv/cdi/x.yaml"), "its own")
	assert.Equal(t, specFile(h), "/srv/cdi/nvidia.yaml")
	h.Engine.CDIDirs = []string{"/etc/cdi", "/run/cdi"}
	assert.Equal(t, specFile(h), "/var/run/cdi/nvidia.yaml")
}

// A spec is shadowed if all that it defines is defined again where it counts more.
func TestShadowsOfSpecs(t *testing.T) {
	spec := func(path string, devices ...string) host.CDISpec {
		return host.CDISpec{Path: path, Kind: gpuKind, Devices: devices}
	}
	low := spec("/etc/cdi/a.yaml", "0", "all")
	for name, c := range map[string]struct {
		other host.CDISpec
		want  bool
	}{
		"all of it":        {spec("/var/run/cdi/b.yaml", "0", "all", "1"), true},
		"a part of it":     {spec("/var/run/cdi/b.yaml", "0"), false},
		"one directory":    {spec("/etc/cdi/b.yaml", "0", "all"), false},
		"another kind":     {host.CDISpec{Path: "/run/cdi/b.yaml", Kind: "example.com/net", Devices: []string{"0", "all"}}, false},
		"cannot be read":   {host.CDISpec{Path: "/run/cdi/b.yaml", Kind: gpuKind, Devices: []string{"0", "all"}, Error: "EOF"}, false},
		"where none looks": {spec("/opt/cdi/b.yaml", "0", "all"), false},
	} {
		h := &host.Host{Engine: host.Engine{CDIDirs: []string{"/etc/cdi", "/var/run/cdi"}}, CDI: host.CDI{Specs: []host.CDISpec{low, c.other}}}
		assert.Equal(t, shadowed(h, low), c.want, name)
	}
	assert.Assert(t, !shadowed(&host.Host{}, host.CDISpec{Path: "/etc/cdi/empty.yaml"}), "who defines nothing is not shadowed")
}

func TestNamesOfMIGDevices(t *testing.T) {
	for name, want := range map[string]bool{"0:1": true, "mig0:1": true, "gpu0:1": true, "MIG-5": true, "0": false, "all": false, "GPU-1": false, "": false, "0:": false, "x0:1": false} {
		assert.Equal(t, isMIG(name), want, name)
	}
}

// daemon.json may be anything that JSON is.
func TestDaemonFiles(t *testing.T) {
	for text, want := range map[string]string{
		`{"features": {"cdi": true}}`:   "true true",
		`{"features": {"cdi": false}}`:  "false true",
		`{"features": {}}`:              "false false",
		`{"features": {"cdi": "true"}}`: "false false",
		`{"features": null}`:            "false false",
		`{"features": [true]}`:          "false false",
		`[]`:                            "false false",
		`7`:                             "false false",
		``:                              "false false",
		`{`:                             "false false",
	} {
		on, set := feature(&host.Host{Engine: host.Engine{Config: text}}, "cdi")
		assert.Equal(t, fmt.Sprint(on, " ", set), want, text)
	}
	for e, want := range map[string]host.Engine{
		"/etc/docker/daemon.json":                      {},
		"/srv/d.json":                                  {ConfigFile: "/srv/d.json", Kind: "snap"},
		"/var/snap/docker/current/config/daemon.json":  {Kind: "snap"},
		"~/.config/docker/daemon.json":                 {Rootless: true},
		"/home/u/.config/docker/daemon.json":           {Rootless: true, ConfigFile: "/home/u/.config/docker/daemon.json"},
		"/var/snap/docker/current/config/daemon.json ": {Kind: "snap", Rootless: true},
	} {
		assert.Equal(t, configFile(&host.Host{Engine: want}), strings.TrimSpace(e))
	}
	assert.DeepEqual(t, anySlice([]any{"a", 1, nil, "b"}), []string{"a", "b"})
	assert.Equal(t, len(anySlice("a")), 0)
}

// The reload settles what a reload can, and nothing else is said to be settled by it.
func TestReloads(t *testing.T) {
	for key, want := range map[string]bool{"runtimes": true, "default-runtime": true, "live-restore": true, "labels": true, "data-root": false, "exec-opts": false, "features.cdi": false, "storage-driver": false} {
		assert.Equal(t, policy.DaemonReload(key) != policy.AtStart, want, key)
	}
	for want, e := range map[string]host.Engine{
		"systemctl reload docker": {}, "systemctl --user reload docker": {Rootless: true}, "snap restart docker": {Kind: "snap"}, "docker desktop restart": {Kind: "desktop"},
	} {
		f := engineReload(&host.Host{Engine: e})
		assert.Equal(t, commands(f.Argv), want)
		assert.Equal(t, f.Disruption == Reload, strings.Contains(want, "reload"), want)
	}
	for title, e := range map[string]host.Engine{
		"restart Docker": {},
		"restart Docker (1 running container stops and starts again only by its restart policy)":    {Running: 1},
		"restart Docker (2 running containers stop and start again only by their restart policies)": {Running: 2},
		"restart Docker (live-restore is on: running containers stay up)":                           {Running: 2, LiveRestore: true},
	} {
		assert.Equal(t, engineRestart(&host.Host{Engine: e}).Title, title)
	}
}

// How much a CDI fault matters depends on what else there is.
func TestHowMuchCDIMatters(t *testing.T) {
	local := host.Kernel{Release: "6.8.0"}
	hook := map[string]string{runtimeHook: "/usr/bin/" + runtimeHook}
	used := []host.Container{{State: "running", Route: byCDI}}
	for name, c := range map[string]struct {
		h    host.Host
		want Severity
	}{
		"containers go by it":           {host.Host{Kernel: local, Engine: host.Engine{Version: "28.5.2", Containers: used}, Toolkit: host.Toolkit{Binaries: hook}}, Error},
		"there is nothing else":         {host.Host{Kernel: local, Engine: host.Engine{Version: "28.5.2"}}, Error},
		"--gpus falls back to the hook": {host.Host{Kernel: local, Engine: host.Engine{Version: "29.7.2"}, Toolkit: host.Toolkit{Binaries: hook}}, Warning},
		"--gpus takes the hook anyhow":  {host.Host{Kernel: local, Engine: host.Engine{Version: "28.5.2"}, Toolkit: host.Toolkit{Binaries: hook}}, Note},
		"another machine's programs":    {host.Host{Engine: host.Engine{Version: "28.5.2"}}, Note},
	} {
		assert.Equal(t, cdiSeverity(&c.h), c.want, name)
	}
}

// Linux names its kernels, packages and versions; commands take what is a name.
func TestArgumentsOfCommands(t *testing.T) {
	for s, want := range map[string]bool{"6.8.0-88-generic": true, "5.14.0-611.5.1.el9_7.x86_64": true, "7.2.8-200.fc44.x86_64": true, "6.1.0~rc1": true, "": false, "-6.8": false, "6.8 x": false, "6.8;x": false, "6.8/../x": false, "6.8\n": false, "6" + strings.Repeat("8", 200): false} {
		assert.Equal(t, kernelRelease.MatchString(s), want, "%q", s)
	}
	for s, want := range map[string]bool{"nvidia-driver-580": true, "libnvidia-container1": true, "g++": true, "": false, "--all": false, "a b": false, "a;b": false, "a=1": false} {
		assert.Equal(t, plainName.MatchString(s), want, "%q", s)
	}
	for s, want := range map[string]bool{"1.20.1-1": true, "5:29.7.2-1~ubuntu.24.04~noble": true, "1.1.5+ds1-1+deb12u1": true, "": false, "-1": false, "1 2": false, "1;2": false, "$(x)": false} {
		assert.Equal(t, plainVersion.MatchString(s), want, "%q", s)
	}
	for s, want := range map[string]bool{"0000:65:00.0": true, "00010000:65:00.7": true, "0000:65:00": false, "; reboot": false, "0000:65:00.0 x": false, "0000:65:00.8": false} {
		assert.Equal(t, pciAddress.MatchString(s), want, "%q", s)
	}
	for v, want := range map[string]bool{"1.1.5+ds1": true, "1.1.12-0ubuntu3.1": true, "1.3.3~deb12": true, "1.3.3": false, "v1.2.5": false, "1.4.0-rc.3": false, "": false} {
		assert.Equal(t, ofDistribution.MatchString(v), want, v)
	}
}

func TestArchitecturesOnTheBus(t *testing.T) {
	h := &host.Host{PCI: []host.PCI{{Class: "0302", Device: "2b85"}, {Class: "0300", Device: "1b06"}, {Class: "0403", Device: "10f8"}, {Class: "0302", Device: "ffff"}}}
	assert.DeepEqual(t, archs(h), []policy.Arch{policy.Pascal, policy.Blackwell})
	assert.Assert(t, !hasScreen(h), "one of them is a 3D controller")
	assert.Assert(t, hasScreen(&host.Host{PCI: h.PCI[1:2]}))
	assert.Assert(t, !hasScreen(&host.Host{}), "no GPU has no screen")
	assert.Assert(t, handedAway(&host.Host{PCI: []host.PCI{{Class: "0302", Driver: "vfio-pci"}}}))
	assert.Assert(t, !handedAway(&host.Host{PCI: []host.PCI{{Class: "0302", Driver: "vfio-pci"}, {Class: "0302"}}}))
}
