package doctor

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/internal/policy"
)

// commands are those of a fix, each on a line.
func commands(argv [][]string) string {
	var out []string
	for _, a := range argv {
		out = append(out, strings.Join(a, " "))
	}
	return strings.Join(out, "\n")
}

// The commands are those of NVIDIA's driver installation guide (R620, 2026-11-09) and
// of Ubuntu's documentation, with the branch that the GPUs take.
func TestDriversAreInstalledAsTheirMakersSay(t *testing.T) {
	const repos = "https://developer.download.nvidia.com/compute/cuda/repos/"
	open, closed := policy.Advice{Branch: 580, Open: true}, policy.Advice{Branch: 580}
	for name, c := range map[string]struct {
		id, like, version, arch string
		screen                  bool
		advice                  policy.Advice
		want                    string
	}{
		"an Ubuntu server": {"ubuntu", "debian", "24.04", "amd64", false, open,
			"apt-get update\napt-get install -y ubuntu-drivers-common\nubuntu-drivers install --gpgpu nvidia:580-server-open\napt-get install -y nvidia-utils-580-server"},
		"an Ubuntu server with old GPUs": {"ubuntu", "debian", "22.04", "amd64", false, closed,
			"apt-get update\napt-get install -y ubuntu-drivers-common\nubuntu-drivers install --gpgpu nvidia:580-server\napt-get install -y nvidia-utils-580-server"},
		"an Ubuntu desktop": {"ubuntu", "debian", "26.04", "amd64", true, open,
			"apt-get update\napt-get install -y ubuntu-drivers-common\nubuntu-drivers install nvidia:580-open"},
		"Debian": {"debian", "", "13", "amd64", false, open,
			"curl -fsSLo /root/cuda-keyring.deb " + repos + "debian13/x86_64/cuda-keyring_1.1-1_all.deb\ndpkg -i /root/cuda-keyring.deb\napt-get update\napt-get install -y nvidia-driver-pinning-580 nvidia-open"},
		"Debian with old GPUs": {"debian", "", "12", "amd64", false, closed,
			"curl -fsSLo /root/cuda-keyring.deb " + repos + "debian12/x86_64/cuda-keyring_1.1-1_all.deb\ndpkg -i /root/cuda-keyring.deb\napt-get update\napt-get install -y nvidia-driver-pinning-580 cuda-drivers"},
		"RHEL 9": {"rhel", "fedora", "9.7", "amd64", false, open,
			"dnf config-manager --add-repo " + repos + "rhel9/x86_64/cuda-rhel9.repo\ndnf module reset -y nvidia-driver\ndnf module enable -y nvidia-driver:580-open\ndnf install -y kernel-devel-matched kernel-headers nvidia-open"},
		"Alma 8 with old GPUs": {"almalinux", "rhel centos fedora", "8.10", "amd64", false, closed,
			"dnf config-manager --add-repo " + repos + "rhel8/x86_64/cuda-rhel8.repo\ndnf module reset -y nvidia-driver\ndnf module enable -y nvidia-driver:580-dkms\ndnf install -y kernel-devel-matched kernel-headers cuda-drivers"},
		"Rocky 9 on ARM": {"rocky", "rhel centos fedora", "9.7", "arm64", false, open,
			"dnf config-manager --add-repo " + repos + "rhel9/sbsa/cuda-rhel9.repo\ndnf module reset -y nvidia-driver\ndnf module enable -y nvidia-driver:580-open\ndnf install -y kernel-devel-matched kernel-headers nvidia-open"},
		"RHEL 10": {"rhel", "centos fedora", "10.1", "amd64", false, closed,
			"dnf config-manager --add-repo " + repos + "rhel10/x86_64/cuda-rhel10.repo\ndnf install -y python3-dnf-plugin-versionlock\ndnf versionlock *nvidia*580*\ndnf install -y kernel-devel-matched kernel-headers cuda-drivers"},
		"Amazon Linux": {"amzn", "fedora", "2023", "amd64", false, open,
			"dnf config-manager --add-repo " + repos + "amzn2023/x86_64/cuda-amzn2023.repo\ndnf module reset -y nvidia-driver\ndnf module enable -y nvidia-driver:580-open\ndnf install -y kernel-devel-matched kernel-headers nvidia-open"},
		"Fedora": {"fedora", "", "44", "amd64", true, open,
			"dnf config-manager addrepo --from-repofile=" + repos + "fedora44/x86_64/cuda-fedora44.repo\ndnf install -y kernel-devel-matched kernel-headers nvidia-open"},
		"SLES": {"sles", "suse", "15.7", "amd64", false, open,
			"zypper addrepo " + repos + "sles15/x86_64/cuda-sles15.repo\nzypper --gpg-auto-import-keys refresh\nzypper install -y nvidia-open"},
		"openSUSE": {"opensuse-leap", "suse opensuse", "15.6", "amd64", false, open,
			"zypper addrepo " + repos + "opensuse15/x86_64/cuda-opensuse15.repo\nzypper --gpg-auto-import-keys refresh\nzypper install -y nvidia-open"},
		// Their newest driver drives no GPU before Turing.
		"Fedora with old GPUs":  {"fedora", "", "44", "amd64", true, closed, ""},
		"SLES with old GPUs":    {"sles", "suse", "15.7", "amd64", false, closed, ""},
		"Azure Linux":           {"azurelinux", "fedora", "3.0", "amd64", false, open, ""},
		"a kin of Ubuntu's":     {"linuxmint", "ubuntu debian", "22.1", "amd64", true, open, ""},
		"Arch":                  {"arch", "", "", "amd64", true, open, ""},
		"no version":            {"debian", "", "", "amd64", false, open, ""},
		"a version for a shell": {"debian", "", "13; reboot", "amd64", false, open, ""},
		"another processor":     {"ubuntu", "debian", "24.04", "riscv64", false, open, ""},
	} {
		h := &host.Host{Arch: c.arch, OS: host.OS{ID: c.id, Like: c.like, Version: c.version}, PCI: []host.PCI{{Class: "0302", Device: "2335"}}}
		if c.screen {
			h.PCI[0].Class = "0300"
		}
		assert.Equal(t, commands(installArgv(h, c.advice)), c.want, name)
	}
	// Where no command is known, words are said, and what they say is a branch.
	h := &host.Host{OS: host.OS{ID: "arch"}, Arch: "amd64", PCI: []host.PCI{{Class: "0302", Device: "1b06"}}}
	assert.Equal(t, installDriver(h)[0].Title, "install NVIDIA's driver, branch 580, proprietary kernel modules, as your distribution says")
	h = &host.Host{OS: host.OS{ID: "fedora", Version: "44"}, Arch: "amd64", PCI: []host.PCI{{Class: "0302", Device: "2335"}}}
	assert.Equal(t, installDriver(h)[0].Title, "install NVIDIA's driver, the newest branch, open kernel modules, and restart")
}

