package setup

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/dockergpu/docker-gpu/hostsetup/doctor"
	"github.com/dockergpu/docker-gpu/hostsetup/find"
	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/internal/policy"
)

// What becomes part of an operation is checked first, wherever a machine says it.
var (
	archName      = regexp.MustCompile(`^[a-z0-9]{2,12}$`)
	plainPackage  = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+-]{0,120}$`)
	kernelRelease = regexp.MustCompile(`^[0-9][A-Za-z0-9._+~-]{0,100}$`)
	plainPath     = regexp.MustCompile(`^(?:/\.?[A-Za-z0-9_][A-Za-z0-9._+@-]*)+$`)
	uuid          = regexp.MustCompile(`^GPU-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
	versionText   = regexp.MustCompile(`^[0-9]+(?:\.[0-9]+){1,3}$`)
)

// manager is the package manager of the host, "" for none that setup knows.
func manager(h *host.Host) string {
	if h.OS.ID == "amzn" && h.OS.Version == "2" {
		return "" // yum
	}
	return policy.Manager(h.OS.ID, h.OS.Like)
}

// distribution is what is packaged for the host; false where that is not known.
func distribution(h *host.Host) (policy.Distribution, bool) {
	return policy.DistributionOf(h.OS.ID, h.OS.Version)
}

// systemName is how the host's system is called in sentences.
func systemName(h *host.Host) string {
	switch {
	case h.OS.ID == "":
		return "this system"
	case h.OS.Version == "":
		return h.OS.ID
	}
	return h.OS.ID + " " + h.OS.Version
}

// systemd says whether systemd runs the host. One that has not heard of any unit of ours
// tells of none; a dockerd without a unit was started by something else.
func systemd(h *host.Host) bool {
	switch {
	case len(h.Units) > 0:
		return true
	case h.OS.Container != "" || h.OS.WSL != 0:
		return false
	}
	return h.Engine.PID == 0
}

func enabled(h *host.Host, name string) bool {
	u, ok := find.Unit(h, name)
	return ok && u.Enabled == "enabled"
}

// packageVersion is that of an installed package, "" if it is not there.
func packageVersion(h *host.Host, name string) string {
	if i := slices.IndexFunc(h.Packages, func(p host.Package) bool { return p.Name == name }); i >= 0 {
		return h.Packages[i].Version
	}
	return ""
}

// upstream is the version that a project gave, of a package's: 29.4.0 of "5:29.4.0-1~ubuntu".
func upstream(version string) string {
	if epoch, rest, ok := strings.Cut(version, ":"); ok && strings.Trim(epoch, "0123456789") == "" {
		version = rest
	}
	version, _, _ = strings.Cut(version, "-")
	return version
}

func installed(h *host.Host, name string) bool { return packageVersion(h, name) != "" }

// fabricWaits is the state of a GPU whose links no fabric manager has set up.
const fabricWaits = "in-progress"

// nvSwitches says whether NVSwitches join the GPUs. Those of newer machines are not on this
// bus, but the GPUs wait for their fabric; in a virtual machine that is its host's business.
func nvSwitches(h *host.Host) bool {
	if h.OS.Virtual == "" && slices.ContainsFunc(h.GPUs, func(g host.GPU) bool { return g.Fabric != nil && g.Fabric.State == fabricWaits }) {
		return true
	}
	return len(find.NVSwitches(h)) > 0
}

// hasGPU says whether there is an NVIDIA GPU, or a driver that would tell if there were.
func hasGPU(h *host.Host) bool {
	if h.OS.Container != "" {
		return h.Driver.Version != "" // the bus of its host can be seen there, its cards are not lent by that
	}
	return len(ours(h)) > 0 || len(h.GPUs) > 0 || h.Driver.Version != "" || h.OS.WSL == 2 && slices.ContainsFunc(h.Nodes, func(n host.Node) bool { return n.Path == "/dev/dxg" })
}

// driverPackages are the names of the installed packages of the driver.
func driverPackages(h *host.Host) (names []string) {
	for _, p := range doctor.DriverPackages(h) {
		names = append(names, p.Name)
	}
	return names
}

// config is daemon.json, decoded; nil where there is none.
func config(h *host.Host) map[string]any {
	var out map[string]any
	if h.Engine.ConfigError != "" || json.Unmarshal([]byte(strings.TrimPrefix(h.Engine.Config, "\ufeff")), &out) != nil {
		return nil
	}
	return out
}

// flagged says whether dockerd's command line sets a key of daemon.json: it does not start
// with both.
func flagged(h *host.Host, key string) bool {
	return slices.ContainsFunc(h.Engine.Args, func(a string) bool {
		name, _, _ := strings.Cut(a, "=")
		return name == "--"+key || name == "--"+strings.TrimSuffix(key, "s")
	})
}

func listed(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}

func value(v any) json.RawMessage {
	data, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("setup: %v", err)) // only maps, slices, strings and booleans come here
	}
	return data
}
