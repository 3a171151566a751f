//go:build linux

package apply

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dockergpu/docker-gpu/hostsetup/setup"
)

// stand stands in for dpkg and apt, systemctl, dockerd and nvidia-ctk. What it knows is in
// files of the root, so that it can be killed like the real ones.
type stand struct {
	root  string
	point func(string)
	// fail makes the programs with that in their command line fail.
	fail string
	ran  []string
}

// packageDB is what dpkg and apt know.
type packageDB struct {
	Installed map[string]string   // versions
	Auto      []string            // packages that came along
	Left      []string            // removed, not purged
	Held      []string            //
	Broken    bool                // killed in the middle
	Half      []string            // killed while they were unpacked
	Keys      []string            // rpm's
	Offered   map[string][]string // versions in the sources
	Needs     map[string][]string // dependencies
}

func (s *stand) db() (db packageDB) {
	data, _ := os.ReadFile(filepath.Join(s.root, "var/lib/dpkg/status"))
	_ = json.Unmarshal(data, &db)
	if db.Installed == nil {
		db.Installed = map[string]string{}
	}
	return db
}

func (s *stand) save(db packageDB) {
	for _, list := range []*[]string{&db.Auto, &db.Left, &db.Held, &db.Half, &db.Keys} {
		if slices.Sort(*list); len(*list) == 0 {
			*list = nil
		}
	}
	data, _ := json.Marshal(db)
	path := filepath.Join(s.root, "var/lib/dpkg/status")
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, data) {
		return
	}
	fi, err := os.Stat(path)
	_ = os.MkdirAll(filepath.Dir(path), 0o755)
	_ = os.WriteFile(path+".new", data, 0o644)
	if err == nil { // its time is no matter of ours
		_ = os.Chtimes(path+".new", fi.ModTime(), fi.ModTime())
	}
	_ = os.Rename(path+".new", path)
	s.point("dpkg wrote its state")
}

// own is a package's file.
func (s *stand) own(name string) string { return filepath.Join(s.root, "usr/share", name) }

func (s *stand) Run(_ context.Context, c Command) (Result, error) {
	line := strings.Join(c.Argv, " ")
	s.ran = append(s.ran, line)
	if s.fail != "" && strings.Contains(line, s.fail) {
		return Result{Code: 1, Err: []byte("E: it failed\n")}, nil
	}
	out, err := s.answer(filepath.Base(c.Argv[0]), c.Argv[1:])
	if err != nil {
		return Result{Code: 100, Err: []byte("E: " + err.Error() + "\n")}, nil
	}
	return Result{Out: []byte(out)}, nil
}