// A module for a kernel is made the way in which the driver came.
func TestModulesAreMadeAsTheyCame(t *testing.T) {
	const release = "6.8.0-90-generic"
	with := func(id, like string, names ...string) *host.Host {
		h := &host.Host{OS: host.OS{ID: id, Like: like}}
		for _, n := range names {
			h.Packages = append(h.Packages, host.Package{Name: n})
		}
		return h
	}
	for name, c := range map[string]struct {
		h          *host.Host
		release    string
		want, undo string
	}{
		"Ubuntu's signed modules": {with("ubuntu", "debian", "linux-modules-nvidia-580-server-open-6.8.0-88-generic", "nvidia-utils-580-server"), release,
			"apt-get install -y linux-modules-nvidia-580-server-open-" + release, "apt-get remove -y linux-modules-nvidia-580-server-open-" + release},
		"one that is there and old": {with("ubuntu", "debian", "linux-modules-nvidia-580-open-"+release), release, "apt-get install -y linux-modules-nvidia-580-open-" + release, ""},
		"DKMS on Ubuntu":            {with("ubuntu", "debian", "nvidia-dkms-580-open", "nvidia-utils-580"), release, "apt-get update\napt-get install -y linux-headers-" + release + "\ndkms autoinstall -k " + release, ""},
		"DKMS on RHEL":              {with("rhel", "fedora", "kmod-nvidia-open-dkms"), release, "dnf install -y kernel-devel-" + release + "\ndkms autoinstall -k " + release, ""},
		"a module package of SUSE":  {with("sles", "suse", "nvidia-open-driver-G06-signed-kmp-default"), release, "zypper install --force -y nvidia-open-driver-G06-signed-kmp-default", ""},
		"nothing known":             {with("ubuntu", "debian"), release, "", ""},
		"Arch":                      {with("arch", "", "nvidia-dkms"), release, "", ""},
		"a release for a shell":     {with("ubuntu", "debian", "nvidia-dkms-580"), "6.8.0; reboot", "", ""},
		"a release like an option":  {with("ubuntu", "debian", "nvidia-dkms-580"), "--all", "", ""},
	} {
		var got, undo string
		if fixes := buildModule(c.h, c.release); len(fixes) > 0 {
			got, undo = commands(fixes[0].Argv), commands(fixes[0].Undo)
			assert.Assert(t, fixes[0].Root && fixes[0].Disruption == None, name)
		}
		assert.Equal(t, got, c.want, name)
		assert.Equal(t, undo, c.undo, name)
	}
	assert.Assert(t, strings.Contains(buildModule(&host.Host{OS: host.OS{WSL: 2}}, release)[0].Title, "Windows"))
	assert.Assert(t, strings.Contains(buildModule(&host.Host{OS: host.OS{Container: "docker"}}, release)[0].Title, "container's host"))
}

