package probe

import (
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// The files are as the distributions ship them, less the addresses.
func TestOSReleaseOfDistributions(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want host.OS
	}{
		"Ubuntu": {"PRETTY_NAME=\"Ubuntu 24.04.3 LTS\"\nNAME=\"Ubuntu\"\nVERSION_ID=\"24.04\"\nVERSION=\"24.04.3 LTS (Noble Numbat)\"\nVERSION_CODENAME=noble\nID=ubuntu\nID_LIKE=debian\nUBUNTU_CODENAME=noble\nLOGO=ubuntu-logo\n",
			host.OS{ID: "ubuntu", Like: "debian", Version: "24.04", Pretty: "Ubuntu 24.04.3 LTS"}},
		"Debian": {"PRETTY_NAME=\"Debian GNU/Linux 13 (trixie)\"\nNAME=\"Debian GNU/Linux\"\nVERSION_ID=\"13\"\nVERSION=\"13 (trixie)\"\nVERSION_CODENAME=trixie\nDEBIAN_VERSION_FULL=13.1\nID=debian\n",
			host.OS{ID: "debian", Version: "13", Pretty: "Debian GNU/Linux 13 (trixie)"}},
		"Debian testing": {"PRETTY_NAME=\"Debian GNU/Linux forky/sid\"\nNAME=\"Debian GNU/Linux\"\nVERSION_CODENAME=forky\nID=debian\n",
			host.OS{ID: "debian", Pretty: "Debian GNU/Linux forky/sid"}},
		"RHEL": {"NAME=\"Red Hat Enterprise Linux\"\nVERSION=\"9.6 (Plow)\"\nID=\"rhel\"\nID_LIKE=\"fedora\"\nVERSION_ID=\"9.6\"\nPLATFORM_ID=\"platform:el9\"\nPRETTY_NAME=\"Red Hat Enterprise Linux 9.6 (Plow)\"\nANSI_COLOR=\"0;31\"\n\nREDHAT_BUGZILLA_PRODUCT=\"Red Hat Enterprise Linux 9\"\n",
			host.OS{ID: "rhel", Like: "fedora", Version: "9.6", Pretty: "Red Hat Enterprise Linux 9.6 (Plow)"}},
		"Rocky": {"NAME=\"Rocky Linux\"\nVERSION=\"10.0 (Red Quartz)\"\nID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\nVERSION_ID=\"10.0\"\nPRETTY_NAME=\"Rocky Linux 10.0 (Red Quartz)\"\n",
			host.OS{ID: "rocky", Like: "rhel centos fedora", Version: "10.0", Pretty: "Rocky Linux 10.0 (Red Quartz)"}},
		"Fedora": {"NAME=\"Fedora Linux\"\nVERSION=\"43 (Server Edition)\"\nRELEASE_TYPE=stable\nID=fedora\nVERSION_ID=43\nVERSION_CODENAME=\"\"\nPRETTY_NAME=\"Fedora Linux 43 (Server Edition)\"\n",
			host.OS{ID: "fedora", Version: "43", Pretty: "Fedora Linux 43 (Server Edition)"}},
		"Amazon Linux": {"NAME=\"Amazon Linux\"\nVERSION=\"2023\"\nID=\"amzn\"\nID_LIKE=\"fedora\"\nVERSION_ID=\"2023\"\nPLATFORM_ID=\"platform:al2023\"\nPRETTY_NAME=\"Amazon Linux 2023.9.20251027\"\n",
			host.OS{ID: "amzn", Like: "fedora", Version: "2023", Pretty: "Amazon Linux 2023.9.20251027"}},
		"SLES": {"NAME=\"SLES\"\nVERSION=\"15-SP7\"\nVERSION_ID=\"15.7\"\nPRETTY_NAME=\"SUSE Linux Enterprise Server 15 SP7\"\nID=\"sles\"\nID_LIKE=\"suse\"\nANSI_COLOR=\"0;32\"\n",
			host.OS{ID: "sles", Like: "suse", Version: "15.7", Pretty: "SUSE Linux Enterprise Server 15 SP7"}},
		"Tumbleweed": {"NAME=\"openSUSE Tumbleweed\"\n# VERSION=\"20251120\"\nID=\"opensuse-tumbleweed\"\nID_LIKE=\"opensuse suse\"\nVERSION_ID=\"20251120\"\nPRETTY_NAME=\"openSUSE Tumbleweed\"\n",
			host.OS{ID: "opensuse-tumbleweed", Like: "opensuse suse", Version: "20251120", Pretty: "openSUSE Tumbleweed"}},
		"Azure Linux": {"NAME=\"Microsoft Azure Linux\"\nVERSION=\"3.0.20251030\"\nID=azurelinux\nVERSION_ID=\"3.0\"\nPRETTY_NAME=\"Microsoft Azure Linux 3.0\"\n",
			host.OS{ID: "azurelinux", Version: "3.0", Pretty: "Microsoft Azure Linux 3.0"}},
		"Arch": {"NAME=\"Arch Linux\"\nPRETTY_NAME=\"Arch Linux\"\nID=arch\nBUILD_ID=rolling\nANSI_COLOR=\"38;2;23;147;209\"\n", host.OS{ID: "arch", Pretty: "Arch Linux"}},
		"NixOS": {"ANSI_COLOR=\"0;38;2;126;186;228\"\nBUILD_ID=\"25.05.20251101\"\nID=nixos\nID_LIKE=\"\"\nPRETTY_NAME=\"NixOS 25.05 (Warbler)\"\nVERSION_ID=\"25.05\"\n",
			host.OS{ID: "nixos", Version: "25.05", Pretty: "NixOS 25.05 (Warbler)"}},
		"Container-Optimized OS": {"NAME=\"Container-Optimized OS\"\nID=cos\nPRETTY_NAME=\"Container-Optimized OS from Google\"\nVERSION=121\nVERSION_ID=121\nBUILD_ID=18867.90.38\n",
			host.OS{ID: "cos", Version: "121", Pretty: "Container-Optimized OS from Google"}},
		"DGX OS": {"PRETTY_NAME=\"Ubuntu 24.04.3 LTS\"\nID=ubuntu\nID_LIKE=debian\nVERSION_ID=\"24.04\"\n", host.OS{ID: "ubuntu", Like: "debian", Version: "24.04", Pretty: "Ubuntu 24.04.3 LTS"}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, text := range []string{c.text, strings.ReplaceAll(c.text, "\n", "\r\n"), strings.TrimSuffix(c.text, "\n")} {
				assert.DeepEqual(t, one(t, fake(t, files{"usr/lib/os-release": text, "etc/os-release": "→../usr/lib/os-release"}), readOS).OS, c.want)
			}
		})
	}
}

