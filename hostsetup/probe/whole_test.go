package probe

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// whole is a machine with something of everything: Ubuntu, two GPUs below a switch, Secure
// Boot, the toolkit, a spec, an engine.
func whole(t *testing.T) *machine {
	t.Helper()
	const (
		lib     = "usr/lib/x86_64-linux-gnu/"
		kernel  = "lib/modules/6.8.0-49-generic/"
		efivars = "sys/firmware/efi/efivars/"
	)
	tree := with(switched(2, func(_ string, kind int) []byte { return port(kind, 0x1d) }), process(42, systemd, "PATH=/usr/sbin:/usr/bin\x00HOME=/root\x00"), files{
		"usr/lib/os-release": "ID=ubuntu\nID_LIKE=debian\nVERSION_ID=\"24.04\"\nPRETTY_NAME=\"Ubuntu 24.04.3 LTS\"\n", "etc/os-release": "→../usr/lib/os-release", "etc/hostname": "gpu01\n",
		"proc/version": "Linux version 6.8.0-49-generic (b@l)", "proc/sys/kernel/osrelease": "6.8.0-49-generic\n", "proc/cmdline": "BOOT_IMAGE=/boot/vmlinuz iommu=pt module_blacklist=nouveau\n",
		"proc/devices": "Character devices:\n195 nvidia\n511 nvidia-uvm\n\nBlock devices:\n", "proc/cpuinfo": "flags\t: fpu hypervisor\n", "sys/class/dmi/id/sys_vendor": "QEMU\n",
		"sys/fs/selinux/enforce": "1", efivars + "SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c": "\x06\x00\x00\x00\x01", "run/.containerenv": "",
		efivars + "MokListRT-605dab50-e046-4300-abb6-3dd810dd8b23": "\x06\x00\x00\x00" + string(signatureList(x509List, 0, signed(t, "key.crt"))),

		kernel + "modules.dep": "updates/dkms/nvidia.ko:\n", kernel + "updates/dkms/nvidia.ko": string(sign(elfModule(modinfo580), signed(t, "issuer.p7"))), kernel + "build/": "", "boot/vmlinuz-6.8.0-49-generic": "",
		"lib/modules/6.8.0-48-generic/modules.dep": "",
		"proc/modules": "nvidia_uvm 1 0 - Live 0x0\nnvidia 1 0 - Live 0x0\n", "sys/module/nvidia/version": "580.65.06\n", "proc/driver/nvidia/version": "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.65.06\n",
		"sys/module/nvidia_uvm/version": "580.65.06\n", "sys/module/nvidia_uvm/parameters/uvm_disable_hmm": "N\n",
		"var/log/kern.log": "[    1.000000] NVRM: GPU0 RmInitAdapter failed!\n[    2.000000] NVRM: Xid (PCI:0000:40:00): 79, GPU has fallen off the bus.\n",

		"dev/nvidia0": "", "dev/nvidia-uvm": "", lib + "libcuda.so.1": "→libcuda.so.580.65.06", lib + "libcuda.so.580.65.06": "", "usr/bin/nvidia-uninstall": "",
		"var/lib/dpkg/status": "Package: nvidia-fabricmanager-580\nStatus: hold ok installed\nVersion: 580.65.06-1\n\nPackage: nvidia-container-toolkit-base\nStatus: install ok installed\nVersion: 1.20.1-1\n",

		"usr/bin/nvidia-ctk*": "", "usr/bin/nvidia-cdi-hook*": "", "etc/nvidia-container-runtime/config.toml": "x = = 1\n", "usr/share/containers/oci/hooks.d/oci-nvidia-hook.json": "{}",
		"etc/apt/sources.list.d/nvidia.list": "deb [signed-by=/k.gpg] " + toolkitDeb + " /\n", "etc/cdi/nvidia.yaml": goodSpec, "etc/cdi/broken.yaml": "{",
		"root/.config/docker/daemon.json": `{"data-root": "/data", "default-shm-size": "1g", "default-ulimits": {"memlock": {"Soft": -1}}, "cdi-spec-dirs": ["/etc/cdi"], "hosts": ["fd://"]}`,
		"run/systemd/system/":             "", "proc/9/stat": fmt.Sprintf("9 (nvidia-smi) D%s 250 0 0\n", strings.Repeat(" 0", 18)),
	})
	for i, gpu := range []string{"sys/devices/pci0000:10/0000:10:01.0/0000:20:00.0/0000:30:00.0/0000:40:00.0/", "sys/devices/pci0000:10/0000:10:01.0/0000:20:00.0/0000:30:01.0/0000:41:00.0/"} {
		for name, text := range map[string]string{"driver": "→../../../bus/pci/drivers/nvidia", "current_link_speed": "16.0 GT/s PCIe", "current_link_width": "8", "max_link_speed": "32.0 GT/s PCIe", "max_link_width": "16",
			"numa_node": fmt.Sprint(i + 1), "iommu_group/type": "identity"} {
			tree[gpu+name] = text
		}
	}
	tree["sys/class/iommu/dmar0/"] = ""
	m := fake(t, tree)
	m.node = func(string) (host.Node, error) {
		return host.Node{Major: 195, Minor: 1, Mode: 0o666, UID: 1, GID: 44}, nil
	}
	m.owner = func(os.FileInfo) int { return 1000 } // a rootless engine
	m.space = func(string) (uint64, uint64, error) { return 100, 40, nil }
	m.run = func(_ context.Context, name string, args ...string) ([]byte, error) {
		if name == "systemctl" {
			return []byte("Id=docker.service\nLoadState=loaded\nActiveState=active\nUnitFileState=enabled\n"), nil
		}
		return nil, exec.ErrNotFound
	}
	m.gpus = func(context.Context) (host.Driver, []host.GPU, error) {
		return ParseSMI(smiFile(t, "h200.xml"))
	}
	return m
}

