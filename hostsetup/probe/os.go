package probe

import (
	"cmp"
	"context"
	"path"
	"slices"
	"strings"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/internal/policy"
)

// readOS says what the operating system is and in what it runs.
func readOS(_ context.Context, m *machine) (fill, error) {
	r := m.root
	release := osRelease(r)
	os := host.OS{
		ID: release["ID"], Like: release["ID_LIKE"], Version: release["VERSION_ID"], Pretty: release["PRETTY_NAME"],
		WSL: wsl(r), Container: container(r), Virtual: virtual(r), SELinux: selinux(r),
	}
	var err error
	os.SecureBoot, err = secureBoot(r)
	name := ""
	if r != "/" {
		name = r.text("/etc/hostname") // of the machine below the root, not of the one that looks
	}
	return func(h *host.Host) { h.OS, h.Name = os, name }, err
}

// osRelease is the file of os-release(5); the one below /etc wins.
func osRelease(r root) map[string]string {
	values := map[string]string{}
	for _, file := range []string{"/etc/os-release", "/usr/lib/os-release"} {
		for line := range strings.Lines(r.text(file)) {
			key, value, ok := strings.Cut(strings.TrimSpace(line), "=")
			if !ok || strings.HasPrefix(key, "#") {
				continue
			}
			values[key] = unquote(value)
		}
		if len(values) > 0 {
			break
		}
	}
	return values
}

// unquote takes a shell's quotes off a value.
func unquote(value string) string {
	if n := len(value); n >= 2 && (value[0] == '"' || value[0] == '\'') && value[n-1] == value[0] {
		value = value[1 : n-1]
	}
	return strings.NewReplacer(`\"`, `"`, `\\`, `\`, `\$`, `$`, "\\`", "`").Replace(value)
}

// wsl is 1 or 2 in Windows' Linux. Its kernels call themselves "4.4.0-19041-Microsoft"
// and "5.15.90.1-microsoft-standard-WSL2"; a kernel of one's own has the libraries.
func wsl(r root) int {
	release := r.text("/proc/version")
	if words := strings.Fields(release); len(words) > 2 {
		release = words[2] // the rest names the builder: Microsoft builds kernels for servers too
	}
	switch {
	case strings.Contains(release, "WSL2"), strings.Contains(release, "microsoft-standard"),
		r.exists("/dev/dxg") && r.isDir(wslLibraries):
		return 2
	case strings.HasSuffix(release, "-Microsoft"):
		return 1
	}
	return 0
}

// container is the kind of container that the root is one of, by the marks that managers
// leave, in systemd's order: an image may hold a /.dockerenv by mistake.
func container(r root) string {
	name := cmp.Or(r.text("/run/host/container-manager"), r.text("/run/systemd/container"))
	if data, err := r.read("/proc/1/environ", 1<<20); err == nil && name == "" {
		for entry := range strings.SplitSeq(string(data), "\x00") {
			if value, ok := strings.CutPrefix(entry, "container="); ok {
				name = value
			}
		}
	}
	switch {
	case name != "" && name != "oci": // which is the image's word, of no manager
		return policy.ContainerManager(name)
	case r.exists("/run/.containerenv"):
		return "podman"
	case r.exists("/.dockerenv"):
		return "docker"
	case name != "", cgroupNamespace(r):
		return policy.ContainerOther // Kubernetes' leave no mark of their own
	}
	return ""
}

// cgroupNamespace says whether the root sees a part of the cgroups only, as containers do:
// the topmost cgroup of a machine lacks files that all below it have.
func cgroupNamespace(r root) bool {
	const unified, old = "/sys/fs/cgroup/", "/sys/fs/cgroup/systemd"
	if r.isDir(old) {
		return r.missing(old + "/release_agent")
	}
	return r.exists(unified+"cgroup.events") && r.exists(unified+"cgroup.type")
}

// virtual is the hypervisor. Firmware names it; on x86 the processor's flag says
// whether there is one at all, so that a cloud's bare metal is not taken for a guest.
func virtual(r root) string {
	if wsl(r) > 0 {
		return "wsl"
	}
	flags, guest := cpuFlags(r)
	if flags && !guest {
		return ""
	}
	const dmi = "/sys/class/dmi/id/"
	// Amazon's Arm machines without a hypervisor: "g5g.metal", "c7g.metal-24xl".
	if _, rest, metal := strings.Cut(r.text(dmi+"product_name"), ".metal"); !flags && metal && (rest == "" || rest[0] == '-') {
		return ""
	}
	for _, name := range []string{"product_name", "sys_vendor", "board_vendor", "bios_vendor", "product_version"} {
		text := r.text(dmi + name)
		for _, v := range policy.Hypervisors() {
			if v.Field == name && text == v.Text || v.Field == "" && strings.HasPrefix(text, v.Text) {
				return accelerated(r, v.Name)
			}
		}
	}
	if r.text("/sys/hypervisor/type") == "xen" {
		return "xen"
	}
	if guest {
		return "vm-other"
	}
	return ""
}

// accelerated tells QEMU with KVM from QEMU alone, which systemd does by asking the
// processor: KVM offers its guests a clock of its own (arch/x86/kernel/kvmclock.c).
func accelerated(r root, name string) string {
	clocks := strings.Fields(r.text("/sys/devices/system/clocksource/clocksource0/available_clocksource"))
	if name == "qemu" && slices.Contains(clocks, "kvm-clock") {
		return "kvm"
	}
	return name
}

// cpuFlags says whether /proc/cpuinfo has x86's flags, and whether they name a hypervisor.
// The first processor's are enough: to tell of hundreds the kernel asks each how fast it is.
func cpuFlags(r root) (known, hypervisor bool) {
	for line := range strings.Lines(string(r.head("/proc/cpuinfo", 16<<10))) {
		if name, flags, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "flags" {
			return true, strings.Contains(" "+strings.TrimSpace(flags)+" ", " hypervisor ")
		}
	}
	return false, false
}

func selinux(r root) string {
	switch r.text("/sys/fs/selinux/enforce") {
	case "1":
		return "enforcing"
	case "0":
		return "permissive"
	}
	return ""
}

// secureBoot reads the firmware's variable: four bytes of attributes, then the value.
// A machine that did not start by UEFI has no Secure Boot; a container hides all of it.
func secureBoot(r root) (string, error) {
	const firmware, variable = "/sys/firmware", "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
	if !r.isDir(path.Join(firmware, "efi")) {
		if names, err := r.list(firmware, "*"); err == nil && len(names) > 0 {
			return "off", nil
		}
		return "", nil
	}
	data, err := r.read(variable, 64)
	if err != nil {
		return "", unreadable("the Secure Boot variable", err)
	}
	if len(data) != 5 {
		return "", nil
	}
	if data[4] == 1 {
		return "on", nil
	}
	return "off", nil
}