func TestOSReleaseThatIsOdd(t *testing.T) {
	for name, c := range map[string]struct {
		files files
		want  host.OS
	}{
		"quotes":           {files{"etc/os-release": "ID=x\nPRETTY_NAME='It \\\"is\\\" \\$5 \\`now\\` \\\\ back'\n"}, host.OS{ID: "x", Pretty: "It \"is\" $5 `now` \\ back"}},
		"of the vendor":    {files{"usr/lib/os-release": "ID=fedora\n"}, host.OS{ID: "fedora"}},
		"etc wins":         {files{"usr/lib/os-release": "ID=fedora\nVERSION_ID=44", "etc/os-release": "ID=mine"}, host.OS{ID: "mine"}},
		"an empty one":     {files{"usr/lib/os-release": "ID=fedora\n", "etc/os-release": "\n"}, host.OS{ID: "fedora"}},
		"none":             {nil, host.OS{}},
		"a folder":         {files{"etc/os-release/": ""}, host.OS{}},
		"one quote":        {files{"etc/os-release": "ID=\"\nID_LIKE='"}, host.OS{ID: `"`, Like: "'"}},
		"twice":            {files{"etc/os-release": "ID=a\nID=b\n"}, host.OS{ID: "b"}},
		"no lines":         {files{"etc/os-release": "hello"}, host.OS{}},
		"too large":        {files{"etc/os-release": "ID=a\n" + strings.Repeat("#", mostText)}, host.OS{}},
		"out of the root":  {files{"etc/os-release": "→/../../../../etc/os-release"}, host.OS{}}, // to itself
		"a link elsewhere": {files{"etc/os-release": "→/opt/os", "opt/os": "ID=linked"}, host.OS{ID: "linked"}},
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
	const environ = "proc/1/environ"
	for name, c := range map[string]struct {
		files files
		want  string
	}{
		"a host":                       {nil, ""},
		"Docker":                       {files{".dockerenv": ""}, "docker"},
		"Podman":                       {files{"run/.containerenv": "engine=podman"}, "podman"},
		"Podman before a stray mark":   {files{"run/.containerenv": "", ".dockerenv": ""}, "podman"},
		"LXC":                          {files{"run/systemd/container": "lxc\n"}, "lxc"},
		"nspawn":                       {files{"run/host/container-manager": "systemd-nspawn\n", "run/systemd/container": "lxc"}, "systemd-nspawn"},
		"by the first process":         {files{environ: "PATH=/bin\x00container=podman\x00xcontainer=y\x00"}, "podman"},
		"an unknown manager":           {files{"run/systemd/container": "\x1b[2Jpods"}, "container-other"},
		"OCI says nothing":             {files{environ: "container=oci\x00", ".dockerenv": ""}, "docker"},
		"OCI alone":                    {files{environ: "container=oci\x00"}, "container-other"},
		"another variable":             {files{environ: "mycontainer=lxc\x00"}, ""},
		"Kubernetes, unified cgroups":  {files{"sys/fs/cgroup/cgroup.events": "", "sys/fs/cgroup/cgroup.type": "domain"}, "container-other"},
		"a host with unified cgroups":  {files{"sys/fs/cgroup/cgroup.controllers": ""}, ""},
		"Kubernetes, old cgroups":      {files{"sys/fs/cgroup/systemd/tasks": ""}, "container-other"},
		"a host with old cgroups":      {files{"sys/fs/cgroup/systemd/release_agent": ""}, ""},
		"an old host with both mounts": {files{"sys/fs/cgroup/systemd/release_agent": "", "sys/fs/cgroup/cgroup.events": "", "sys/fs/cgroup/cgroup.type": ""}, ""},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, container(folder(t, c.files)), c.want) })
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
		"QEMU with KVM":   {files{"proc/cpuinfo": guest, dmi + "sys_vendor": "QEMU\n", "sys/devices/system/clocksource/clocksource0/available_clocksource": "kvm-clock tsc acpi_pm \n"}, "kvm"},
		"a clock alone":   {files{"proc/cpuinfo": guest, dmi + "sys_vendor": "VMware, Inc.", "sys/devices/system/clocksource/clocksource0/available_clocksource": "kvm-clock tsc"}, "vmware"},
		"VMware":          {files{"proc/cpuinfo": guest, dmi + "sys_vendor": "VMware, Inc."}, "vmware"},
		"Amazon":          {files{"proc/cpuinfo": guest, dmi + "product_name": "p5.48xlarge", dmi + "sys_vendor": "Amazon EC2"}, "amazon"},
		"Amazon metal":    {files{"proc/cpuinfo": metal, dmi + "product_name": "c5.metal", dmi + "sys_vendor": "Amazon EC2"}, ""},
		"Amazon Graviton": {files{"proc/cpuinfo": arm, dmi + "product_name": "g5g.xlarge", dmi + "sys_vendor": "Amazon EC2"}, "amazon"},
		"a metal size":    {files{"proc/cpuinfo": arm, dmi + "product_name": "c7g.metal-48xl", dmi + "sys_vendor": "Amazon EC2"}, ""},
		"not of metal":    {files{"proc/cpuinfo": arm, dmi + "product_name": "x.metallic", dmi + "sys_vendor": "Amazon EC2"}, "amazon"},
		"VirtualBox":      {files{"proc/cpuinfo": guest, dmi + "product_name": "VirtualBox", dmi + "sys_vendor": "innotek GmbH", dmi + "board_vendor": "Oracle Corporation"}, "oracle"},
		"by its board":    {files{"proc/cpuinfo": guest, dmi + "board_vendor": "Oracle Corporation"}, "oracle"},
		"Oracle's server": {files{"proc/cpuinfo": metal, dmi + "sys_vendor": "Oracle Corporation", dmi + "board_vendor": "Oracle Corporation"}, ""},
		"OpenStack":       {files{"proc/cpuinfo": guest, dmi + "product_name": "OpenStack Nova", dmi + "sys_vendor": "Red Hat"}, "kvm"},
		"Nutanix":         {files{"proc/cpuinfo": guest, dmi + "product_name": "AHV", dmi + "sys_vendor": "Nutanix"}, "vm-other"},
		"Parallels":       {files{"proc/cpuinfo": arm, dmi + "sys_vendor": "Parallels International GmbH."}, "parallels"},
		"Apple":           {files{"proc/cpuinfo": arm, dmi + "product_name": "Apple Virtualization Generic Platform", dmi + "sys_vendor": "Apple Inc."}, "apple"},
		"Hyper-V on Arm":  {files{"proc/cpuinfo": arm, dmi + "product_version": "Hyper-V UEFI Release v4.1", dmi + "sys_vendor": "Microsoft Corporation"}, "microsoft"},
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