// set are the members of a value that are not zero, by their path in JSON.
func set(v reflect.Value, path string, found map[string]bool) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			found[path] = true
			set(v.Elem(), path, found)
		}
	case reflect.Slice:
		for i := range v.Len() {
			found[path] = true
			set(v.Index(i), path, found)
		}
	case reflect.Map:
		for _, k := range v.MapKeys() {
			found[path] = true
			set(v.MapIndex(k), path, found)
		}
	case reflect.Struct:
		if v.Type() == timeType {
			found[path] = found[path] || !v.IsZero()
			return
		}
		for i := range v.NumField() {
			name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
			set(v.Field(i), strings.TrimPrefix(path+"."+name, "."), found)
		}
	default:
		found[path] = found[path] || !v.IsZero()
	}
}

// all are all paths that a type has.
func allPaths(t reflect.Type, path string) (paths []string) {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		return allPaths(t.Elem(), path)
	case reflect.Struct:
		if t == timeType {
			return []string{path}
		}
		for i := range t.NumField() {
			name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
			paths = append(paths, allPaths(t.Field(i).Type, strings.TrimPrefix(path+"."+name, "."))...)
		}
		return paths
	}
	return []string{path}
}

// A field that nobody fills makes every check that reads it pass in silence. Those that this
// package leaves to others are named here, with who fills them.
func TestEveryFactHasASource(t *testing.T) {
	others := map[string][]string{
		"Local, from the clock": {"schemaVersion", "taken", "arch"},
		"the command line":      {"context", "local", "engine.client", "engine.hooks"},
		"the engine's API": {"engine.error", "engine.version", "engine.api", "engine.id", "engine.os", "engine.arch", "engine.endpoint", "engine.userns", "engine.store", "engine.runtimes", "engine.defaultRuntime",
			"engine.runcVersion", "engine.cgroupDriver", "engine.cgroupVersion", "engine.liveRestore", "engine.cdiDevices", "engine.warnings", "engine.security", "engine.containers", "engine.running", "engine.skipped", "engine.swarm"},
		"the worker":             {"driver.cudaError"},
		"NVML alone":             {"gpus.nvlinks", "gpus.mig.devices", "gpus.processes.container", "gpus.processes.mig", "gpus.lost", "gpus.fans.rpm", "gpus.inforom", "driver.nvml", "gpus.errors"},
		"other cards":            {"gpus.fans.percent", "gpus.ecc.retired", "gpus.fabric.status", "gpus.fabric.health"},
		"other machines":         {"os.wsl", "kernel.installed.unsigned", "toolkit.config"},
		"zero, and known to be":  {"gpus.index", "gpus.remappedRows.failed", "gpus.mig", "xids.pci"},
		"what could not be read": {"unread"},
		"only in a GPU's list":   {"stuck.kind", "stuck.memory", "stuck.container", "stuck.mig"},
	}
	h := gather(t.Context(), whole(t), sources())
	found := map[string]bool{}
	set(reflect.ValueOf(h), "", found)
	var missing []string
	for _, path := range allPaths(reflect.TypeFor[host.Host](), "") {
		left := false
		for _, prefixes := range others {
			left = left || slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(path, p) })
		}
		if !found[path] && !left {
			missing = append(missing, path)
		}
	}
	assert.Equal(t, len(missing), 0, "nobody fills %s", strings.Join(missing, ", "))
	// And what is left to others is not filled here after all.
	for who, prefixes := range others {
		for _, p := range prefixes {
			if who == "the engine's API" || who == "the worker" {
				assert.Assert(t, !found[p], "%s is filled, and not by %s", p, who)
			}
		}
	}
	assert.DeepEqual(t, slices.Sorted(maps.Keys(h.Unread)), []string(nil))
}

