package doctor

import (
	"fmt"
	"strings"
	"time"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/internal/policy"
)

// toolkitVersionChecks ask which toolkit it is.
func toolkitVersionChecks() []Check {
	return []Check{
		{
			Code: "C026", Title: "the toolkit's packages have one version", Group: Toolkit, Severity: Warning,
			Symptoms: []string{"nvidia-container-cli: unrecognized option", "nvidia-container-cli: configuration error"},
			Cause:    "Only some of the toolkit's packages were upgraded or are held. A library newer than its tools passes over flags that it is given.",
			Remedy:   "install the toolkit's four packages at one version",
			Link:     "https://github.com/NVIDIA/nvidia-container-toolkit/issues/1093", Run: mixedPackages,
		}, {
			Code: "C033", Title: "the toolkit's hooks do not fail now and then", Group: Toolkit, Severity: Warning, Needs: []Fact{Tools},
			Symptoms: []string{`re:create-symlinks.*bad file descriptor`, `re:failed to create symlinks?.*bad file descriptor`},
			Cause:    "A fault of toolkit 1.20.0 makes its create-symlinks hook fail now and then with EBADF; 1.20.1 mends it.",
			Remedy:   "upgrade the toolkit to " + policy.ToolkitCurrent, Link: toolkitDocs + "release-notes.html", Run: toolkitFault("1.20.1"),
		}, {
			Code: "C034", Title: "the toolkit has no known security hole", Group: Version, Severity: Warning, Needs: []Fact{Tools},
			Symptoms: []string{"CVE-2024-0132", "CVE-2025-23266", "CVE-2025-23359", "NVIDIAScape", "CVE-2026-24260"},
			Cause:    "Older releases have holes through which a container, or an image alone, gets at the host.",
			Remedy:   "upgrade the toolkit to " + policy.ToolkitCurrent, Link: "https://www.nvidia.com/en-us/security/", Run: toolkitHoles,
		}, {
			Code: "C042", Title: "nothing is left of nvidia-docker", Group: Toolkit, Severity: Warning,
			Symptoms: []string{"nvidia-docker: command not found", "nvidia-docker2", `re:nvidia-docker run\b`},
			Cause:    "nvidia-docker and nvidia-docker2 were replaced by the Container Toolkit; their package writes daemon.json itself and has no newer version.",
			Remedy:   "remove the packages after installing nvidia-container-toolkit; `docker run --gpus all` takes the place of `nvidia-docker run`",
			Link:     toolkitDocs + "install-guide.html", Run: oldWrapper,
		},
	}
}

func mixedPackages(h *host.Host, _ time.Time) []Finding {
	var seen []string
	differ, first := false, ""
	for _, name := range policy.ToolkitPackages() {
		v := packageVersion(h, name)
		if v == "" {
			continue
		}
		seen = append(seen, name+" "+v)
		if first == "" {
			first = v
		}
		differ = differ || policy.Compare(v, first) != 0
	}
	if !differ {
		return nil
	}
	return []Finding{{
		Summary:  "the toolkit's packages are of different versions",
		Evidence: []Evidence{{"packages", shown(strings.Join(seen, ", "))}},
		Fixes:    []Fix{toolkitUpgrade(h)},
	}}
}

func toolkitHoles(h *host.Host, _ time.Time) []Finding {
	open := policy.Open("toolkit", h.Toolkit.Version)
	if len(open) == 0 {
		return nil
	}
	f := Finding{
		Summary:  fmt.Sprintf("toolkit %s has %s: %s", shown(h.Toolkit.Version), count(len(open), "known hole"), holes(open)),
		Evidence: []Evidence{{"nvidia-ctk", shown("version " + h.Toolkit.Version)}},
		Fixes:    []Fix{toolkitUpgrade(h)},
	}
	for _, c := range open {
		f.Evidence = append(f.Evidence, Evidence{c.ID, c.What + "; fixed in " + c.Fixed[0] + " (" + c.Source + ", " + c.Date + ")"})
	}
	return []Finding{f}
}

func oldWrapper(h *host.Host, _ time.Time) []Finding {
	var found []string
	for _, name := range []string{"nvidia-docker", "nvidia-docker2"} {
		if v := packageVersion(h, name); v != "" {
			found = append(found, name)
		}
	}
	if len(found) == 0 {
		return nil
	}
	remove := Fix{Title: "remove " + strings.Join(found, " and "), Root: true, Disruption: None,
		Argv: removePackages(h, found...), Undo: installPackages(h, found...)}
	fixes := []Fix{remove}
	if packageVersion(h, "nvidia-container-toolkit") == "" {
		fixes = []Fix{toolkitInstall(h), remove}
	}
	is := map[bool]string{true: " is", false: " are"}[len(found) == 1]
	return []Finding{{Summary: strings.Join(found, " and ") + is + " still installed", Evidence: []Evidence{{"packages", shown(found[0] + " " + packageVersion(h, found[0]))}}, Fixes: fixes}}
}
