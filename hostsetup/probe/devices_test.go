package probe

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

func TestPCI(t *testing.T) {
	const gpu, bus = "sys/devices/pci0000:64/0000:65:00.0/", "sys/bus/pci/devices/"
	h := one(t, fake(t, files{
		bus + "0000:65:00.0": "→../../../devices/pci0000:64/0000:65:00.0",
		gpu + "vendor":       "0x10de\n", gpu + "device": "0x2335\n", gpu + "class": "0x030200\n", gpu + "numa_node": "1\n",
		gpu + "current_link_speed": "2.5 GT/s PCIe\n", gpu + "current_link_width": "16\n",
		gpu + "max_link_speed": "32.0 GT/s PCIe\n", gpu + "max_link_width": "16\n",
		gpu + "driver":                          "→../../../bus/pci/drivers/nvidia",
		bus + "0000:00:1f.0/vendor":             "0x8086\n",
		bus + "0000:c1:00.0/vendor":             "0x10DE\n", // a switch, off the bus: all ones
		bus + "0000:c1:00.0/class":              "0x068000\n",
		bus + "0000:c1:00.0/device":             "0x22a3\n",
		bus + "0000:c1:00.0/current_link_width": "63\n", bus + "0000:c1:00.0/current_link_speed": "Unknown\n",
	}), readPCI)
	assert.DeepEqual(t, h.PCI, []host.PCI{
		{Address: "0000:65:00.0", Vendor: "10de", Device: "2335", Class: "0302", Driver: "nvidia", LinkGen: 1, LinkWidth: 16, MaxGen: 5, MaxWidth: 16, NUMA: 1},
		{Address: "0000:c1:00.0", Vendor: "10de", Device: "22a3", Class: "0680", NUMA: -1},
	})
	assert.DeepEqual(t, one(t, fake(t, nil), readPCI), host.Host{})
}

func TestLinkOfADevice(t *testing.T) {
	for speed, want := range map[string]int{"2.5 GT/s PCIe": 1, "5.0 GT/s": 2, "5 GT/s": 2, "8.0 GT/s PCIe": 3, "16.0 GT/s PCIe": 4, "32.0 GT/s PCIe": 5,
		"64.0 GT/s PCIe": 6, "128.0 GT/s PCIe": 7, "Unknown": 0, "": 0, "2.50 GT/s": 0} {
		assert.Equal(t, generation(speed), want, speed)
	}
	for text, want := range map[string]int{"16": 16, "1": 1, "0": 0, "63": 0, "255": 0, "-1": 0, "": 0, "x": 0, "999999999999999999999": 0} {
		assert.Equal(t, lanes(text), want, text)
	}
}

func TestNodes(t *testing.T) {
	m := fake(t, files{
		"dev/nvidia0": "", "dev/nvidiactl": "", "dev/nvidia-uvm": "", "dev/nvidia-caps/nvidia-cap1": "", "dev/nvidia-caps-imex-channels/channel0": "",
		"dev/dxg": "", "dev/null": "", "dev/nvidia-closed": "", "dev/nvidia-file": "",
	})
	m.node = func(at string) (host.Node, error) {
		switch rel := strings.TrimPrefix(filepath.ToSlash(at), string(m.root)); rel {
		case "/dev/nvidia-closed":
			return host.Node{}, &os.PathError{Op: "stat", Path: at, Err: fs.ErrPermission}
		case "/dev/nvidia-file", "/dev/nvidia-caps", "/dev/nvidia-caps-imex-channels":
			return host.Node{}, os.ErrNotExist // no device
		case "/dev/nvidia-uvm":
			return host.Node{Major: 511, Mode: 0o666}, nil
		}
		return host.Node{Major: 195, Mode: 0o666}, nil
	}
	h := one(t, m, readNodes)
	var paths []string
	for _, n := range h.Nodes {
		paths = append(paths, n.Path)
	}
	assert.DeepEqual(t, paths, []string{"/dev/nvidia-uvm", "/dev/nvidia0", "/dev/nvidiactl", "/dev/nvidia-caps/nvidia-cap1", "/dev/nvidia-caps-imex-channels/channel0", "/dev/dxg"})
	assert.DeepEqual(t, h.Nodes[0], host.Node{Path: "/dev/nvidia-uvm", Major: 511, Mode: 0o666})
	assert.DeepEqual(t, h.Unread, map[string]string{"it": "/dev/nvidia-closed cannot be read: run with sudo"})
}

func TestLibraries(t *testing.T) {
	const lib = "usr/lib/x86_64-linux-gnu/"
	m := fake(t, files{
		lib + "libcuda.so": "→libcuda.so.1", lib + "libcuda.so.1": "→libcuda.so.580.65.06", lib + "libcuda.so.580.65.06": "",
		lib + "libnvidia-ml.so.1": "→/usr/lib/x86_64-linux-gnu/libnvidia-ml.so.575.57.08", lib + "libnvidia-ml.so.575.57.08": "",
		lib + "libcudart.so.13": "", "usr/lib/wsl/lib/libcuda.so.1": "", "usr/lib64/libcuda.so.1": "→/gone",
		"usr/bin/nvidia-uninstall": "",
	})
	h := one(t, m, readLibraries)
	assert.DeepEqual(t, h.Driver, host.Driver{Runfile: true, Libraries: []host.Library{
		{Path: "/usr/lib/wsl/lib/libcuda.so.1", Changed: moment},
		{Path: "/" + lib + "libcuda.so.580.65.06", Version: "580.65.06", Changed: moment},
		{Path: "/" + lib + "libnvidia-ml.so.575.57.08", Version: "575.57.08", Changed: moment},
	}})
}

func TestFabricManager(t *testing.T) {
	const status = "Package: nvidia-fabricmanager-dev-580\nStatus: install ok installed\nVersion: 1.0-1\n\n" +
		"Package: nvidia-fabricmanager-580\nStatus: install ok installed\nVersion: 580.65.06-0ubuntu1\n"
	m := fake(t, files{"var/lib/dpkg/status": status})
	assert.Equal(t, one(t, m, readLibraries).Driver.FabricManager, "580.65.06")

	m = fake(t, files{"usr/bin/nv-fabricmanager*": ""})
	m.run = says(t, "nv-fabricmanager --version", "Fabric Manager version is : 580.65.06\n", nil)
	assert.Equal(t, one(t, m, readLibraries).Driver.FabricManager, "580.65.06")
	m.run = says(t, "nv-fabricmanager --version", "", errors.New("exit status 1"))
	assert.Equal(t, one(t, m, readLibraries).Unread["it"], "the fabric manager's version cannot be read: exit status 1")
	assert.Equal(t, one(t, fake(t, nil), readLibraries).Driver.FabricManager, "")
}

func TestDisks(t *testing.T) {
	m := fake(t, files{"data/docker/": "", "var/": "", "etc/docker/daemon.json": `{"data-root": "/data/docker"}`})
	m.space = func(at string) (uint64, uint64, error) {
		if strings.HasSuffix(at, "docker") {
			return 100, 40, nil
		}
		if strings.HasSuffix(at, "var") {
			return 0, 0, &os.PathError{Op: "statfs", Path: at, Err: errors.New("stale file handle")}
		}
		return 10, 4, nil
	}
	h := one(t, m, readDisks)
	assert.DeepEqual(t, h.Disks, []host.Disk{{Path: "/data/docker", Size: 100, Free: 40}, {Path: "/", Size: 10, Free: 4}})
	assert.Equal(t, h.Unread["it"], "/var cannot be read: stale file handle")
}
