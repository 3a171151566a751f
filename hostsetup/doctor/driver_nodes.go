package doctor

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// nodeChecks are of the files below /dev by which programs reach the GPUs.
func nodeChecks() []Check {
	return []Check{
		{
			Code: "G021", Title: "the device nodes are there, with the driver's numbers", Group: Driver, Severity: Error, Needs: []Fact{Local, Module}, After: afterDriver(),
			Symptoms: []string{"stat /dev/nvidia-uvm: no such file or directory", "re:/dev/nvidia(ctl|-uvm|\\d+)?: no such (file|device)"},
			Cause:    "Nobody made the nodes: without a display it takes nvidia-modprobe, a udev rule or nvidia-persistenced; the number of nvidia-uvm changes from start to start.",
			Run:      nodesMissing,
		},
		{
			Code: "G016", Title: "every user may open the device nodes", Group: Driver, Severity: Warning, Needs: []Fact{Local, Module}, After: afterDriver("G021"),
			Symptoms: []string{"Insufficient Permissions"},
			Cause:    "The nodes' mode or owner keeps users out. The driver's module sets them from its parameters (NVreg_DeviceFileMode); a udev rule may too.",
			Run:      nodesClosed,
		},
	}
}

func node(h *host.Host, path string) (host.Node, bool) {
	i := slices.IndexFunc(h.Nodes, func(n host.Node) bool { return n.Path == path })
	if i < 0 {
		return host.Node{}, false
	}
	return h.Nodes[i], true
}

// nodesRead says whether the nodes were looked at on a system that should have them.
func nodesRead(h *host.Host) bool {
	return h.OS.WSL == 0 && !inContainer(h) && h.Unread["nodes"] == ""
}

func nodesMissing(h *host.Host, _ time.Time) []Finding {
	if !nodesRead(h) {
		return nil
	}
	var evidence []Evidence
	wanted := []string{"/dev/nvidiactl", "/dev/nvidia-uvm"}
	for _, g := range h.GPUs {
		if g.Minor != nil {
			wanted = append(wanted, fmt.Sprintf("/dev/nvidia%d", *g.Minor))
		}
	}
	for _, path := range wanted {
		if _, ok := node(h, path); !ok {
			evidence = append(evidence, saw(path, "there is no such node"))
		}
	}
	missing := len(evidence)
	uvm, ok := node(h, "/dev/nvidia-uvm")
	major := h.Kernel.DeviceMajors["nvidia-uvm"]
	wrong := ok && major != 0 && uvm.Major != major
	if wrong {
		evidence = append(evidence, saw("/dev/nvidia-uvm", "its number is %d; /proc/devices says %d", uvm.Major, major))
	}
	if len(evidence) == 0 {
		return nil
	}
	fix := Fix{Title: "make the nodes", Argv: [][]string{{"nvidia-modprobe", "-c", "0", "-u"}}, Root: true, Disruption: None, Safe: true}
	if wrong {
		fix = Fix{Title: "replace the node", Argv: [][]string{{"rm", "-f", "/dev/nvidia-uvm", "/dev/nvidia-uvm-tools"}, {"nvidia-modprobe", "-c", "0", "-u"}}, Root: true, Disruption: None}
		if missing == 0 {
			return []Finding{told(evidence, []Fix{fix}, "/dev/nvidia-uvm has the number %d, the driver's is %d", uvm.Major, major)}
		}
	}
	return []Finding{told(evidence, []Fix{fix}, "%s missing: GPUs cannot be opened", plural(missing, "device node"))}
}

// gpuNode matches the nodes that programs open, not those of MIG's or NVSwitches' administration.
var gpuNode = regexp.MustCompile(`^/dev/nvidia(ctl|\d+|-uvm|-uvm-tools|-modeset)$`)

func nodesClosed(h *host.Host, _ time.Time) []Finding {
	if !nodesRead(h) {
		return nil
	}
	var evidence []Evidence
	argv := []string{"chmod", "0666"}
	undo := [][]string{}
	for _, n := range h.Nodes {
		if !gpuNode.MatchString(n.Path) || n.Mode&0o666 == 0o666 {
			continue
		}
		mode := "0" + strconv.FormatUint(uint64(n.Mode&0o777), 8)
		evidence = append(evidence, saw(n.Path, "mode %s, user %d, group %d", mode, n.UID, n.GID))
		argv, undo = append(argv, n.Path), append(undo, []string{"chmod", mode, n.Path})
	}
	if len(evidence) == 0 {
		return nil
	}
	n := len(evidence)
	for _, m := range h.Kernel.Modules {
		for _, key := range []string{"NVreg_ModifyDeviceFiles", "NVreg_DeviceFileMode", "ModifyDeviceFiles", "DeviceFileMode"} {
			if v, ok := m.Parameters[key]; ok && m.Name == "nvidia" {
				evidence = append(evidence, saw("/sys/module/nvidia/parameters/"+key, "%s", v))
			}
		}
	}
	// Not safe: somebody may have closed them on purpose.
	return []Finding{told(evidence, []Fix{{Title: "open the nodes to all users until the next start; where they are closed on purpose, add users to their group instead",
		Argv: [][]string{argv}, Root: true, Disruption: None, Undo: undo}}, "%s closed to users", plural(n, "device node"))}
}