func (s *stand) answer(name string, args []string) (string, error) {
	db := s.db()
	if out, ok, err := s.rpmAnswer(db, name, args); ok {
		return out, err
	}
	switch name + " " + args[0] {
	case "dpkg --print-architecture":
		return "amd64\n", nil
	case "dpkg-query -W":
		if strings.Contains(args[2], "Conffiles") {
			var out strings.Builder
			for _, name := range args[4:] {
				fmt.Fprintf(&out, " /usr/share/%s.conf 1a2b\n", name)
			}
			return out.String(), nil
		}
		var out strings.Builder
		for _, name := range slices.Sorted(maps.Keys(db.Installed)) {
			half := ""
			if slices.Contains(db.Half, name) {
				half = "reinstreq"
			}
			fmt.Fprintf(&out, "%s\tamd64\t%s\tinstalled\t%s\n", name, db.Installed[name], half)
		}
		for _, name := range db.Left {
			fmt.Fprintf(&out, "%s\tamd64\t1\tconfig-files\t\n", name)
		}
		return out.String(), nil
	case "dpkg --audit":
		return map[bool]string{true: "The following packages are half installed\n"}[db.Broken || len(db.Half) > 0], nil
	case "dpkg --configure":
		db.Broken = false
		s.save(db)
		return "", nil
	case "dpkg --purge":
		for _, name := range args[slices.Index(args, "--")+1:] {
			_, there := db.Installed[name]
			if there && !(slices.Contains(db.Half, name) && args[1] == "--force-remove-reinstreq") {
				return "", fmt.Errorf("%s is installed", name)
			}
			_ = os.Remove(s.own(name))
			_ = os.Remove(s.own(name) + ".conf")
			delete(db.Installed, name)
			db.Half = slices.DeleteFunc(db.Half, func(n string) bool { return n == name })
			db.Auto = slices.DeleteFunc(db.Auto, func(n string) bool { return n == name })
			db.Left = slices.DeleteFunc(db.Left, func(n string) bool { return n == name })
			s.save(db)
		}
		return "", nil
	case "apt-mark showauto":
		return strings.Join(db.Auto, "\n"), nil
	case "apt-mark showhold":
		return strings.Join(db.Held, "\n"), nil
	case "apt-mark hold":
		db.Held = append(db.Held, args[1:]...)
		s.save(db)
		return "", nil
	case "apt-mark unhold":
		db.Held = slices.DeleteFunc(db.Held, func(n string) bool { return slices.Contains(args[1:], n) })
		s.save(db)
		return "", nil
	case "apt-mark -q": // auto --
		db.Auto = append(db.Auto, args[3:]...)
		s.save(db)
		return "", nil
	case "apt-cache madison":
		var out strings.Builder
		for _, v := range db.Offered[args[2]] {
			fmt.Fprintf(&out, " %s | %s | https://example.com x/main amd64 Packages\n", args[2], v)
		}
		return out.String(), nil
	case "apt-get -y":
		if slices.Contains(args, "update") {
			return "", nil
		}
		return s.install(db, args[slices.Index(args, "--")+1:], slices.Contains(args, "--simulate"))
	case "systemctl show", "systemctl enable", "systemctl disable", "systemctl start", "systemctl stop", "systemctl reload", "systemctl restart", "systemctl reset-failed":
		return s.systemctl(args)
	case "dockerd --validate":
		data, err := os.ReadFile(filepath.Join(s.root, args[2]))
		if err != nil || !json.Valid(data) || bytes.Contains(data, []byte("no-such-key")) {
			return "", fmt.Errorf("unable to configure the Docker daemon with file %s: the following directives don't match any configuration option: no-such-key", args[2])
		}
		return "configuration OK\n", nil
	case "nvidia-ctk cdi":
		return "cdiVersion: 0.5.0\nkind: nvidia.com/gpu\ndevices:\n- name: all\n  containerEdits:\n    deviceNodes:\n    - path: /dev/nvidia0\n", nil
	case "nvidia-ctk config":
		data, _ := os.ReadFile(filepath.Join(s.root, strings.TrimPrefix(args[1], "--config-file=")))
		for i := 3; i < len(args); i += 2 {
			if !strings.Contains(string(data), args[i]) {
				data = append(data, args[i]+"\n"...)
			}
		}
		return string(data), nil
	case "modprobe nvidia", "nvidia-modprobe -u":
		return "", nil
	}
	return "", fmt.Errorf("%s %q is nothing that setup runs", name, args)
}

func (s *stand) install(db packageDB, words []string, simulate bool) (string, error) {
	var out strings.Builder
	var gone, come, along []string
	for i := 0; i < len(words); i++ {
		if name, ok := strings.CutSuffix(words[i], "-"); ok {
			gone = append(gone, name)
			continue
		}
		come = append(come, words[i])
		name, _, _ := strings.Cut(words[i], "=")
		for _, need := range db.Needs[name] {
			if _, there := db.Installed[need]; !there && !slices.Contains(words, need) {
				words = append(words, need)
				along = append(along, need)
			}
		}
	}
	// What needs something that goes, goes too.
	for i := 0; i < len(gone); i++ {
		for name := range db.Installed {
			if slices.Contains(db.Needs[name], gone[i]) && !slices.Contains(gone, name) {
				gone = append(gone, name)
			}
		}
	}
	if !simulate {
		db.Broken = true
		s.save(db)
	}
	for _, name := range gone {
		version, there := db.Installed[name]
		if !there {
			continue
		}
		fmt.Fprintf(&out, "Remv %s [%s]\n", name, version)
		if !simulate {
			_ = os.Remove(s.own(name))
			delete(db.Installed, name)
			db.Auto = slices.DeleteFunc(db.Auto, func(n string) bool { return n == name })
			db.Left = append(db.Left, name)
			s.save(db)
		}
	}
	for _, word := range come {
		name, version, _ := strings.Cut(word, "=")
		offered := db.Offered[name]
		if len(offered) == 0 || version != "" && !slices.Contains(offered, version) {
			return "", fmt.Errorf("Version '%s' for '%s' was not found", version, name) //nolint:staticcheck // as apt says it
		}
		version = cmp.Or(version, offered[0])
		old, there := db.Installed[name]
		switch {
		case there && old == version && !slices.Contains(db.Half, name):
			continue
		case there:
			fmt.Fprintf(&out, "Inst %s [%s] (%s X:x [amd64])\n", name, old, version)
		default:
			fmt.Fprintf(&out, "Inst %s (%s X:x [amd64])\n", name, version)
		}
		if !simulate {
			if db.Installed[name] = version; slices.Contains(along, name) {
				db.Auto = append(db.Auto, name)
			}
			db.Left = slices.DeleteFunc(db.Left, func(n string) bool { return n == name })
			db.Half = append(db.Half, name)
			s.save(db)
			s.file(s.own(name), version)
			s.file(s.own(name)+".conf", "conf of "+name)
			db.Half = slices.DeleteFunc(db.Half, func(n string) bool { return n == name })
			s.save(db)
		}
	}
	if !simulate {
		db.Broken = false
		s.save(db)
	}
	return out.String(), nil
}