func TestFlavoursOfUbuntusPackages(t *testing.T) {
	for names, want := range map[string]string{
		"": "", "vim docker-ce": "", "nvidia-utils-580": "580", "nvidia-driver-580-open nvidia-utils-580": "580-open",
		"nvidia-utils-580-server linux-modules-nvidia-580-server-open-6.8.0-88-generic": "580-server-open", "libnvidia-compute-535-server": "535-server",
		"nvidia-headless-no-dkms-570-open": "570-open", "nvidia-container-toolkit": "", "nvidia-firmware-580-580.95.05": "580",
	} {
		h := &host.Host{}
		for n := range strings.FieldsSeq(names) {
			h.Packages = append(h.Packages, host.Package{Name: n})
		}
		assert.Equal(t, driverFlavour(h), want, names)
	}
}

func TestPackagesOfTheDriver(t *testing.T) {
	h := &host.Host{}
	for _, n := range []string{"nvidia-driver-580", "libnvidia-compute-580", "cuda-drivers", "libcuda1", "kmod-nvidia-open-dkms", "nvidia-container-toolkit", "libnvidia-container1", "nvidia-docker2", "cuda-keyring", "cuda-toolkit-13-0", "docker-ce"} {
		h.Packages = append(h.Packages, host.Package{Name: n})
	}
	var got []string
	for _, p := range driverPackages(h) {
		got = append(got, p.Name)
	}
	assert.DeepEqual(t, got, []string{"nvidia-driver-580", "libnvidia-compute-580", "cuda-drivers", "libcuda1", "kmod-nvidia-open-dkms"})
}

