package probe

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// A machine may be large, or hostile: no folder and no file makes a source read without end.
func TestManyKernels(t *testing.T) {
	tree := files{"boot/vmlinuz-6.8.0-1-generic": "", "boot/vmlinuz-6.8.0-99-generic": ""}
	for i := range 2 * mostKernels {
		tree[fmt.Sprintf("lib/modules/6.8.0-%d-generic/modules.dep", i)] = ""
	}
	h := one(t, fake(t, tree), readInstalled)
	assert.Equal(t, len(h.Kernel.Installed), mostKernels)
	assert.Equal(t, h.Kernel.Installed[0].Release, fmt.Sprintf("6.8.0-%d-generic", mostKernels))
	assert.Equal(t, h.Kernel.NextBoot, "6.8.0-99-generic")
}

func TestManyFilesOfConfiguration(t *testing.T) {
	tree := files{}
	for i := range 2 * mostConfigs {
		tree[fmt.Sprintf("etc/modprobe.d/%04d.conf", i)] = "blacklist nouveau\n"
		tree[fmt.Sprintf("etc/apt/sources.list.d/%04d.list", i)] = "deb " + cudaDeb + " /\n"
	}
	tree[fmt.Sprintf("etc/modprobe.d/%04d.conf", 2*mostConfigs)] = "blacklist nova_core\n"
	m := fake(t, tree)
	assert.DeepEqual(t, blacklist(m.root), []string{"nouveau"})
	assert.Equal(t, len(one(t, m, readRepositories).Toolkit.Sources), mostConfigs)
}

func TestManyParameters(t *testing.T) {
	tree := files{"proc/modules": "nvidia 1 0 - Live 0x0\n"}
	for i := range 500 {
		tree[fmt.Sprintf("sys/module/nvidia/parameters/p%d", i)] = "1\n"
	}
	assert.Equal(t, len(one(t, fake(t, tree), readModules).Kernel.Modules[0].Parameters), 200)
}

func TestManyProcesses(t *testing.T) {
	tree := files{}
	for i := 1; i <= 500; i++ {
		tree[fmt.Sprintf("proc/%d/stat", i)] = fmt.Sprintf("%d (nvidia-smi) D%s 250 0 0\n", i, strings.Repeat(" 0", 18))
	}
	assert.Equal(t, len(one(t, fake(t, tree), readStuck).Stuck), 100)
}

// Pipes, devices and folders in the place of files: to open one would wait for ever.
func TestWhatIsNoFile(t *testing.T) {
	tree := files{}
	for _, name := range []string{
		"etc/os-release", "proc/cmdline", "proc/sys/kernel/osrelease", "proc/stat", "proc/devices", "proc/modules", "proc/cpuinfo", "proc/keys", "proc/driver/nvidia/version", "var/lib/dpkg/status", "var/log/kern.log",
		"etc/docker/daemon.json", "etc/nvidia-container-runtime/config.toml", "etc/cdi/a.yaml", "etc/apt/sources.list", "etc/modprobe.d/a.conf", "dev/kmsg", "usr/bin/nvidia-ctk", "lib/modules/6.8/modules.dep", "boot/vmlinuz-6.8",
		"sys/bus/pci/devices/0000:01:00.0/vendor", "etc/dnf/versionlock.toml", "usr/lib/systemd/system/docker.service", "proc/7/comm", "proc/7/stat", "proc/1/environ",
	} {
		tree[name+"/"] = ""
	}
	m := fake(t, tree)
	m.kmsg = m.readKmsg
	start := time.Now()
	h := gather(t.Context(), m, sources())
	assert.Assert(t, time.Since(start) < 20*time.Second)
	for name, why := range h.Unread {
		assert.Assert(t, !strings.Contains(why, "did not answer") && !strings.Contains(why, "understood"), "%s: %s", name, why)
		assert.Assert(t, !strings.Contains(why, string(m.root)), "%s tells of the folder that the root is: %s", name, why)
	}
	assert.Equal(t, len(h.CDI.Specs), 1)
	assert.Equal(t, h.CDI.Specs[0].Error, "/etc/cdi/a.yaml is not a regular file")
}

