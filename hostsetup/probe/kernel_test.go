package probe

import (
	"slices"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

func TestRunningKernel(t *testing.T) {
	h := one(t, fake(t, files{
		"proc/sys/kernel/osrelease": "6.8.0-49-generic\n",
		"proc/cmdline":              "BOOT_IMAGE=/boot/vmlinuz iommu=pt\n",
		"proc/stat":                 "cpu  1 2 3\nintr 1 2\nctxt 4\nbtime 1764000000\n",
		"proc/devices": "Character devices:\n  1 mem\n195 nvidia\n195 nvidiactl\n511 nvidia-uvm\nx nvidia-bad\n508 nvidia-caps\n\n" +
			"Block devices:\n  8 sd\n259 nvidia-block\n",
	}), readKernel)
	assert.DeepEqual(t, h.Kernel, host.Kernel{
		Release: "6.8.0-49-generic", Cmdline: "BOOT_IMAGE=/boot/vmlinuz iommu=pt", Booted: time.Unix(1764000000, 0).UTC(),
		DeviceMajors: map[string]int{"nvidia": 195, "nvidiactl": 195, "nvidia-uvm": 511, "nvidia-caps": 508},
	})
	assert.DeepEqual(t, one(t, fake(t, files{"proc/stat": "btime -5\nbtime x\n"}), readKernel), host.Host{})
}

func TestInstalledKernels(t *testing.T) {
	const dir = "lib/modules/"
	h := one(t, fake(t, files{
		// Ubuntu's prebuilt, found by the index; the index of the next names a module that is gone.
		dir + "6.8.0-49-generic/modules.dep":                   "kernel/fs/x.ko.zst:\nkernel/nvidia-580/nvidia.ko: kernel/a.ko\n",
		dir + "6.8.0-49-generic/kernel/nvidia-580/nvidia.ko":   "",
		dir + "6.8.0-49-generic/build":                         "→/usr/src/linux-headers-6.8.0-49-generic",
		"usr/src/linux-headers-6.8.0-49-generic/Makefile":      "",
		dir + "6.8.0-100-generic/modules.dep":                  "updates/dkms/nvidia.ko.zst:\n",
		dir + "6.8.0-100-generic/build":                        "→/usr/src/gone",
		dir + "6.8.0-5-generic/modules.dep":                    "",
		dir + "6.8.0-5-generic/updates/dkms/nvidia.ko.zst":     "",
		dir + "6.8.0-5-generic/updates/dkms/nvidia-uvm.ko.zst": "",
		dir + "6.11.0-9-generic/pgp":                           "", // a removed kernel's rest
		"boot/vmlinuz-6.8.0-49-generic":                        "", "boot/vmlinuz-6.8.0-100-generic": "", "boot/vmlinuz-6.11.0-9-generic": "",
	}), readInstalled)
	assert.DeepEqual(t, h.Kernel.Installed, []host.InstalledKernel{
		{Release: "6.8.0-5-generic", NVIDIA: "/lib/modules/6.8.0-5-generic/updates/dkms/nvidia.ko.zst"},
		{Release: "6.8.0-49-generic", NVIDIA: "/lib/modules/6.8.0-49-generic/kernel/nvidia-580/nvidia.ko", Headers: true},
		{Release: "6.8.0-100-generic"},
	})
	assert.Equal(t, h.Kernel.NextBoot, "6.8.0-100-generic")
}

func TestWhereModulesAre(t *testing.T) {
	const release = "lib/modules/5.14.0-570.el9.x86_64/"
	for name, c := range map[string]struct {
		files files
		want  string
	}{
		"RHEL's weak link": {files{release + "modules.dep": "weak-updates/nvidia/nvidia.ko:\n", release + "weak-updates/nvidia/nvidia.ko": "→/lib/modules/old/nvidia.ko",
			"lib/modules/old/nvidia.ko": ""}, "/" + release + "weak-updates/nvidia/nvidia.ko"},
		"weak link to nothing": {files{release + "modules.dep": "weak-updates/nvidia/nvidia.ko:\n", release + "weak-updates/nvidia/nvidia.ko": "→/lib/modules/old/nvidia.ko"}, ""},
		"Fedora's":             {files{release + "kernel/": "", release + "extra/nvidia/nvidia.ko.xz": ""}, "/" + release + "extra/nvidia/nvidia.ko.xz"},
		"runfile's":            {files{release + "kernel/drivers/video/nvidia.ko": ""}, "/" + release + "kernel/drivers/video/nvidia.ko"},
		"not indexed yet":      {files{release + "modules.dep": "", release + "kernel/nvidia-570-open/nvidia.ko": ""}, "/" + release + "kernel/nvidia-570-open/nvidia.ko"},
		"another's":            {files{release + "modules.dep": "kernel/drivers/net/nvidia.ko.txt:\n", release + "extra/nvidia.ko.bak": ""}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, one(t, fake(t, c.files), readInstalled).Kernel.Installed[0].NVIDIA, c.want)
		})
	}
}

