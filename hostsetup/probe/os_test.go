package probe

import (
	"testing"

	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

func TestOSRelease(t *testing.T) {
	const ubuntu = "# a comment\nID=ubuntu\nID_LIKE=debian\nVERSION_ID=\"24.04\"\nPRETTY_NAME='Ubuntu \\\"24.04\\\" LTS'\nnonsense\n"
	for name, c := range map[string]struct {
		files files
		want  host.OS
	}{
		"ubuntu":    {files{"etc/os-release": ubuntu}, host.OS{ID: "ubuntu", Like: "debian", Version: "24.04", Pretty: `Ubuntu "24.04" LTS`}},
		"of vendor": {files{"usr/lib/os-release": "ID=fedora\n"}, host.OS{ID: "fedora"}},
		"etc wins":  {files{"usr/lib/os-release": "ID=fedora\nVERSION_ID=44", "etc/os-release": "ID=mine"}, host.OS{ID: "mine"}},
		"none":      {nil, host.OS{}},
		"one quote": {files{"etc/os-release": "ID=\"\nID_LIKE='"}, host.OS{ID: `"`, Like: "'"}},
	} {
		t.Run(name, func(t *testing.T) { assert.DeepEqual(t, one(t, fake(t, c.files), readOS).OS, c.want) })
	}
}

func TestWSL(t *testing.T) {
	for name, c := range map[string]struct {
		files files
		want  int
	}{
		"one":          {files{"proc/version": "Linux version 4.4.0-19041-Microsoft (Microsoft@Microsoft.com) (gcc)"}, 1},
		"two":          {files{"proc/version": "Linux version 5.15.90.1-microsoft-standard-WSL2 (oe-user@oe-host)"}, 2},
		"own kernel":   {files{"proc/version": "Linux version 6.1.0-mine (me@pc)", "dev/dxg": "", "usr/lib/wsl/lib/": ""}, 2},
		"a server":     {files{"proc/version": "Linux version 6.6.57.1-6.azl3 (root@CBL-Mariner Microsoft)"}, 0},
		"dxg in Azure": {files{"proc/version": "Linux version 6.8.0-azure (b@l)", "dev/dxg": ""}, 0},
		"nothing":      {nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			r := folder(t, c.files)
			assert.Equal(t, wsl(r), c.want)
			assert.Equal(t, virtual(r) == "wsl", c.want > 0)
		})
	}
}

func TestContainer(t *testing.T) {
	for want, f := range map[string]files{
		"":       nil,
		"docker": {".dockerenv": ""},
		"podman": {"run/.containerenv": "engine=podman"},
		"lxc":    {"run/systemd/container": "lxc\n"},
	} {
		assert.Equal(t, container(folder(t, f)), want)
	}
}

func TestVirtual(t *testing.T) {
	const (
		guest = "processor\t: 0\nflags\t\t: fpu vme hypervisor lahf_lm\n"
		metal = "processor\t: 0\nflags\t\t: fpu vme nohypervisor lahf_lm\n"
		arm   = "processor\t: 0\nFeatures\t: fp asimd\n"
		dmi   = "sys/class/dmi/id/"
	)
	for name, c := range map[string]struct {
		files files
		want  string
	}{
		"QEMU":            {files{"proc/cpuinfo": guest, dmi + "sys_vendor": "QEMU\n"}, "qemu"},
		"KVM":             {files{"proc/cpuinfo": guest, dmi + "product_name": "KVM Virtual Machine", dmi + "sys_vendor": "QEMU"}, "kvm"},
		"VMware":          {files{"proc/cpuinfo": guest, dmi + "sys_vendor": "VMware, Inc."}, "vmware"},
		"Amazon":          {files{"proc/cpuinfo": guest, dmi + "product_name": "p5.48xlarge", dmi + "sys_vendor": "Amazon EC2"}, "amazon"},
		"Amazon metal":    {files{"proc/cpuinfo": metal, dmi + "product_name": "c5.metal", dmi + "sys_vendor": "Amazon EC2"}, ""},
		"Amazon Graviton": {files{"proc/cpuinfo": arm, dmi + "product_name": "g5g.xlarge", dmi + "sys_vendor": "Amazon EC2"}, "amazon"},
		"Graviton metal":  {files{"proc/cpuinfo": arm, dmi + "product_name": "g5g.metal", dmi + "sys_vendor": "Amazon EC2"}, ""},
		"Google":          {files{"proc/cpuinfo": guest, dmi + "product_name": "Google Compute Engine", dmi + "sys_vendor": "Google"}, "google"},
		"Azure":           {files{"proc/cpuinfo": guest, dmi + "product_name": "Virtual Machine", dmi + "sys_vendor": "Microsoft Corporation"}, "microsoft"},
		// A vendor of virtual machines builds real ones too.
		"Surface":     {files{"proc/cpuinfo": metal, dmi + "product_name": "Surface Book 3", dmi + "sys_vendor": "Microsoft Corporation"}, ""},
		"Xen":         {files{"proc/cpuinfo": guest, "sys/hypervisor/type": "xen\n"}, "xen"},
		"unknown":     {files{"proc/cpuinfo": guest, dmi + "sys_vendor": "Nobody"}, "vm-other"},
		"workstation": {files{"proc/cpuinfo": metal, dmi + "sys_vendor": "Dell Inc."}, ""},
		"Grace":       {files{"proc/cpuinfo": arm, dmi + "sys_vendor": "NVIDIA"}, ""},
		"nothing":     {nil, ""},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, virtual(folder(t, c.files)), c.want) })
	}
}

func TestSELinuxAndSecureBoot(t *testing.T) {
	const efivar = "sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
	for name, c := range map[string]struct {
		files               files
		selinux, secureBoot string
	}{
		"enforcing, on":   {files{"sys/fs/selinux/enforce": "1", efivar: "\x06\x00\x00\x00\x01"}, "enforcing", "on"},
		"permissive, off": {files{"sys/fs/selinux/enforce": "0", efivar: "\x06\x00\x00\x00\x00"}, "permissive", "off"},
		"BIOS":            {files{"sys/firmware/acpi/": ""}, "", "off"},
		"UEFI without it": {files{"sys/firmware/efi/": ""}, "", ""},
		"hidden":          {files{"sys/firmware/": ""}, "", ""}, // Docker masks it in containers
		"cut":             {files{efivar: "\x06"}, "", ""},
		"nothing":         {nil, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			h := one(t, fake(t, c.files), readOS)
			assert.Equal(t, h.OS.SELinux, c.selinux)
			assert.Equal(t, h.OS.SecureBoot, c.secureBoot)
			assert.Equal(t, len(h.Unread), 0)
		})
	}
}

func TestNameBelowARoot(t *testing.T) {
	assert.Equal(t, one(t, fake(t, files{"etc/hostname": "gpu01\n"}), readOS).Name, "gpu01")
}
