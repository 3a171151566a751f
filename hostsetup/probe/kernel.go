package probe

import (
	"context"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/internal/policy"
)

// readKernel says what runs.
func readKernel(_ context.Context, m *machine) (fill, error) {
	release, cmdline := m.root.text("/proc/sys/kernel/osrelease"), m.root.text("/proc/cmdline")
	majors, booted := deviceMajors(m.root.text("/proc/devices")), bootTime(m.root)
	return func(h *host.Host) {
		h.Kernel.Release, h.Kernel.Cmdline = release, cmdline
		h.Kernel.DeviceMajors, h.Kernel.Booted = majors, booted
	}, nil
}

// deviceMajors are NVIDIA's lines of /proc/devices: the driver's numbers are fixed for
// its cards (195) and given out at load for the rest, such as nvidia-uvm.
func deviceMajors(text string) map[string]int {
	text, _, _ = strings.Cut(text, "Block devices:")
	var majors map[string]int
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) != 2 || !strings.HasPrefix(f[1], "nvidia") {
			continue
		}
		if n, err := strconv.Atoi(f[0]); err == nil {
			if majors == nil {
				majors = map[string]int{}
			}
			majors[f[1]] = n
		}
	}
	return majors
}

// bootTime is btime of /proc/stat, whose other lines may be long on large machines.
func bootTime(r root) time.Time {
	data, _ := r.read("/proc/stat", 4<<20)
	for line := range strings.Lines(string(data)) {
		if value, ok := strings.CutPrefix(line, "btime "); ok {
			if n, err := strconv.ParseInt(strings.TrimSpace(value), 10, 64); err == nil && n > 0 {
				return time.Unix(n, 0).UTC()
			}
		}
	}
	return time.Time{}
}

// mostKernels are looked into; boot partitions have room for a few.
const mostKernels = 50

// kernels are those on disk.
type kernels struct {
	list []host.InstalledKernel
	next string // the release that starts next
}

// release returns one of them, nil where it is not there.
func (k kernels) release(name string) *host.InstalledKernel {
	for i := range k.list {
		if k.list[i].Release == name {
			return &k.list[i]
		}
	}
	return nil
}

// readInstalled is the source for Local.
func readInstalled(_ context.Context, m *machine) (fill, error) {
	k, err := m.kernels()
	list := slices.Clone(k.list) // what another source learns of them is written into it
	return func(h *host.Host) { h.Kernel.Installed, h.Kernel.NextBoot = list, k.next }, err
}

// findKernels says which kernels are there, which of them starts next, and which have
// NVIDIA's module.
func (m *machine) findKernels() (kernels, error) {
	names, err := m.root.list("/lib/modules", "*")
	if err != nil {
		return kernels{}, unreadable("/lib/modules", err)
	}
	// Each has an index of a megabyte; the newest are those that can be started next.
	slices.SortFunc(names, compareReleases)
	var found []host.InstalledKernel
	for _, release := range names[max(0, len(names)-mostKernels):] {
		dir := path.Join("/lib/modules", release)
		// A folder without modules.dep is what a removed kernel leaves behind.
		if !m.root.isDir(dir) || !m.root.exists(dir+"/modules.dep") && !m.root.exists(dir+"/kernel") {
			continue
		}
		found = append(found, host.InstalledKernel{
			Release: release, NVIDIA: nvidiaModule(m.root, dir), Headers: m.root.isDir(dir + "/build"),
		})
	}
	return kernels{found, nextBoot(m.root, found)}, nil
}

// nextBoot is the newest kernel that a boot loader can load. Distributions that name
// the image otherwise keep one beside the modules.
func nextBoot(r root, kernels []host.InstalledKernel) string {
	for _, image := range []func(release string) string{
		func(release string) string { return "/boot/vmlinuz-" + release },
		func(release string) string { return "/lib/modules/" + release + "/vmlinuz" },
	} {
		for _, k := range slices.Backward(kernels) {
			if r.exists(image(k.Release)) {
				return k.Release
			}
		}
	}
	return ""
}

// nvidiaModule is the path of a kernel's nvidia.ko: what depmod indexed, or else one
// in a folder that installers use, for an index that was not made yet.
func nvidiaModule(r root, dir string) string {
	data, _ := r.read(dir+"/modules.dep", 64<<20)
	for line := range strings.Lines(string(data)) {
		name, _, ok := strings.Cut(line, ":")
		if ok && isNVIDIAModule(path.Base(name)) {
			if !path.IsAbs(name) {
				name = path.Join(dir, name)
			}
			if r.exists(name) { // the index may be older than a removal
				return name
			}
		}
	}
	dirs := []string{"updates/dkms", "updates", "extra", "extra/nvidia", "extra/drivers/video/nvidia", "weak-updates/nvidia", "weak-updates", "kernel/drivers/video"}
	if ubuntu, err := r.list(dir+"/kernel", "nvidia-*"); err == nil {
		for _, name := range ubuntu {
			dirs = append(dirs, "kernel/"+name)
		}
	}
	for _, sub := range dirs {
		names, _ := r.list(path.Join(dir, sub), "nvidia.ko*")
		for _, name := range names {
			if at := path.Join(dir, sub, name); isNVIDIAModule(name) && r.exists(at) {
				return at
			}
		}
	}
	return ""
}

func isNVIDIAModule(file string) bool {
	return slices.Contains([]string{"nvidia.ko", "nvidia.ko.xz", "nvidia.ko.zst", "nvidia.ko.gz"}, file)
}

// compareReleases orders kernel releases: runs of digits by value, the rest as text.
// An "-rc" comes before the release that it is a candidate for.
func compareReleases(a, b string) int {
	a, b = strings.ReplaceAll(a, "-rc", "~rc"), strings.ReplaceAll(b, "-rc", "~rc")
	for a != "" || b != "" {
		na, ra := digits(a)
		nb, rb := digits(b)
		if na != "" && nb != "" {
			if c := policy.CompareDigits(na, nb); c != 0 {
				return c
			}
			a, b = ra, rb
			continue
		}
		ca, cb := order(a), order(b)
		if ca != cb {
			return ca - cb
		}
		a, b = a[1:], b[1:]
	}
	return 0
}

// order ranks the first byte: a tilde before the end, the end before all else.
func order(s string) int {
	switch {
	case s == "":
		return 0
	case s[0] == '~':
		return -1
	}
	return int(s[0]) + 1
}

func digits(s string) (number, rest string) {
	n := strings.IndexFunc(s, func(c rune) bool { return c < '0' || c > '9' })
	if n < 0 {
		n = len(s)
	}
	return s[:n], s[n:]
}
