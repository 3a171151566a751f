package rooms

import (
	"fmt"
	"slices"
	"strings"
)

// check returns what is wrong with the imports by the rules, or with the rules.
func check(m imports, rooms []Room, bans []Ban) []string {
	return slices.Concat(misspelt(rooms, bans), upward(m, rooms), banned(m, bans))
}

// misspelt are names in the rules that are no room. A room without a package is
// none: it may come yet, and its package under another name is in no room.
func misspelt(rooms []Room, bans []Ban) (wrong []string) {
	known := func(pattern string) bool {
		return slices.ContainsFunc(rooms, func(r Room) bool { return matches(r.Name, pattern) })
	}
	for i, r := range rooms {
		if slices.ContainsFunc(rooms[:i], func(other Room) bool { return other.Name == r.Name }) {
			wrong = append(wrong, fmt.Sprintf("room %q is there twice", r.Name))
		}
		for _, p := range r.May {
			if !known(p) {
				wrong = append(wrong, fmt.Sprintf("room %q may import %q, which is no room", r.Name, p))
			}
		}
	}
	for _, b := range bans {
		for _, p := range slices.Concat(b.From, b.Except) {
			if !known(p) {
				wrong = append(wrong, fmt.Sprintf("the ban of %s names %q, which is no room", b.Imports[0], p))
			}
		}
	}
	return wrong
}

// upward are imports within the module that no rule allows.
func upward(m imports, rooms []Room) (wrong []string) {
	for _, dir := range m.dirs() {
		i := slices.IndexFunc(rooms, func(r Room) bool { return r.Name == dir })
		if i < 0 {
			wrong = append(wrong, fmt.Sprintf("package %s is in no room: add it to internal/rooms with what it may import", dir))
			continue
		}
		for _, name := range m[dir] {
			if _, ours := m[name]; ours && !matches(name, rooms[i].May...) {
				wrong = append(wrong, fmt.Sprintf("%s imports %s; it may import %s", dir, name, orNothing(rooms[i].May)))
			}
		}
	}
	return wrong
}

func orNothing(rooms []string) string {
	if len(rooms) == 0 {
		return "nothing of the module"
	}
	return strings.Join(rooms, ", ")
}

// banned are imports from outside that a rule keeps away.
func banned(m imports, bans []Ban) (wrong []string) {
	for _, b := range bans {
		for _, dir := range m.dirs() {
			if len(b.From) > 0 && !matches(dir, b.From...) || matches(dir, b.Except...) {
				continue
			}
			through := []string{dir}
			if b.Through {
				through = m.within(dir)
			}
			for _, via := range through {
				for _, name := range m[via] {
					if b.bans(name) {
						wrong = append(wrong, fmt.Sprintf("%s imports %s%s: %s", dir, name, by(dir, via), b.Why))
					}
				}
			}
		}
	}
	return wrong
}

func by(dir, via string) string {
	if via == dir {
		return ""
	}
	return " through " + via
}
