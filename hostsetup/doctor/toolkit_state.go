package doctor

import (
	"slices"
	"strings"
	"time"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// textOnly is a fact that no host has: a check that needs it is known by its text
// alone, for `explain` and the table of codes.
const textOnly Fact = "text"

func nothing(*host.Host, time.Time) []Finding { return nil }

// wslChecks are about Windows' Linux, where the driver is Windows'.
func wslChecks() []Check {
	return []Check{
		{
			Code: "C027", Title: "WSL has a GPU of Windows", Group: Toolkit, Severity: Error, Needs: []Fact{Local},
			Symptoms: []string{"WSL environment detected but no adapters were found"},
			Cause:    "This is WSL 1, or Windows has no NVIDIA driver that gives its GPU to WSL 2.",
			Remedy:   "install NVIDIA's driver in Windows and run `wsl --update` there; WSL 1 needs `wsl --set-version DISTRIBUTION 2`",
			Link:     "https://docs.nvidia.com/cuda/wsl-user-guide/", Run: wslWithoutGPU,
		}, {
			Code: "C029", Title: "no Linux driver is installed in WSL", Group: Toolkit, Severity: Error, Needs: []Fact{Local},
			Symptoms: []string{"re:/usr/lib/wsl/lib/libcuda\\.so\\.1 is not a symbolic link"},
			Cause:    "A Linux driver's libcuda in WSL takes the place of the one that Windows lends, and finds no device.",
			Remedy:   "purge the Linux driver's packages inside WSL",
			Link:     "https://docs.nvidia.com/cuda/wsl-user-guide/", Run: driverInWSL,
		},
	}
}

// toolkitStateChecks ask about the toolkit's configuration and leftovers.
func toolkitStateChecks() []Check {
	return []Check{
		{
			Code: "C022", Title: "no old hook works beside CDI", Group: Toolkit, Severity: Warning, Needs: []Fact{Local},
			Symptoms: []string{"oci-nvidia-hook.json", "re:prestart hook.*nvidia.*already"},
			Cause:    "oci-nvidia-hook.json makes Podman and CRI-O run the old hook too, so a container gets its devices twice or the hook fails.",
			Remedy:   "remove oci-nvidia-hook.json",
			Link:     toolkitDocs + "cdi-support.html", Run: oldHook,
		}, {
			Code: "C035", Title: "a container's groups have names", Group: Toolkit, Severity: Note, Needs: []Fact{textOnly},
			Symptoms: []string{"re:groups: cannot find name for group ID [0-9]+"},
			Cause:    "Toolkits since 1.19 add the groups of /dev/dri to a container's user; the image has no names for them. It is only a message.",
			Remedy:   "nothing to do; `nvidia-ctk cdi generate --feature-flag=no-additional-gids-for-device-nodes` leaves the groups out",
			Link:     toolkitDocs + "release-notes.html", Run: nothing,
		},
	}
}

func wslWithoutGPU(h *host.Host, _ time.Time) []Finding {
	switch {
	case h.OS.WSL == 1:
		return []Finding{{
			Summary: "this is WSL 1, which has no GPU", Evidence: []Evidence{{"kernel", shown(h.Kernel.Release)}},
			Fixes: []Fix{byHand("in Windows: wsl --set-version "+wslName(h)+" 2", false, Restart)},
		}}
	case h.OS.WSL == 2:
		dxg := slices.ContainsFunc(h.Nodes, func(n host.Node) bool { return n.Path == "/dev/dxg" })
		lib := slices.ContainsFunc(h.Driver.Libraries, func(l host.Library) bool { return strings.HasPrefix(l.Path, "/usr/lib/wsl/") })
		if len(h.GPUs) > 0 || (dxg && lib) {
			return nil
		}
		ev := []Evidence{{"/dev/dxg", "is there"}, {"/usr/lib/wsl", "the driver's libraries are there"}}
		if !dxg {
			ev[0].Text = "is not there"
		}
		if !lib {
			ev[1].Text = "holds none of the driver's libraries"
		}
		return []Finding{{
			Summary: "Windows lends WSL no NVIDIA GPU", Evidence: ev,
			Fixes: []Fix{byHand("in Windows: install NVIDIA's driver (https://www.nvidia.com/drivers), then wsl --update and wsl --shutdown", false, Restart)},
		}}
	}
	return nil
}

func wslName(h *host.Host) string {
	if h.OS.ID == "ubuntu" {
		return "Ubuntu"
	}
	return "DISTRIBUTION"
}

func driverInWSL(h *host.Host, _ time.Time) []Finding {
	if h.OS.WSL == 0 {
		return nil
	}
	var found []string
	for _, p := range h.Packages {
		for _, prefix := range []string{"nvidia-driver", "nvidia-kernel", "nvidia-dkms", "libnvidia-compute", "libnvidia-cfg", "cuda-drivers", "nvidia-utils", "nvidia-open", "nvidia-headless", "libcuda1"} {
			if strings.HasPrefix(p.Name, prefix) && !slices.Contains(found, p.Name) {
				found = append(found, p.Name)
			}
		}
	}
	if len(found) == 0 {
		return nil
	}
	return []Finding{{
		Summary:  "a Linux driver is installed in WSL: " + listed(found),
		Evidence: []Evidence{{"packages", shown(strings.Join(found, ", "))}},
		Fixes: []Fix{{Title: "remove the Linux driver; Windows' own stays", Root: true, Disruption: None,
			Argv: removePackages(h, found...), Undo: installPackages(h, found...)}},
	}}
}

func oldHook(h *host.Host, _ time.Time) []Finding {
	file := h.Toolkit.OCIHook
	if file == "" {
		return nil
	}
	return []Finding{{
		Summary:  shown(file) + " is left from an older toolkit",
		Evidence: []Evidence{{file, "is there"}},
		Fixes: []Fix{{Title: "take it out of the way, keeping a copy", Root: true, Disruption: None, Safe: true,
			Argv: [][]string{{"mv", "--", file, file + ".aside"}}, Undo: [][]string{{"mv", "--", file + ".aside", file}}}},
	}}
}
