//go:build linux

package apply

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// rpmAnswer stands in for rpm, dnf and zypper; ok is false for a program that is none of them.
func (s *stand) rpmAnswer(db packageDB, name string, args []string) (out string, ok bool, err error) {
	words := slices.DeleteFunc(slices.Clone(args), func(a string) bool { return strings.HasPrefix(a, "-") })
	switch name {
	case "rpm":
		out, err = s.rpm(db, args, words)
	case "dnf", "zypper":
		out, err = s.frontend(db, name, words)
	default:
		return "", false, nil
	}
	return out, true, err
}

func (s *stand) rpm(db packageDB, args, words []string) (string, error) {
	var out strings.Builder
	switch {
	case args[0] == "-qa":
		for _, name := range slices.Sorted(maps.Keys(db.Installed)) {
			fmt.Fprintf(&out, "%s\t%s\n", name, db.Installed[name])
		}
	case slices.Contains(args, "--configfiles"):
		for _, name := range words {
			fmt.Fprintf(&out, "/usr/share/%s.conf\n", name)
		}
	case slices.Contains(args, "gpg-pubkey"):
		if len(db.Keys) == 0 {
			return "", fmt.Errorf("package gpg-pubkey is not installed")
		}
		return strings.Join(db.Keys, "\n"), nil
	case args[0] == "--import":
		data, err := os.ReadFile(filepath.Join(s.root, args[1]))
		if err != nil {
			return "", err
		}
		short := strings.ToLower(strings.TrimSpace(strings.SplitN(string(data), "fingerprint ", 2)[1])[32:40])
		db.Keys = append(db.Keys, "gpg-pubkey-"+short+"-1")
		s.save(db)
	case args[0] == "-e" && strings.HasPrefix(words[0], "gpg-pubkey-"):
		db.Keys = slices.DeleteFunc(db.Keys, func(k string) bool { return k == words[0] })
		s.save(db)
	case args[0] == "-e" && args[1] == "--test":
		for name := range db.Installed {
			for _, gone := range words {
				if slices.Contains(db.Needs[name], gone) && !slices.Contains(words, name) {
					return "", fmt.Errorf("%s is needed by (installed) %s", gone, name)
				}
			}
		}
	default:
		return "", fmt.Errorf("rpm %q is nothing that setup runs", args)
	}
	return out.String(), nil
}

func (s *stand) frontend(db packageDB, name string, words []string) (string, error) {
	var out strings.Builder
	do, rest := words[0], words[1:]
	if do == "versionlock" || do == "module" {
		do, rest = do+" "+rest[0], rest[1:]
	}
	switch do {
	case "makecache", "refresh":
		return "", nil
	case "repoquery":
		return strings.Join(db.Offered[rest[len(rest)-1]], "\n"), nil
	case "search":
		for _, v := range db.Offered[rest[len(rest)-1]] {
			fmt.Fprintf(&out, "v | %s | package | %s | noarch | repo\n", rest[len(rest)-1], v)
		}
		return out.String(), nil
	case "versionlock list":
		return strings.Join(db.Held, "\n"), nil
	case "locks":
		for i, h := range db.Held {
			fmt.Fprintf(&out, "%d | %s | package | (any)\n", i+1, h)
		}
		return out.String(), nil
	case "versionlock add":
		for _, n := range rest {
			db.Held = append(db.Held, n+"-0:"+db.Installed[n]+".*")
		}
		s.save(db)
	case "addlock":
		db.Held = append(db.Held, rest...)
		s.file(filepath.Join(s.root, zyppLocks), strings.Join(db.Held, "\n"))
		s.save(db)
	case "versionlock delete", "removelock":
		db.Held = slices.DeleteFunc(db.Held, func(h string) bool { return slices.Contains(rest, h) })
		if name == "zypper" {
			s.file(filepath.Join(s.root, zyppLocks), strings.Join(db.Held, "\n"))
		}
		s.save(db)
	case "module enable":
		m, _, _ := strings.Cut(rest[0], ":")
		s.file(filepath.Join(s.root, "etc/dnf/modules.d", m+".module"), rest[0])
	case "module reset":
		s.file(filepath.Join(s.root, "etc/dnf/modules.d", rest[0]+".module"), "")
	case "remove":
		for _, n := range rest {
			s.erase(&db, n)
		}
	case "install", "downgrade":
		return "", s.rpmInstall(db, name, rest)
	default:
		return "", fmt.Errorf("%s %q is nothing that setup runs", name, words)
	}
	return "", nil
}

// erase is what rpm does: a configuration that somebody has changed is set aside.
func (s *stand) erase(db *packageDB, name string) {
	if _, there := db.Installed[name]; !there {
		return
	}
	conf := s.own(name) + ".conf"
	if data, err := os.ReadFile(conf); err == nil && string(data) != "conf of "+name {
		_ = os.Rename(conf, conf+".rpmsave")
	} else {
		_ = os.Remove(conf)
	}
	_ = os.Remove(s.own(name))
	delete(db.Installed, name)
	s.save(*db)
}

// rpmInstall installs what is needed first. What a kill within one package leaves is rpm's
// own affair: there is no point in between.
func (s *stand) rpmInstall(db packageDB, manager string, words []string) error {
	for _, word := range words {
		name, version, _ := strings.Cut(word, "=")
		if manager == "dnf" { // the longest name that is offered is the package's
			for offered := range db.Offered {
				if rest, ok := strings.CutPrefix(word, offered+"-"); ok && slices.Contains(db.Offered[offered], rest) {
					name, version = offered, rest
				}
			}
		}
		version = cmp.Or(version, db.Offered[name][0])
		if db.Installed[name] == version {
			continue
		}
		if err := s.rpmInstall(db, manager, db.Needs[name]); err != nil {
			return err
		}
		write(s.own(name), version)
		if _, err := os.Stat(s.own(name) + ".conf"); err != nil {
			write(s.own(name)+".conf", "conf of "+name)
		}
		db.Installed[name] = version
		s.save(db)
	}
	return nil
}
