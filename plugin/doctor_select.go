package plugin

import (
	"slices"
	"strings"

	"github.com/dockergpu/docker-gpu/hostsetup/doctor"
)

// selection is which checks are made, and which of them are told.
type selection struct {
	make []doctor.Check
	told map[string]bool // nil: all
}

// choose makes a selection of the flags; a code that does not exist is refused.
func (o *doctorOptions) choose(checks []doctor.Check) (selection, error) {
	codes := codesOf(checks)
	for _, flag := range []struct {
		name   string
		values []string
	}{{"only", o.only}, {"skip", o.skip}} {
		for i, code := range flag.values {
			flag.values[i] = strings.ToUpper(code)
			if !slices.Contains(codes, flag.values[i]) {
				return selection{}, flagError("--%s %q is no code of a check%s\nSee 'docker gpu doctor --list'", flag.name, clean(code, 40), didYouMean(code, codes))
			}
		}
	}
	var s selection
	if len(o.only) > 0 || len(o.groups) > 0 {
		s.told = map[string]bool{}
	}
	for _, c := range checks {
		if slices.Contains(o.skip, c.Code) {
			continue // what it would hide is checked all the same
		}
		s.make = append(s.make, c)
		if s.told != nil && (len(o.only) == 0 || slices.Contains(o.only, c.Code)) && (len(o.groups) == 0 || slices.Contains(o.groups, string(c.Group))) {
			s.told[c.Code] = true
		}
	}
	return s, nil
}

func codesOf(checks []doctor.Check) (codes []string) {
	for _, c := range checks {
		codes = append(codes, c.Code)
	}
	return codes
}

// listed are the checks that are made and told.
func (s selection) listed() []doctor.Check {
	return slices.DeleteFunc(slices.Clone(s.make), func(c doctor.Check) bool { return !s.tells(c.Code) })
}

func (s selection) tells(code string) bool { return s.told == nil || s.told[code] }

// narrow leaves in a report what was asked for, and the causes that hide it: all checks
// were made, because a check that was not asked for may be the cause of one that was.
func (s selection) narrow(r *doctor.Report) {
	if s.told == nil {
		return
	}
	causes := map[string]bool{}
	r.Hidden = slices.DeleteFunc(r.Hidden, func(h doctor.Hidden) bool {
		if !s.tells(h.Code) {
			return true
		}
		causes[h.Because] = true
		return false
	})
	r.Findings = slices.DeleteFunc(r.Findings, func(f doctor.Finding) bool { return !s.tells(f.Code) && !causes[f.Code] })
	r.Passed = slices.DeleteFunc(r.Passed, func(code string) bool { return !s.tells(code) })
	r.Absent = slices.DeleteFunc(r.Absent, func(code string) bool { return !s.tells(code) })
	r.Unread = slices.DeleteFunc(r.Unread, func(u doctor.Unread) bool { return !s.tells(u.Code) })
}
