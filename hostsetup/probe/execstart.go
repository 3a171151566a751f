package probe

import (
	"path"
	"slices"
	"strings"
)

// unitDirs are systemd's folders for units, the strongest first (systemd.unit(5)).
func unitDirs() []string {
	return []string{"/etc/systemd/system", "/run/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"}
}

// execStart is the command line that systemd would start a service with: its unit's,
// or that of the last drop-in that names one. nil where there is none.
func execStart(r root, unit string) (argv []string) {
	for _, dir := range unitDirs() {
		if r.exists(path.Join(dir, unit)) {
			argv = lastExecStart(argv, r.text(path.Join(dir, unit)))
			break
		}
	}
	dropIns := map[string]string{}
	var order []string
	for _, dir := range unitDirs() {
		names, _ := r.list(path.Join(dir, unit+".d"), "*.conf")
		for _, name := range names {
			if dropIns[name] == "" { // a stronger folder hides one of the same name
				dropIns[name] = path.Join(dir, unit+".d", name)
				order = append(order, name)
			}
		}
	}
	slices.Sort(order)
	for _, name := range order {
		argv = lastExecStart(argv, r.text(dropIns[name]))
	}
	return argv
}

// lastExecStart applies a unit file to what came before: an empty ExecStart= takes all back.
func lastExecStart(argv []string, text string) []string {
	text = strings.ReplaceAll(text, "\\\n", " ")
	for line := range strings.Lines(text) {
		value, ok := strings.CutPrefix(strings.TrimSpace(line), "ExecStart=")
		if !ok {
			continue
		}
		argv = nil
		for _, word := range strings.Fields(value) {
			argv = append(argv, strings.Trim(word, `"'`))
		}
		if len(argv) > 0 {
			argv[0] = strings.TrimLeft(argv[0], "-@:+!") // systemd's prefixes
		}
	}
	return argv
}
