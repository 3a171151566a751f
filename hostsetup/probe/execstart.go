package probe

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/google/shlex"
)

// unitDirs are systemd's folders for units, the strongest first (systemd.unit(5)).
func unitDirs() []string {
	return []string{"/etc/systemd/system", "/run/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"}
}

// execStart is the command line that systemd would start a service with: its unit's,
// or that of the last drop-in that names one. nil where there is none.
func execStart(r root, unit string) []string {
	var s startup
	for _, dir := range unitDirs() {
		if r.exists(path.Join(dir, unit)) {
			s.apply(r.text(path.Join(dir, unit)))
			break
		}
	}
	dropIns := map[string]string{}
	var order []string
	for _, dir := range unitDirs() {
		names, _ := r.configs(path.Join(dir, unit+".d"), "*.conf")
		for _, name := range names {
			if dropIns[name] == "" { // a stronger folder hides one of the same name
				dropIns[name] = path.Join(dir, unit+".d", name)
				order = append(order, name)
			}
		}
	}
	slices.Sort(order)
	for _, name := range order {
		s.apply(r.text(dropIns[name]))
	}
	return s.argv(r)
}

// startup is what a unit and its drop-ins say of how a service starts. Debian and Amazon
// Linux put options of dockerd into variables.
type startup struct {
	exec        string
	environment []string // NAME=value
	files       []string // with more of them
}

// apply adds a unit file to what came before: an empty setting takes all of its kind back.
func (s *startup) apply(text string) {
	text = strings.ReplaceAll(text, "\\\n", " ")
	for line := range strings.Lines(text) {
		key, value, ok := strings.Cut(strings.TrimSpace(line), "=")
		value = strings.TrimSpace(value)
		switch key = strings.TrimSpace(key); {
		case !ok:
		case key == "ExecStart":
			s.exec = value
		case key == "Environment" && value == "":
			s.environment = nil
		case key == "Environment":
			s.environment = append(s.environment, words(value)...)
		case key == "EnvironmentFile" && value == "":
			s.files = nil
		case key == "EnvironmentFile":
			s.files = append(s.files, strings.TrimPrefix(value, "-"))
		}
	}
}

// words splits a setting at blanks, as systemd does: quotes hold words together.
func words(text string) []string {
	list, err := shlex.Split(text)
	if err != nil {
		return strings.Fields(text) // a quote that nobody closed
	}
	return list
}

var (
	wholeVariable = regexp.MustCompile(`^\$([A-Za-z_][A-Za-z0-9_]*)$`)
	inVariable    = regexp.MustCompile(`\$\{([A-Za-z_][A-Za-z0-9_]*)\}`)
)

// argv is the command line with its variables put in: "$NAME" alone is words, "${NAME}" a
// part of one (systemd.service(5)).
func (s *startup) argv(r root) (argv []string) {
	env := map[string]string{}
	for _, file := range s.files { // which win
		for line := range strings.Lines(r.text(file)) {
			line = strings.TrimSpace(line)
			if name, value, ok := strings.Cut(line, "="); ok && !strings.HasPrefix(line, "#") && !strings.HasPrefix(line, ";") {
				env[name] = unquote(value)
			}
		}
	}
	for _, assignment := range slices.Backward(s.environment) {
		name, value, _ := strings.Cut(assignment, "=")
		if _, set := env[name]; !set {
			env[name] = value
		}
	}
	for _, word := range words(s.exec) {
		if v := wholeVariable.FindStringSubmatch(word); v != nil {
			argv = append(argv, words(env[v[1]])...)
			continue
		}
		argv = append(argv, inVariable.ReplaceAllStringFunc(word, func(v string) string { return env[v[2:len(v)-1]] }))
	}
	if len(argv) > 0 {
		argv[0] = strings.TrimLeft(argv[0], "-@:+!|") // systemd's prefixes
	}
	return argv
}