// The same machine gives the same facts, whichever source is the quickest.
func TestTheSameFactsEachTime(t *testing.T) {
	m := whole(t)
	first := gather(t.Context(), m, sources())
	for range 5 {
		m.once()
		assert.DeepEqual(t, gather(t.Context(), m, sources()), first)
	}
	list := sources()
	slices.Reverse(list)
	m.once()
	again := gather(t.Context(), m, list)
	// The order matters where one source adds to another's facts: only there.
	again.Kernel.Installed, again.Toolkit, again.Driver = first.Kernel.Installed, first.Toolkit, first.Driver
	assert.DeepEqual(t, again, first)
}

// A whole machine survives being recorded, and redacted it names nobody.
func TestAWholeMachineIsRecorded(t *testing.T) {
	h := gather(t.Context(), whole(t), sources())
	h.SchemaVersion = host.SchemaVersion
	Clean(&h)
	var b bytes.Buffer
	assert.NilError(t, Record(&b, h, false))
	back, err := Replay(&b)
	assert.NilError(t, err)
	assert.DeepEqual(t, back, h)
	assert.NilError(t, Record(&b, h, true))
	for _, leak := range []string{"gpu01", "1654924012345", "box1"} {
		assert.Assert(t, !strings.Contains(b.String(), leak), leak)
	}
}

// With each source silent in turn the others say all that they know.
func TestASourceThatIsSilent(t *testing.T) {
	for i, silent := range sources() {
		t.Run(silent.name, func(t *testing.T) {
			list := sources()
			release := make(chan struct{})
			defer close(release)
			list[i].timeout = 5 * time.Millisecond
			list[i].read = func(context.Context, *machine) (fill, error) { <-release; return nil, nil }
			h := gather(t.Context(), whole(t), list)
			assert.Equal(t, len(h.Unread), 1, "%v", h.Unread)
			assert.Equal(t, h.Unread[silent.name], silent.what+" did not answer within 5ms")
			assert.Assert(t, h.Kernel.Release != "" || silent.name == "kernel")
			assert.Assert(t, len(h.GPUs) > 0 || silent.name == "nvml")
		})
	}
}