func TestNextBoot(t *testing.T) {
	for name, c := range map[string]struct {
		files files
		want  string
	}{
		"Arch keeps it with the modules": {files{"lib/modules/6.12.1-arch1-1/vmlinuz": "", "lib/modules/6.12.1-arch1-1/kernel/": "", "boot/vmlinuz-linux": ""}, "6.12.1-arch1-1"},
		"WSL has none":                   {files{"lib/modules/5.15.90-WSL2/kernel/": ""}, ""},
		"no modules at all":              {nil, ""},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, one(t, fake(t, c.files), readInstalled).Kernel.NextBoot, c.want) })
	}
}

func TestOrderOfReleases(t *testing.T) {
	want := []string{"", "5.15.0-9-generic", "5.15.0-130-generic", "6.2", "6.2.0", "6.8.0-49-generic", "6.8.0-100-generic",
		"6.9.0-rc1", "6.9.0-rc10", "6.9.0", "6.9.0-1", "6.10.3-200.fc40.x86_64", "6.10.3-201.fc40.x86_64", "99999999999999999999999.1", "100000000000000000000000.1"}
	for i, a := range want {
		for j, b := range want {
			c := compareReleases(a, b)
			assert.Assert(t, (c < 0) == (i < j) && (c > 0) == (i > j), "%s against %s: %d", a, b, c)
		}
	}
	mixed := slices.Clone(want)
	slices.Reverse(mixed)
	slices.SortFunc(mixed, compareReleases)
	assert.DeepEqual(t, mixed, want)
}

func TestLoadedModules(t *testing.T) {
	h := one(t, fake(t, files{
		"proc/modules":              "nvidia_uvm 4956160 4 - Live 0x0000000000000000 (OE)\nnvidia 60702720 2 nvidia_uvm, Live 0x0\nnvme 1 0 - Live 0x0\nvfio_pci 1 0 - Live 0x0\nnouveau 1 0 - Live 0x0\n",
		"sys/module/nvidia/version": "580.65.06\n", "sys/module/nvidia_uvm/version": "580.65.06\n",
		"sys/module/nvidia_uvm/parameters/uvm_disable_hmm": "N\n",
		"proc/driver/nvidia/params":                        "ModifyDeviceFiles: 1\nEnableGpuFirmware: 18\nRegistryDwords: \"RMx=1\"\nnonsense\n",
		"proc/driver/nvidia/version":                       "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.65.06  Release Build\n",
	}), readModules)
	assert.DeepEqual(t, h.Kernel.Modules, []host.Module{
		{Name: "nouveau"},
		{Name: "nvidia", Version: "580.65.06", Parameters: map[string]string{"NVreg_ModifyDeviceFiles": "1", "NVreg_EnableGpuFirmware": "18", "NVreg_RegistryDwords": "RMx=1"}},
		{Name: "nvidia_uvm", Version: "580.65.06", Parameters: map[string]string{"uvm_disable_hmm": "N"}},
		{Name: "vfio_pci"},
	})
	assert.DeepEqual(t, h.Driver, host.Driver{Version: "580.65.06", Flavour: "open"})
}

func TestBlacklist(t *testing.T) {
	for name, c := range map[string]struct {
		files files
		want  []string
	}{
		"by word": {files{"etc/modprobe.d/nvidia.conf": "# x\nblacklist nouveau\noptions nouveau modeset=0\nblacklist pcspkr\n"}, []string{"nouveau"}},
		"by others": {files{"usr/lib/modprobe.d/a.conf": "alias nouveau off\ninstall nvidia-drm /bin/false\ninstall nvidia /sbin/modprobe -i nvidia\nblacklist nova_core\n"},
			[]string{"nouveau", "nova_core", "nvidia_drm"}},
		"at the start":     {files{"proc/cmdline": "quiet modprobe.blacklist=nouveau,nova-core rd.driver.blacklist=nouveau module_blacklist=x"}, []string{"nouveau", "nova_core"}},
		"hidden by /etc":   {files{"lib/modprobe.d/a.conf": "blacklist nouveau", "etc/modprobe.d/a.conf": "# nothing"}, nil},
		"not a .conf file": {files{"etc/modprobe.d/a.conf.bak": "blacklist nouveau"}, nil},
		"nothing":          {nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			assert.DeepEqual(t, one(t, fake(t, c.files), readModules).Kernel.Blacklisted, c.want)
		})
	}
}
