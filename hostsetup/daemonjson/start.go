package daemonjson

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/dockergpu/docker-gpu/internal/policy"
)

// Conflict is a key that is in the file, and a flag on dockerd's command line that says
// the same: dockerd does not start with both.
type Conflict struct{ Key, Flag string }

// ConflictError says that there are conflicts.
type ConflictError []Conflict

func (e ConflictError) Error() string {
	var keys, flags []string
	for _, c := range e {
		keys, flags = append(keys, c.Key), append(flags, c.Flag)
	}
	return fmt.Sprintf("%s: set in the file and by %s on dockerd's command line, and dockerd does not start with both: take one away", strings.Join(keys, ", "), strings.Join(flags, ", "))
}

// Conflicts compares a text with a command line, keys in order.
func Conflicts(text []byte, args []string) (both []Conflict) {
	all, _ := Read(text)
	given := flagsOf(args)
	for key, value := range all {
		names := []string{key}
		if members := map[string]json.RawMessage{}; key == "proxies" && json.Unmarshal(value, &members) == nil {
			names = slices.Collect(maps.Keys(members)) // they have flags of their own
		}
		for _, name := range names {
			for _, flag := range policy.DaemonFlags(name) {
				if slices.Contains(given, flag) {
					both = append(both, Conflict{name, flag})
					break
				}
			}
		}
	}
	slices.SortFunc(both, func(a, b Conflict) int { return strings.Compare(a.Key, b.Key) })
	return both
}

// flagsOf are the names of the flags in a command line: "--host", "-H".
func flagsOf(args []string) (names []string) {
	for _, arg := range args {
		switch name, _, _ := strings.Cut(arg, "="); {
		case strings.HasPrefix(arg, "--"):
			names = append(names, name)
		case strings.HasPrefix(arg, "-"):
			for _, c := range name[1:] { // "-Dl", "-Hunix://…"
				names = append(names, "-"+string(c))
				if c != 'D' {
					break // what follows is its value
				}
			}
		}
	}
	return names
}

// Check says why dockerd would not start with a text and a command line, as far as both tell.
func Check(text []byte, args []string) error {
	all, err := Read(text)
	if err != nil {
		return err
	}
	if both := Conflicts(text, args); len(both) > 0 {
		return ConflictError(both)
	}
	var name string
	if json.Unmarshal(all["default-runtime"], &name) != nil || name == "" || name == "runc" || strings.HasPrefix(name, "io.containerd.") {
		return nil
	}
	var runtimes map[string]json.RawMessage
	_ = json.Unmarshal(all["runtimes"], &runtimes) // dockerd says what is wrong with it
	if _, ok := runtimes[name]; !ok && !slices.Contains(flagsOf(args), "--add-runtime") {
		return fmt.Errorf("default-runtime is %q, which runtimes does not define: dockerd does not start with it", name)
	}
	return nil
}
