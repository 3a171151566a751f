package setup

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/internal/policy"
)

// source is a package repository.
type source struct {
	name   string // of its file
	title  string // for people
	key    string // of policy.SigningKeys
	keyURL string // "" for the key's own; else the folder that has it
	uri    string
	suite  string // "/" for a flat one
	// components and the like are for apt only; signed is what rpm repositories sign.
	components string
	signed     string // "packages" or "metadata"
}

func (s source) signingKey() policy.SigningKey {
	k, ok := policy.KeyOf(s.key)
	if !ok {
		panic("setup: no signing key " + s.key) // a mistyped id of ours
	}
	if s.keyURL != "" {
		k.URL = s.keyURL + path.Base(k.URL)
	}
	return k
}

// aptSource are the steps that add a repository with a key of its own to apt; none where it
// is there already.
func (p *planner) aptSource(id string, part Part, s source) []Step {
	if hasSource(p.h, s.uri) {
		return nil
	}
	key := "/etc/apt/keyrings/" + s.name + ".asc"
	text := fmt.Sprintf("Types: deb\nURIs: %s\nSuites: %s\n", s.uri, s.suite)
	if s.components != "" {
		text += "Components: " + s.components + "\n"
	}
	text += fmt.Sprintf("Architectures: %s\nSigned-By: %s\n", p.h.Arch, key)
	return []Step{p.keyStep(id, part, s, key), {ID: id + "/source", Part: part, Title: "name " + s.title + " as a package source", Why: "its packages are only there", Root: true,
		Op: Op{File: &File{Path: "/etc/apt/sources.list.d/" + s.name + ".sources", Content: text}}}}
}

// rpmSource does the same for dnf, and for zypper, which takes keys from rpm's keyring. The
// key is a file of this machine, so that no other is ever taken from the network.
func (p *planner) rpmSource(id string, part Part, s source) []Step {
	if hasSource(p.h, s.uri) {
		return nil
	}
	dir, key := "/etc/yum.repos.d/", "/etc/pki/rpm-gpg/RPM-GPG-KEY-"+s.name
	if manager(p.h) == "zypper" {
		dir, key = "/etc/zypp/repos.d/", ""
	}
	yes := map[bool]int{true: 1}
	text := fmt.Sprintf("[%s]\nname=%s\nbaseurl=%s\nenabled=1\ngpgcheck=%d\nrepo_gpgcheck=%d\n", s.name, s.title, s.uri, yes[s.signed == "packages"], yes[s.signed == "metadata"])
	if key != "" {
		text += "gpgkey=file://" + key + "\n"
	}
	return []Step{p.keyStep(id, part, s, key), {ID: id + "/source", Part: part, Title: "name " + s.title + " as a package source", Why: "its packages are only there", Root: true,
		Op: Op{File: &File{Path: dir + s.name + ".repo", Content: text}}}}
}

func (p *planner) keyStep(id string, part Part, s source, to string) Step {
	p.fresh = false
	k := s.signingKey()
	return Step{ID: id + "/key", Part: part, Title: "fetch the key that signs " + s.title, Why: "packages count only if they are signed by it; one with another fingerprint stops everything", Root: true,
		Op: Op{Key: &Key{URL: k.URL, Fingerprints: k.Fingerprints, Path: to, RPM: to == ""}}}
}

// sourceFile is a file of package sources that is ours to take away: one of NVIDIA's in a
// folder for such files.
var sourceFile = regexp.MustCompile(`^(?:/etc/apt/sources\.list\.d|/etc/yum\.repos\.d|/etc/zypp/repos\.d)/[A-Za-z0-9._-]*(?:nvidia|cuda)[A-Za-z0-9._-]*$`)

// oldSources are files that name NVIDIA's repositories again with another key, without one,
// or by addresses that are no more.
func oldSources(h *host.Host) (files []string, whys map[string]string) {
	whys = map[string]string{}
	add := func(file, why string) {
		if whys[file] == "" {
			files, whys[file] = append(files, file), why
		}
	}
	all := h.Toolkit.Repositories
	for i, a := range all {
		toolkits := strings.Contains(a.URI, "nvidia.github.io")
		switch {
		case toolkits && !strings.Contains(a.URI, "/stable/deb/") && !strings.Contains(a.URI, "/stable/rpm/") && !strings.Contains(a.URI, "/experimental/"):
			add(a.File, "it names a repository that NVIDIA gave up")
		case manager(h) == "apt" && !toolkits && strings.Contains(a.SignedBy, "7fa2af80"), manager(h) == "apt" && !toolkits && a.SignedBy == "":
			add(a.File, "it names NVIDIA's repository without the key that signs it today")
		}
		for _, b := range all[i+1:] {
			if plainURI(h, a.URI) != plainURI(h, b.URI) || a.File == b.File || a.SignedBy == b.SignedBy {
				continue
			}
			old, keep := a, b // the one with a key of its own stays
			if a.SignedBy != "" && (b.SignedBy == "" || strings.Contains(a.File, "nvidia-container-toolkit")) {
				old, keep = b, a
			}
			add(old.File, "it names the repository of "+keep.File+" with another key, and apt then reads neither")
		}
	}
	return files, whys
}

// plainURI is an address without what apt and dnf put in for the processor.
func plainURI(h *host.Host, uri string) string {
	return strings.TrimRight(strings.NewReplacer("$(ARCH)", h.Arch, "$basearch", rpmArch(h.Arch)).Replace(uri), "/")
}

// hasSource says whether a package source with a key of its own names a repository.
func hasSource(h *host.Host, uri string) bool {
	return slices.ContainsFunc(h.Toolkit.Repositories, func(r host.Repository) bool {
		return plainURI(h, r.URI) == plainURI(h, uri) && (r.SignedBy != "" || manager(h) != "apt") && !strings.Contains(r.SignedBy, "7fa2af80")
	})
}