// Where nothing may be opened each source says so once, and that sudo helps.
func TestAMachineThatMayNotBeRead(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root reads everything")
	}
	tree := files{}
	for _, name := range []string{"var/lib/dpkg/status", "etc/docker/daemon.json", "etc/cdi/a.yaml", "etc/apt/sources.list", "var/log/kern.log", "etc/nvidia-container-runtime/config.toml"} {
		tree[name] = "x"
	}
	m := fake(t, tree)
	for name := range tree {
		assert.NilError(t, os.Chmod(filepath.Join(string(m.root), name), 0))
	}
	h := gather(t.Context(), m, sources())
	for _, name := range []string{"packages", "dockerd", "cdi /etc/cdi/a.yaml", "repositories", "klog"} {
		assert.Assert(t, strings.HasSuffix(h.Unread[name], "cannot be read: run with sudo"), "%s: %s", name, h.Unread[name])
	}
	assert.Equal(t, h.Toolkit.ConfigError, "config.toml cannot be read: run with sudo")
}

// A link of the machine never leads out of its root, whatever file it stands for.
func TestLinksOutOfTheRoot(t *testing.T) {
	outside := t.TempDir()
	assert.NilError(t, os.WriteFile(filepath.Join(outside, "secret"), []byte("ID=secret\nnvidia 1 0 - Live 0x0\n"), 0o644))
	tree := files{"etc/cdi": "→" + outside, "etc/modprobe.d": "→../../../../../../../../" + outside}
	for _, name := range []string{"etc/os-release", "etc/hostname", "proc/cmdline", "proc/sys/kernel/osrelease", "proc/modules", "etc/docker/daemon.json", "var/lib/dpkg/status", "var/log/kern.log", "etc/apt/sources.list"} {
		tree[name] = "→" + outside + "/secret"
	}
	h := gather(t.Context(), fake(t, tree), sources())
	h.Disks = nil
	// A daemon.json that is a link to nothing is none.
	assert.DeepEqual(t, h, host.Host{})
}

func TestReadingUpToALimit(t *testing.T) {
	r := folder(t, files{"five": "12345", "empty": ""})
	for _, c := range []struct {
		name string
		most int64
		want string
	}{{"five", 5, "12345"}, {"five", 6, "12345"}, {"empty", 0, ""}, {"empty", 5, ""}} {
		data, err := r.read(c.name, c.most)
		assert.NilError(t, err)
		assert.Equal(t, string(data), c.want)
	}
	_, err := r.read("five", 4)
	assert.ErrorIs(t, err, errLarge)
	assert.Error(t, err, "five: it is too large (more than 4 bytes)")
	_, err = r.read("none", 5)
	assert.ErrorIs(t, err, fs.ErrNotExist)
	names, err := r.configs("/", "*")
	assert.NilError(t, err)
	assert.DeepEqual(t, names, []string{"empty", "five"})
	_, err = r.configs("/none", "*")
	assert.ErrorIs(t, err, fs.ErrNotExist)
}

func TestTheHeadOfAFile(t *testing.T) {
	r := folder(t, files{"five": "12345", "dir/": "", "proc/cpuinfo": strings.Repeat("processor\t: 0\nflags\t\t: fpu hypervisor\n", 1<<20)})
	for most, want := range map[int64]string{0: "", 3: "123", 5: "12345", 9: "12345"} {
		assert.Equal(t, string(r.head("five", most)), want)
	}
	assert.Equal(t, len(r.head("none", 5))+len(r.head("dir", 5)), 0)
	known, guest := cpuFlags(r) // of a machine with a million processors
	assert.Assert(t, known && guest)
}

func TestAFolderOfManyNames(t *testing.T) {
	dir := t.TempDir()
	for i := range mostEntries + 100 {
		f, err := os.Create(filepath.Join(dir, fmt.Sprint(i)))
		assert.NilError(t, err)
		f.Close()
	}
	names, err := root(dir).list("/", "*")
	assert.NilError(t, err)
	assert.Equal(t, len(names), mostEntries)
}
