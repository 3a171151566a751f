package doctor

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// nodeChecks are of the files below /dev by which programs reach the GPUs.
func nodeChecks() []Check {
	return []Check{
		{
			Code: "G021", Title: "the device nodes are there, with the driver's numbers", Group: Driver, Severity: Error, Needs: []Fact{Local, Module, Nodes}, After: afterDriver(),
			Symptoms: []string{"stat /dev/nvidia-uvm: no such file or directory", "re:/dev/nvidia(ctl|-uvm|\\d+)?: no such (file|device)"},
			Cause:    "Nobody made the nodes: without a display it takes nvidia-modprobe, a udev rule or nvidia-persistenced; the number of nvidia-uvm changes from start to start.",
			Run:      nodesMissing,
		},
		{
			Code: "G016", Title: "every user may open the device nodes", Group: Driver, Severity: Warning, Needs: []Fact{Local, Module}, After: afterDriver(),
			Symptoms: []string{"Insufficient Permissions"},
			Cause:    "The nodes' mode or owner keeps users out. The driver's module sets them from its parameters (NVreg_DeviceFileMode); a udev rule may too. A program of root that starts the driver's library sets them again.",
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

// wantedNodes are those without which CUDA does not work here. In a container a GPU's
// node may be left out on purpose, and so may that of unified memory where the
// container has no libcuda; one that has it cannot use it without.
func wantedNodes(h *host.Host) (paths []string) {
	switch {
	case h.OS.WSL != 0:
		return nil
	case inContainer(h):
		cuda := slices.ContainsFunc(h.Driver.Libraries, func(l host.Library) bool { return strings.Contains(l.Path, "libcuda.so") })
		if cuda && len(h.GPUs) > 0 {
			return []string{"/dev/nvidia-uvm"}
		}
		return nil
	}
	paths = []string{"/dev/nvidiactl", "/dev/nvidia-uvm"}
	for _, g := range h.GPUs {
		if g.Minor != nil {
			paths = append(paths, fmt.Sprintf("/dev/nvidia%d", *g.Minor))
		}
	}
	return paths
}

// makeNodes are the commands that make nodes. One call of nvidia-modprobe makes either
// cards' nodes, by minor numbers of which 255 is nvidiactl's, or, with -u, those of
// unified memory. Source: NVIDIA/nvidia-modprobe, nvidia-modprobe.c; 2026-11-27.
func makeNodes(paths []string) (argv [][]string) {
	cards, unified := []string{"nvidia-modprobe"}, false
	for _, p := range paths {
		switch name := strings.TrimPrefix(p, "/dev/nvidia"); {
		case strings.HasPrefix(name, "-uvm"):
			unified = true
		case name == "ctl":
			cards = append(cards, "-c", "255")
		default:
			cards = append(cards, "-c", name)
		}
	}
	if len(cards) > 1 {
		argv = append(argv, cards)
	}
	if unified {
		argv = append(argv, []string{"nvidia-modprobe", "-u", "-c", "0"})
	}
	return argv
}

func nodesMissing(h *host.Host, _ time.Time) []Finding {
	var evidence []Evidence
	var makes []string
	for _, path := range wantedNodes(h) {
		if _, ok := node(h, path); !ok {
			makes, evidence = append(makes, path), append(evidence, saw(path, "there is no such node"))
		}
	}
	missing := len(makes)
	uvm, ok := node(h, "/dev/nvidia-uvm")
	major := h.Kernel.DeviceMajors["nvidia-uvm"]
	wrong := ok && major != 0 && uvm.Major != major
	if wrong {
		makes, evidence = append(makes, uvm.Path), append(evidence, saw(uvm.Path, "its number is %d; /proc/devices says %d", uvm.Major, major))
	}
	if len(evidence) == 0 {
		return nil
	}
	fix := Fix{Title: "make the nodes", Argv: makeNodes(makes), Root: true, Disruption: None, Safe: true}
	switch {
	case inContainer(h):
		fix = manual("on the container's host run `nvidia-modprobe -u -c 0`, then start the container anew: it has the nodes of its start", Restart)
	case wrong:
		fix.Title, fix.Safe = "make the nodes, the one with the wrong number anew", false
		fix.Argv = slices.Concat([][]string{{"rm", "-f", "/dev/nvidia-uvm", "/dev/nvidia-uvm-tools"}}, fix.Argv)
	}
	if missing == 0 {
		return []Finding{told(evidence, []Fix{fix}, "/dev/nvidia-uvm has the number %d, the driver's is %d", uvm.Major, major)}
	}
	return []Finding{told(evidence, []Fix{fix}, "%s missing: GPUs cannot be opened", count(missing, "device node"))}
}

// gpuNode matches the nodes that programs open, not those of MIG's or NVSwitches' administration.
var gpuNode = regexp.MustCompile(`^/dev/nvidia(ctl|\d+|-uvm|-uvm-tools|-modeset)$`)

// nodesClosed looks at the nodes that are there: in a container too, where one that
// was left out may be left out on purpose, but none is given to be of no use.
func nodesClosed(h *host.Host, now time.Time) []Finding {
	if len(remapped(h, now)) > 0 {
		return nil // C040 tells of the same nodes and whom they are closed to
	}
	var evidence []Evidence
	argv := []string{"chmod", "0666"}
	undo := [][]string{}
	for _, n := range h.Nodes {
		if !gpuNode.MatchString(n.Path) || n.Mode&0o666 == 0o666 {
			continue
		}
		mode := fmt.Sprintf("%04o", n.Mode&0o777)
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
	until := "until the next start"
	if inContainer(h) {
		until = "in this container; a new one gets them as its host has them"
	}
	// Not safe: somebody may have closed them on purpose.
	return []Finding{told(evidence, []Fix{{Title: "open the nodes to all users " + until + "; where they are closed on purpose, add users to their group instead",
		Argv: [][]string{argv}, Root: true, Disruption: None, Undo: undo}}, "%s closed to users", count(n, "device node"))}
}