func TestEdgesOfTheDriver(t *testing.T) {
	edges(t, "G004", "dgx-h100",
		edge{"one of eight", func(h *host.Host) { h.PCI[3].Driver = "nouveau" }, `
error G004: the GPU at 0000:61:00.0 is held by nouveau
  seen: /sys/bus/pci/devices/0000:61:00.0/driver: nouveau
  seen: /etc/modprobe.d: nouveau is blacklisted already: the initial file system was not rebuilt, or nobody restarted
  fix: keep nouveau from loading, and restart [reboot, root]
    run: sh -c "printf 'blacklist nouveau\\noptions nouveau modeset=0\\n' > /etc/modprobe.d/docker-gpu-nouveau.conf"
    run: update-initramfs -u -k all
    run: systemctl reboot
    undo: rm -f /etc/modprobe.d/docker-gpu-nouveau.conf
    undo: update-initramfs -u -k all
`},
		edge{"nova", func(h *host.Host) { h.PCI[3].Driver = "nova-core" }, `
error G004: the GPU at 0000:61:00.0 is held by nova-core
  seen: /sys/bus/pci/devices/0000:61:00.0/driver: nova-core
  fix: keep nova-core from loading, and restart [reboot, root]
    run: sh -c "printf 'blacklist nova_core\\noptions nova_core modeset=0\\n' > /etc/modprobe.d/docker-gpu-nouveau.conf"
    run: update-initramfs -u -k all
    run: systemctl reboot
    undo: rm -f /etc/modprobe.d/docker-gpu-nouveau.conf
    undo: update-initramfs -u -k all
`},
		edge{"another card's", func(h *host.Host) {
			h.PCI = append(h.PCI, host.PCI{Address: "0000:03:00.0", Class: "0403", Driver: "snd_hda_intel"})
		}, ""},
		edge{"a virtual machine's", func(h *host.Host) { h.PCI[3].Driver = "vfio-pci" }, ""},
	)
	edges(t, "G012", "dgx-h100",
		edge{"NVML cannot reach one", gpu(2, func(g *host.GPU) { g.Lost = true }), `
error G012: GPU 2 (NVIDIA H100 80GB HBM3, 0000:52:00.0) fell off the bus
  gpu: GPU-22222222-0000-0000-0000-000000000102
  seen: NVML: GPU 2 (NVIDIA H100 80GB HBM3, 0000:52:00.0): GPU is lost
  fix: switch the machine off and on; a mere restart does not always bring the GPU back [reboot, root]
    run: systemctl poweroff
  fix: if it comes back: seat the card and its cables anew, try another slot, look at temperature and power supply [reboot]
  fix: to see whether power is the cause: lower the clocks for a while [none, root]
    run: nvidia-smi -lgc 0,1200
    undo: nvidia-smi -rgc
`},
		edge{"the kernel says so of one that NVML does not list", func(h *host.Host) {
			xid(h, "0000:52:00", 79, "NVRM: Xid (PCI:0000:52:00): 79, GPU has fallen off the bus.")
			h.GPUs = slices.Delete(h.GPUs, 2, 3)
		}, `
error G012: the GPU at 0000:52:00 fell off the bus
  seen: kernel log: 1 × NVRM: Xid (PCI:0000:52:00): 79, GPU has fallen off the bus.
  fix: switch the machine off and on; a mere restart does not always bring the GPU back [reboot, root]
    run: systemctl poweroff
  fix: if it comes back: seat the card and its cables anew, try another slot, look at temperature and power supply [reboot]
  fix: to see whether power is the cause: lower the clocks for a while [none, root]
    run: nvidia-smi -lgc 0,1200
    undo: nvidia-smi -rgc
`},
		edge{"it came back, and another did not", func(h *host.Host) {
			xid(h, "0000:52:00", 79, "NVRM: Xid (PCI:0000:52:00): 79, GPU has fallen off the bus.")
			h.GPUs[0].Lost = true
		}, `
error G012: GPU 0 (NVIDIA H100 80GB HBM3, 0000:1b:00.0), the GPU at 0000:52:00 fell off the bus
  seen: NVML: GPU 0 (NVIDIA H100 80GB HBM3, 0000:1b:00.0): GPU is lost
  seen: kernel log: 1 × NVRM: Xid (PCI:0000:52:00): 79, GPU has fallen off the bus.
  fix: switch the machine off and on; a mere restart does not always bring the GPU back [reboot, root]
    run: systemctl poweroff
  fix: if it comes back: seat the card and its cables anew, try another slot, look at temperature and power supply [reboot]
  fix: to see whether power is the cause: lower the clocks for a while [none, root]
    run: nvidia-smi -lgc 0,1200
    undo: nvidia-smi -rgc
`},
		edge{"nobody says whether it is well", func(h *host.Host) {
			xid(h, "0000:52:00", 79, "NVRM: Xid (PCI:0000:52:00): 79, GPU has fallen off the bus.")
			h.GPUs[2].RecoveryAction = ""
		}, `
error G012: the GPU at 0000:52:00 fell off the bus
  seen: kernel log: 1 × NVRM: Xid (PCI:0000:52:00): 79, GPU has fallen off the bus.
  fix: switch the machine off and on; a mere restart does not always bring the GPU back [reboot, root]
    run: systemctl poweroff
  fix: if it comes back: seat the card and its cables anew, try another slot, look at temperature and power supply [reboot]
  fix: to see whether power is the cause: lower the clocks for a while [none, root]
    run: nvidia-smi -lgc 0,1200
    undo: nvidia-smi -rgc
`},
		edge{"in a container", both(gpu(2, func(g *host.GPU) { g.Lost = true }), func(h *host.Host) { h.OS.Container = "docker" }), `
error G012: GPU 2 (NVIDIA H100 80GB HBM3, 0000:52:00.0) fell off the bus
  gpu: GPU-22222222-0000-0000-0000-000000000102
  seen: NVML: GPU 2 (NVIDIA H100 80GB HBM3, 0000:52:00.0): GPU is lost
  fix: mend the driver on the container's host; a container has no driver of its own [none]
`},
		edge{"it came back", func(h *host.Host) {
			xid(h, "0000:52:00", 79, "NVRM: Xid (PCI:0000:52:00): 79, GPU has fallen off the bus.")
		}, `
warning G012: the GPU at 0000:52:00 fell off the bus and is back
  seen: kernel log: 1 × NVRM: Xid (PCI:0000:52:00): 79, GPU has fallen off the bus.
  fix: if it comes back: seat the card and its cables anew, try another slot, look at temperature and power supply [reboot]
  fix: to see whether power is the cause: lower the clocks for a while [none, root]
    run: nvidia-smi -lgc 0,1200
    undo: nvidia-smi -rgc
`},
	)
	noManager := func(h *host.Host) { h.Driver.FabricManager, h.Units = "", h.Units[:2] }
	edges(t, "G010", "dgx-h100",
		edge{"not installed", noManager, `
error G010: there are NVSwitches and no fabric manager
  seen: PCI: 4 NVSwitches
  fix: install the fabric manager 580.105.08 and start it [none, root]
    run: apt-get update
    run: apt-get install -y "nvidia-fabricmanager-580=580.105.08-*"
    run: systemctl enable --now nvidia-fabricmanager
    undo: systemctl disable --now nvidia-fabricmanager
    undo: apt-get remove -y nvidia-fabricmanager-580
`},
		edge{"not installed on SUSE", both(noManager, func(h *host.Host) { on(h, "sles", "suse", "15.7") }), `
error G010: there are NVSwitches and no fabric manager
  seen: PCI: 4 NVSwitches
  fix: install the fabric manager 580.105.08 and start it [none, root]
    run: zypper --non-interactive install nvidia-fabricmanager=580.105.08
    run: systemctl enable --now nvidia-fabricmanager
    undo: systemctl disable --now nvidia-fabricmanager
    undo: zypper --non-interactive remove nvidia-fabricmanager
`},
		edge{"not installed on a system of another kind", both(noManager, func(h *host.Host) { on(h, "arch", "", "") }), `
error G010: there are NVSwitches and no fabric manager
  seen: PCI: 4 NVSwitches
  fix: install the fabric manager in the driver's version, 580.105.08, and start it [none]
`},
		edge{"not installed, for a driver of no number", both(noManager, func(h *host.Host) { h.Driver.Version = "580.x; reboot" }), `
error G010: there are NVSwitches and no fabric manager
  seen: PCI: 4 NVSwitches
  fix: install the fabric manager in the driver's version, 580.x; reboot, and start it [none]
`},
		edge{"its unit failed", func(h *host.Host) { h.Units[3].Active = "failed" }, `
error G010: the fabric manager does not run: its unit is failed
  seen: PCI: 4 NVSwitches
  seen: nvidia-fabricmanager.service: failed, enabled
  fix: start the fabric manager, now and at every start [none, root, safe]
    run: systemctl enable --now nvidia-fabricmanager
    undo: systemctl disable --now nvidia-fabricmanager
`},
		edge{"of another version", func(h *host.Host) { h.Driver.FabricManager = "580.95.05" }, `
error G010: the fabric manager is 580.95.05, the driver is 580.105.08
  seen: PCI: 4 NVSwitches
  seen: nvidia-fabricmanager.service: active, enabled
  seen: fabric manager: 580.95.05
  seen: driver: 580.105.08
  fix: install the fabric manager 580.105.08 and start it [none, root]
    run: apt-get update
    run: apt-get install -y "nvidia-fabricmanager-580=580.105.08-*"
    run: systemctl enable --now nvidia-fabricmanager
    undo: systemctl disable --now nvidia-fabricmanager
`},
		edge{"NVML waits", gpu(0, func(g *host.GPU) { g.Fabric = &host.Fabric{State: "in-progress"} }), `
error G010: the NVLink fabric is not ready: NVML complains of 1 GPU
  seen: NVML: GPU 0 (NVIDIA H100 80GB HBM3, 0000:1b:00.0): fabric in-progress
  seen: PCI: 4 NVSwitches
  seen: nvidia-fabricmanager.service: active, enabled
  fix: end all GPU programs and start the fabric manager again; its log is /var/log/fabricmanager.log [restart, root]
    run: systemctl restart nvidia-fabricmanager
`},
		edge{"NVML's words for well", gpu(0, func(g *host.GPU) { g.Fabric = &host.Fabric{State: "completed", Status: "Success", Health: "Healthy"} }), ""},
		edge{"cards that need none", func(h *host.Host) {
			h.PCI, h.Units, h.Driver.FabricManager = h.PCI[:8], h.Units[:2], ""
			for i := range h.GPUs {
				h.GPUs[i].Fabric = &host.Fabric{State: "not-supported"}
			}
		}, ""},
	)
	edges(t, "G014", "dgx-h100",
		edge{"one is not listed", func(h *host.Host) { h.GPUs = h.GPUs[:7] }, `
error G014: the GPU at 0000:df:00.0 is on the bus (driver: nvidia) and the NVIDIA driver does not list it
  seen: PCI: 0000:df:00.0: device 10de:2330, driver nvidia
  seen: NVML: it lists 7 GPUs
  fix: see why the driver could not start it [none, root]
    run: dmesg --kernel --level err,warn
  fix: restart the machine [reboot, root]
    run: systemctl reboot
`},
		edge{"one is not bound", func(h *host.Host) { h.GPUs, h.PCI[7].Driver = h.GPUs[:7], "" }, `
error G014: the GPU at 0000:df:00.0 is on the bus (driver: none) and the NVIDIA driver does not list it
  seen: PCI: 0000:df:00.0: device 10de:2330, driver none
  seen: NVML: it lists 7 GPUs
  fix: have the driver take the GPU [none, root]
    run: sh -c "echo 0000:df:00.0 > /sys/bus/pci/drivers/nvidia/bind"
    undo: sh -c "echo 0000:df:00.0 > /sys/bus/pci/drivers/nvidia/unbind"
  fix: restart the machine [reboot, root]
    run: systemctl reboot
`},
		edge{"an address for a shell", func(h *host.Host) { h.GPUs, h.PCI[7].Driver, h.PCI[7].Address = h.GPUs[:7], "", "0000:df; reboot" }, `
error G014: the GPU at 0000:df; reboot is on the bus (driver: none) and the NVIDIA driver does not list it
  seen: PCI: 0000:df; reboot: device 10de:2330, driver none
  seen: NVML: it lists 7 GPUs
  fix: see why the driver could not start it [none, root]
    run: dmesg --kernel --level err,warn
  fix: restart the machine [reboot, root]
    run: systemctl reboot
`},
		edge{"one was handed away", func(h *host.Host) { h.GPUs, h.PCI[7].Driver = h.GPUs[:7], "vfio-pci" }, ""},
		edge{"NVML was not read", func(h *host.Host) { h.GPUs, h.Unread = nil, map[string]string{"nvml": "x"} }, ""},
		edge{"NVML tells no addresses", func(h *host.Host) { h.GPUs = h.GPUs[:7]; h.GPUs[0].PCI = "" }, ""},
		edge{"a container sees its own", func(h *host.Host) { h.GPUs, h.OS.Container = h.GPUs[:1], "docker" }, ""},
		edge{"NVML writes long domains", gpu(0, func(g *host.GPU) { g.PCI = "00000000:1B:00.0" }), ""},
		edge{"no libraries, which C008 tells", func(h *host.Host) { h.GPUs, h.Driver.NVML, h.Driver.Libraries = nil, "", nil }, ""},
	)
	edges(t, "G015", "mig-a100",
		edge{"off, with the daemon's unit", gpu(0, func(g *host.GPU) { g.Persistence = new(bool) }), `
note G015: persistence is off: GPUs start anew for each program
  seen: NVML: GPU 0 (NVIDIA A100 80GB PCIe, 0000:17:00.0): persistence is off
  seen: nvidia-persistenced.service: active, enabled
  fix: run nvidia-persistenced, now and at every start [none, root, safe]
    run: systemctl enable --now nvidia-persistenced
    undo: systemctl disable --now nvidia-persistenced
`},
		edge{"off, no unit", both(gpu(0, func(g *host.GPU) { g.Persistence = new(bool) }), func(h *host.Host) { h.Units = h.Units[:1] }), `
note G015: persistence is off: GPUs start anew for each program
  seen: NVML: GPU 0 (NVIDIA A100 80GB PCIe, 0000:17:00.0): persistence is off
  fix: switch persistence on until the next restart [none, root, safe]
    run: nvidia-smi -pm 1
    undo: nvidia-smi -pm 0
`},
		edge{"a screen keeps it awake", gpu(0, func(g *host.GPU) { g.Persistence, g.Processes = new(bool), []host.Process{{Kind: "graphics"}} }), ""},
		edge{"a laptop's shall sleep", gpu(0, func(g *host.GPU) { g.Persistence, g.Name = new(bool), "NVIDIA RTX 2000 Ada Generation Laptop GPU" }), ""},
		edge{"in a container", both(gpu(0, func(g *host.GPU) { g.Persistence = new(bool) }), func(h *host.Host) { h.OS.Container = "docker" }), ""},
	)
	edges(t, "G003", "workstation",
		edge{"no module, no headers", func(h *host.Host) {
			h.Kernel.NextBoot = "6.14.0-39-generic"
			h.Kernel.Installed = append(h.Kernel.Installed, host.InstalledKernel{Release: "6.14.0-39-generic"})
		}, `
warning G003: kernel 6.14.0-39-generic starts next and has no NVIDIA module
  seen: running kernel: 6.14.0-37-generic
  seen: /lib/modules/6.14.0-39-generic: none
  seen: /lib/modules/6.14.0-39-generic/build: its headers are missing, so DKMS cannot build
  fix: install the headers of kernel 6.14.0-39-generic and build the module for it [none, root]
    run: apt-get update
    run: apt-get install -y linux-headers-6.14.0-39-generic
    run: dkms autoinstall -k 6.14.0-39-generic
`},
		edge{"no module, headers are there", func(h *host.Host) {
			h.Kernel.NextBoot = "6.14.0-39-generic"
			h.Kernel.Installed = append(h.Kernel.Installed, host.InstalledKernel{Release: "6.14.0-39-generic", Headers: true})
		}, `
warning G003: kernel 6.14.0-39-generic starts next and has no NVIDIA module
  seen: running kernel: 6.14.0-37-generic
  seen: /lib/modules/6.14.0-39-generic: none
  fix: install the headers of kernel 6.14.0-39-generic and build the module for it [none, root]
    run: apt-get update
    run: apt-get install -y linux-headers-6.14.0-39-generic
    run: dkms autoinstall -k 6.14.0-39-generic
`},
		edge{"a module of another version", func(h *host.Host) { h.Kernel.Installed[1].NVIDIAVersion = "570.195.03" }, `
warning G003: after the next restart the module is 570.195.03 and the libraries are 580.105.08
  seen: /lib/modules/6.14.0-37-generic/updates/dkms/nvidia.ko.zst: 570.195.03
  seen: libnvidia-ml.so: 580.105.08
  fix: install the headers of kernel 6.14.0-37-generic and build the module for it [none, root]
    run: apt-get update
    run: apt-get install -y linux-headers-6.14.0-37-generic
    run: dkms autoinstall -k 6.14.0-37-generic
`},
		edge{"an old kernel without one", func(h *host.Host) { h.Kernel.Installed[0].NVIDIA = "" }, ""},
		edge{"nobody knows what starts next", func(h *host.Host) { h.Kernel.NextBoot, h.Kernel.Installed[1].NVIDIA = "", "" }, ""},
		edge{"no driver runs, which G001 tells", func(h *host.Host) { unload(h); h.Kernel.Installed[1].NVIDIA = "" }, ""},
		edge{"the next kernel is not known", func(h *host.Host) { h.Kernel.NextBoot = "9.9.9" }, ""},
	)
	edges(t, "G020", "workstation",
		edge{"the last day is over", func(h *host.Host) { h.Driver.Version = "570.211.01" }, `
warning G020: the driver 570.211.01 is of branch 570, which gets no more fixes
  seen: driver: 570.211.01
  seen: policy table of 2026-11-24: R570: production branch, ended February 2026
  fix: install NVIDIA's driver, branch 580, open kernel modules, and restart [reboot, root]
    run: apt-get update
    run: apt-get install -y ubuntu-drivers-common
    run: ubuntu-drivers install nvidia:580-open
    run: systemctl reboot
`},
		edge{"older than the table", func(h *host.Host) { h.Driver.Version = "390.157" }, `
warning G020: the driver 390.157 is of branch 390, which gets no more fixes
  seen: driver: 390.157
  seen: policy table of 2026-11-24: R390: no longer listed by NVIDIA
  fix: install NVIDIA's driver, branch 580, open kernel modules, and restart [reboot, root]
    run: apt-get update
    run: apt-get install -y ubuntu-drivers-common
    run: ubuntu-drivers install nvidia:580-open
    run: systemctl reboot
`},
		edge{"newer than the table", func(h *host.Host) { h.Driver.Version = "999.1" }, ""},
		edge{"no number", func(h *host.Host) { h.Driver.Version = "580" + strings.Repeat("0", 30) }, ""},
	)
}

// A branch is over when its last day is, not before.
func TestABranchEndsWithItsLastDay(t *testing.T) {
	h := recording(t, "healthy-laptop", nil) // 595, to March 2027
	for day, want := range map[string]string{"2027-03-31T23:59:58Z": "V001", "2027-04-01T00:00:00Z": "G020", "2027-01-30T23:59:58Z": "", "2027-01-31T00:00:00Z": "V001"} {
		now, err := time.Parse(time.RFC3339, day)
		assert.NilError(t, err)
		got := codes(Examine(h, branchChecks(), now).Findings)
		assert.Equal(t, fmt.Sprint(strings.Join(got, " ")), want, day)
	}
}
