package probe

import (
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// packageLocks are patterns (path.Match) of names that dnf and zypper leave alone.
func packageLocks(r root) (names []string) {
	for _, file := range []string{"/etc/dnf/plugins/versionlock.list", "/etc/yum/pluginconf.d/versionlock.list"} {
		names = append(names, dnf4Locks(r.text(file))...)
	}
	names = append(names, dnf5Locks(r.text("/etc/dnf/versionlock.toml"))...)
	return append(names, zyppLocks(r.text("/etc/zypp/locks"))...)
}

// dnf4Locks reads lines "nvidia-driver-3:580.65.06-1.el9.*"; one that begins with "!" excludes.
func dnf4Locks(text string) (names []string) {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' || line[0] == '!' {
			continue
		}
		names = append(names, lockedName(line))
	}
	return names
}

// lockedName is the name in NAME-EPOCH:VERSION-RELEASE.ARCH: what stands before the
// last "-" that a digit follows and that is not the release's.
func lockedName(lock string) string {
	if name, _, ok := strings.Cut(lock, ":"); ok { // the epoch is what follows the last "-"
		if i := strings.LastIndexByte(name, '-'); i > 0 && strings.Trim(name[i+1:], "0123456789") == "" {
			return name[:i]
		}
	}
	parts := strings.Split(lock, "-")
	if len(parts) > 2 {
		return strings.Join(parts[:len(parts)-2], "-")
	}
	return lock
}

// dnf5Locks reads the form of dnf5-versionlock(8). Where versions are only excluded (!=), newer ones come.
func dnf5Locks(text string) (names []string) {
	var file struct {
		Packages []struct {
			Name       string
			Conditions []struct{ Comparator string }
		}
	}
	if toml.Unmarshal([]byte(text), &file) != nil {
		return nil
	}
	for _, p := range file.Packages {
		for _, c := range p.Conditions {
			if c.Comparator != "!=" && strings.Trim(c.Comparator, "<=") == "" {
				names = append(names, p.Name)
				break
			}
		}
	}
	return names
}

// zyppLocks reads the form of locks(5) of libzypp: paragraphs, and a part of the name if
// nothing else is said.
func zyppLocks(text string) (names []string) {
	for part := range strings.SplitSeq(text, "\n\n") {
		kind, match := "package", "substring"
		var named []string
		for line := range strings.Lines(part) {
			key, value, _ := strings.Cut(strings.TrimSpace(line), ":")
			switch value = strings.TrimSpace(value); key {
			case "type":
				kind = value
			case "match_type":
				match = value
			case "solvable_name":
				named = append(named, value)
			}
		}
		for _, name := range named {
			switch {
			case kind != "package" || name == "":
			case match == "glob", match == "exact":
				names = append(names, name)
			case match == "substring", match == "word":
				names = append(names, "*"+name+"*")
			}
		}
	}
	return names
}