// file writes a package's file.
func (s *stand) file(path, content string) {
	write(path, content)
	s.point("dpkg unpacked " + filepath.Base(path))
}

// write makes a file with the archive's time.
func write(path, content string) {
	_ = os.MkdirAll(filepath.Dir(path), 0o755)
	_ = os.WriteFile(path, []byte(content), 0o644)
	_ = os.Chtimes(path, archive, archive)
}

func (s *stand) systemctl(args []string) (string, error) {
	name := args[len(args)-1]
	path := filepath.Join(s.root, "run/systemd/units", name)
	data, err := os.ReadFile(path)
	if args[0] == "show" {
		if strings.Contains(args[1], "ExecStart") {
			return "{ path=/usr/bin/dockerd ; argv[]=/usr/bin/dockerd -H fd:// --config-file /x --containerd=/run/c.sock ; ignore_errors=no ; }\n", nil
		}
		if err != nil {
			return "LoadState=not-found\nActiveState=inactive\nUnitFileState=\n", nil
		}
		active, enabled, _ := strings.Cut(strings.TrimSpace(string(data)), " ")
		return "LoadState=loaded\nActiveState=" + active + "\nUnitFileState=" + enabled + "\n", nil
	}
	if err != nil {
		return "", fmt.Errorf("Unit %s not found", name) //nolint:staticcheck // as systemctl says it
	}
	active, enabled, _ := strings.Cut(strings.TrimSpace(string(data)), " ")
	switch args[0] {
	case "enable":
		active, enabled = "active", "enabled"
	case "disable":
		enabled = "disabled"
	case "start", "restart":
		active = "active"
	case "stop":
		active = "inactive"
	}
	if text := active + " " + enabled; text != string(data) {
		_ = os.WriteFile(path, []byte(text), 0o644)
		_ = os.Chtimes(path, archive, archive)
	}
	s.point("systemctl " + args[0])
	return "", nil
}

// editJSON stands in for package daemonjson: it keeps nothing but the values.
func editJSON(text []byte, edits []setup.Edit) ([]byte, error) {
	v := map[string]any{}
	if len(bytes.TrimSpace(text)) > 0 {
		if err := json.Unmarshal(text, &v); err != nil {
			return nil, err
		}
	}
	for _, e := range edits {
		at := v
		for _, k := range e.Key[:len(e.Key)-1] {
			next, ok := at[k].(map[string]any)
			if !ok {
				next = map[string]any{}
				at[k] = next
			}
			at = next
		}
		last := e.Key[len(e.Key)-1]
		if e.Value == nil {
			delete(at, last)
			continue
		}
		var value any
		if err := json.Unmarshal(e.Value, &value); err != nil {
			return nil, err
		}
		at[last] = value
	}
	for k, inner := range v {
		gone := slices.ContainsFunc(edits, func(e setup.Edit) bool { return e.Key[0] == k && e.Value == nil })
		if m, ok := inner.(map[string]any); ok && len(m) == 0 && gone {
			delete(v, k)
		}
	}
	return json.Marshal(v)
}

func hooksJSON(text []byte, enable bool) ([]byte, error) {
	e := setup.Edit{Key: []string{"plugins", "gpu"}}
	if enable {
		e.Value = json.RawMessage(`"hook"`)
	}
	return editJSON(text, []setup.Edit{e})
}

// revertJSON stands in for package daemonjson too.
func revertJSON(now, before []byte, edits []setup.Edit) (after []byte, left []setup.Edit, err error) {
	at := func(text []byte, key []string) (v any) {
		_ = json.Unmarshal(text, &v)
		for _, k := range key {
			m, _ := v.(map[string]any)
			v = m[k]
		}
		return v
	}
	var back []setup.Edit
	for _, e := range edits {
		old := setup.Edit{Key: e.Key}
		if v := at(before, e.Key); v != nil {
			old.Value, _ = json.Marshal(v)
		}
		made, _ := json.Marshal(at(now, e.Key))
		if !bytes.Equal(made, e.Value) {
			left = append(left, e)
			continue
		}
		back = append(back, old)
	}
	after, err = editJSON(now, back)
	return after, left, err
}
