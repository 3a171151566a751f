package doctor

import (
	"fmt"
	"strings"
	"time"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// sourceChecks ask where packages come from.
func sourceChecks() []Check {
	return []Check{
		{
			Code: "C024", Title: "NVIDIA's repositories are named once", Group: Toolkit, Severity: Warning,
			Symptoms: []string{"conflicting values set for option Signed-By", "re:Target Packages .* is configured multiple times"},
			Cause:    "Two files name one repository with different keys; apt then refuses to read any.",
			Remedy:   "keep one of the files and take the others out of /etc/apt/sources.list.d",
			Link:     toolkitDocs + "troubleshooting.html", Run: doubleSources,
		}, {
			Code: "C025", Title: "NVIDIA's repositories are signed by a key that is still used", Group: Toolkit, Severity: Warning,
			Symptoms: []string{"NO_PUBKEY A4B469963BF863CC", "NO_PUBKEY DDCAE044F796ECB0", "A4B469963BF863CC", "7fa2af80"},
			Cause:    "NVIDIA gave up the key 7fa2af80 of its CUDA repository in 2022; a source without signed-by still hopes for it in apt's old key ring.",
			Remedy:   "install cuda-keyring 1.1 of developer.download.nvidia.com for this distribution and delete the old source",
			Link:     "https://docs.nvidia.com/cuda/cuda-installation-guide-linux/", Run: oldKeys,
		},
	}
}

// toolkitSources are the entries of the Container Toolkit's repository. Where only
// files are known, their names tell.
func toolkitSources(h *host.Host) (out []host.Repository) {
	for _, r := range h.Toolkit.Repositories {
		if strings.Contains(r.URI, "nvidia.github.io") {
			out = append(out, r)
		}
	}
	if len(h.Toolkit.Repositories) == 0 {
		for _, file := range h.Toolkit.Sources {
			if strings.Contains(file, "container-toolkit") || strings.Contains(file, "nvidia-docker") {
				out = append(out, host.Repository{File: file})
			}
		}
	}
	return out
}

// asEntry is an entry as evidence.
func asEntry(r host.Repository) Evidence {
	if r.SignedBy == "" {
		return Evidence{r.File, shown(r.URI + " without signed-by")}
	}
	return Evidence{r.File, shown(r.URI + " signed by " + r.SignedBy)}
}

func doubleSources(h *host.Host, _ time.Time) []Finding {
	var out []Finding
	all := h.Toolkit.Repositories
	seen := map[string]bool{}
	for i, a := range all {
		for _, b := range all[i+1:] {
			if strings.TrimRight(a.URI, "/") != strings.TrimRight(b.URI, "/") || a.File == b.File || a.SignedBy == b.SignedBy || seen[a.File+b.File] {
				continue
			}
			seen[a.File+b.File] = true
			// The one with a key of its own is the one to keep.
			old, keep := a, b
			if a.SignedBy != "" && (b.SignedBy == "" || strings.Contains(a.File, "nvidia-container-toolkit")) {
				old, keep = b, a
			}
			out = append(out, Finding{
				Summary:  fmt.Sprintf("%s and %s name one repository with different keys", shown(keep.File), shown(old.File)),
				Evidence: []Evidence{asEntry(keep), asEntry(old)},
				Fixes: []Fix{{Title: "take " + shown(old.File) + " out of the way, keeping a copy", Root: true, Disruption: None, Safe: true,
					Argv: [][]string{{"mv", "--", old.File, old.File + ".aside"}}, Undo: [][]string{{"mv", "--", old.File + ".aside", old.File}}}},
			})
		}
	}
	return out
}

func oldKeys(h *host.Host, _ time.Time) []Finding {
	for _, s := range h.Toolkit.Repositories {
		if packager(h) != "apt-get" || !strings.Contains(s.URI, "developer.download.nvidia.com/compute/") {
			continue
		}
		if s.SignedBy != "" && !strings.Contains(s.SignedBy, "7fa2af80") {
			continue
		}
		fix := byHand("install cuda-keyring 1.1 for this distribution: https://developer.download.nvidia.com/compute/cuda/repos/", true, None)
		if distro := keyringOf(h.OS); distro != "" && (h.Arch == "amd64" || h.Arch == "arm64") {
			arch := map[string]string{"amd64": "x86_64", "arm64": "sbsa"}[h.Arch]
			const deb = "/root/cuda-keyring.deb" // where nobody else can put a link
			fix = Fix{Title: "install NVIDIA's present key with a source that names it, and take the old source away", Root: true, Disruption: None,
				Argv: [][]string{
					{"curl", "-fsSL", "-o", deb, "https://developer.download.nvidia.com/compute/cuda/repos/" + distro + "/" + arch + "/cuda-keyring_1.1-1_all.deb"},
					{"dpkg", "-i", deb}, {"mv", "--", s.File, s.File + ".aside"},
				},
				Undo: [][]string{{"mv", "--", s.File + ".aside", s.File}, {"dpkg", "-r", "cuda-keyring"}}}
		}
		return []Finding{{Summary: shown(s.File) + " names NVIDIA's repository without the key that signs it today", Evidence: []Evidence{asEntry(s)}, Fixes: []Fix{fix}}}
	}
	return nil
}

// keyringOf is the name of a distribution in NVIDIA's CUDA repository, "" where it is not known.
func keyringOf(os host.OS) string {
	switch os.ID {
	case "ubuntu":
		return "ubuntu" + strings.ReplaceAll(os.Version, ".", "")
	case "debian":
		return "debian" + os.Version
	}
	return ""
}
