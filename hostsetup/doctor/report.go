package doctor

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/dockergpu/docker-gpu/hostsetup/find"
	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// Report is what all checks said of a host.
type Report struct {
	SchemaVersion int       `json:"schemaVersion"`
	Findings      []Finding `json:"findings"` // causes first, then by severity
	// Passed are the codes of checks that found nothing.
	Passed []string `json:"passed,omitempty"`
	// Hidden are checks that were not made because a cause of theirs was found.
	Hidden []Hidden `json:"hidden,omitempty"`
	// Unread are checks that could not be made, with the reason.
	Unread []Unread `json:"unread,omitempty"`
	// Absent are codes of checks that do not apply to this host.
	Absent []string `json:"absent,omitempty"`
}

// Hidden is a check that a cause makes pointless.
type Hidden struct {
	Code    string `json:"code"`
	Because string `json:"because"` // the code of the cause
}

// Unread is a check whose facts could not be read.
type Unread struct {
	Code string `json:"code"`
	Why  string `json:"why"`
}

// Examine makes checks of a host, in the order given, as of a moment.
func Examine(h *host.Host, checks []Check, now time.Time) *Report {
	r := &Report{SchemaVersion: 1, Findings: []Finding{}}
	cause := map[string]string{} // code → the cause found for it
	for _, c := range checks {
		if i := slices.IndexFunc(c.After, func(code string) bool { return cause[code] != "" }); i >= 0 {
			cause[c.Code] = cause[c.After[i]] // what hides it hides what follows from it
			r.Hidden = append(r.Hidden, Hidden{c.Code, cause[c.Code]})
			continue
		}
		if why, ok := lacks(h, c.Needs); !ok {
			if why != "" {
				r.Unread = append(r.Unread, Unread{c.Code, why})
			} else {
				r.Absent = append(r.Absent, c.Code)
			}
			continue
		}
		found := c.few(c.Run(h, now))
		if len(found) == 0 {
			r.Passed = append(r.Passed, c.Code)
			continue
		}
		for _, f := range found {
			f = fromOutside(h, c.complete(f))
			if f.Severity == Error {
				cause[c.Code] = c.Code
			}
			r.Findings = append(r.Findings, f)
		}
	}
	slices.SortStableFunc(r.Findings, func(a, b Finding) int { return cmp.Compare(rank(a.Severity), rank(b.Severity)) })
	return r
}

// complete adds to a finding what its check says.
func (c Check) complete(f Finding) Finding {
	f.Code, f.Title, f.Group = c.Code, c.Title, c.Group
	f.Severity = cmp.Or(f.Severity, c.Severity)
	f.Cause, f.Link = cmp.Or(f.Cause, c.Cause), cmp.Or(f.Link, c.Link)
	f.GPU = shown(f.GPU)
	f.Evidence = slices.Clone(f.Evidence)
	for i, e := range f.Evidence {
		f.Evidence[i].Source = shown(e.Source) // the name of a file, often
	}
	return f
}

// fromOutside takes from fixes what a container, or Windows' Linux, cannot do to the
// machine: to restart it.
func fromOutside(h *host.Host, f Finding) Finding {
	where := ""
	switch {
	case inContainer(h):
		where = ", on the container's host"
	case h.OS.WSL != 0:
		where = ", in Windows"
	default:
		return f
	}
	f.Fixes = slices.Clone(f.Fixes)
	for i, x := range f.Fixes {
		if x.Disruption == Reboot && x.Argv != nil {
			f.Fixes[i] = manual(x.Title+where, Reboot)
		}
	}
	return f
}

// few keeps a report readable, whatever a host holds: the worst findings of a check and
// the first pieces of their evidence, and how many there are besides.
func (c Check) few(found []Finding) []Finding {
	const most = 32
	for i, f := range found {
		if n := len(f.Evidence) - most; n > 0 {
			found[i].Evidence = append(slices.Clone(f.Evidence[:most]), Evidence{"and", count(n, "more piece") + " of evidence"})
		}
	}
	if len(found) <= most {
		return found
	}
	severity := func(f Finding) int { return rank(cmp.Or(f.Severity, c.Severity)) }
	slices.SortStableFunc(found, func(a, b Finding) int { return severity(a) - severity(b) })
	more := Finding{Severity: found[most].Severity, Summary: fmt.Sprintf("and %d more of the kind, such as: %s", len(found)-most, found[most].Summary),
		Evidence: found[most].Evidence, Fixes: found[most].Fixes}
	return append(found[:most:most], more)
}

func rank(s Severity) int { return slices.Index([]Severity{Error, Warning, Note}, s) }

// Worst is the highest severity found, "" where nothing was.
func (r *Report) Worst() Severity {
	if len(r.Findings) == 0 {
		return ""
	}
	return r.Findings[0].Severity
}

// lacks says whether a host has the facts; why is what kept one from being read, ""
// where it simply is not there.
func lacks(h *host.Host, needs []Fact) (why string, ok bool) {
	for _, n := range needs {
		if h.Unread[string(n)] != "" {
			return h.Unread[string(n)], false
		}
		if !has(h, n) {
			return partly(h, n), false
		}
	}
	return "", true
}

// partly is why a part of a fact could not be read, as one spec of several, "" if
// all could: such parts have the fact's name with their own behind it, "cdi /etc/cdi".
func partly(h *host.Host, f Fact) string {
	for _, key := range slices.Sorted(maps.Keys(h.Unread)) {
		if strings.HasPrefix(key, string(f)+" ") {
			return h.Unread[key]
		}
	}
	return ""
}

func has(h *host.Host, f Fact) bool {
	switch f {
	case Local, Nodes, Bridges:
		return h.Kernel.Release != ""
	case PCI:
		return len(find.GPUs(h)) > 0
	case Module:
		return h.Driver.Version != ""
	case NVML:
		return len(h.GPUs) > 0
	case KLog:
		return h.Kernel.Release != ""
	case Docker:
		return h.Engine.Version != ""
	case Specs:
		return len(h.CDI.Specs) > 0
	case Tools:
		return h.Toolkit.Version != ""
	case Systemd:
		return len(h.Units) > 0
	}
	return false
}
