package probe

import (
	"slices"
	"strings"
)

// public are hosts that tell nothing of the machine.
func public(name string) bool {
	return slices.ContainsFunc([]string{
		"docker.io", "docker.com", "nvcr.io", "nvidia.com", "nvidia.cn", "nvidia.github.io", "ghcr.io", "quay.io", "mcr.microsoft.com", "gcr.io",
		"debian.org", "ubuntu.com", "io.containerd", "github.com",
	}, func(p string) bool { name := strings.ToLower(name); return name == p || strings.HasSuffix(name, "."+p) })
}

// plain says whether a host's name is a word that texts about GPUs hold anyhow: it
// tells nothing, and to replace it everywhere would make other facts of them.
func plain(name string) bool {
	return slices.Contains([]string{"nvidia", "gpu", "docker", "dockerd", "cdi", "cuda", "all", "default", "localhost", "host", "linux", "root", "ubuntu",
		"debian", "fedora", "node", "server", "kernel", "pci", "dev", "usr", "lib", "etc", "var", "run", "bin", "workstation"}, strings.ToLower(name))
}

// replaceWord replaces a text where it stands alone: not in a longer name.
func replaceWord(s, text, with string) string {
	if len(text) < 3 || text == with {
		return s
	}
	var out strings.Builder
	for from := 0; ; {
		i := strings.Index(s[from:], text)
		if i < 0 {
			return out.String() + s[from:]
		}
		begin, end := from+i, from+i+len(text)
		out.WriteString(s[from:begin])
		if (begin == 0 || !inName(s[begin-1])) && (end == len(s) || !inName(s[end])) {
			out.WriteString(with)
		} else {
			out.WriteString(text)
		}
		from = end
	}
}

func inName(c byte) bool {
	return c == '-' || c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}
