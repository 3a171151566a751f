package plugin

import (
	"slices"

	"github.com/dockergpu/docker-gpu/hostsetup/doctor"
	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// judgement is what was found out about one host. Its JSON is public.
type judgement struct {
	Context string `json:"context,omitempty"`
	*doctor.Report
	// Ignored are findings that a file says to ignore; Expired its lines that no longer count.
	Ignored []ignored    `json:"ignored,omitempty"`
	Expired []ignoreRule `json:"expired,omitempty"`
	// Images are those that were judged beside the host.
	Images []string `json:"images,omitempty"`

	host   *host.Host
	checks []doctor.Check // that were made and are told
}

// ignored is a finding that is known.
type ignored struct {
	doctor.Finding
	Reason string `json:"reason,omitempty"`
	Until  string `json:"until,omitempty"`
}

// judge examines a host. What an ignored cause hides stays hidden: the cause is known,
// and so is what follows from it.
func (r *doctorRun) judge(h host.Host, chosen selection, ignore []ignoreRule) *judgement {
	j := &judgement{Context: h.Context, Report: doctor.Examine(&h, chosen.make, r.now), host: &h, checks: chosen.listed()}
	chosen.narrow(j.Report)
	j.Findings = slices.DeleteFunc(j.Findings, func(f doctor.Finding) bool {
		i := slices.IndexFunc(ignore, func(rule ignoreRule) bool { return rule.Code == f.Code })
		if i < 0 {
			return false
		}
		if ignore[i].expired(r.now) {
			if !slices.Contains(j.Expired, ignore[i]) {
				j.Expired = append(j.Expired, ignore[i])
			}
			return false
		}
		j.Ignored = append(j.Ignored, ignored{f, ignore[i].Reason, ignore[i].Until})
		return true
	})
	return j
}

// counts are the findings by severity.
func (j *judgement) counts() (errors, warnings, notes int) {
	for _, f := range j.Findings {
		switch f.Severity {
		case doctor.Error:
			errors++
		case doctor.Warning:
			warnings++
		default:
			notes++
		}
	}
	return errors, warnings, notes
}

// hidden counts the checks that were not made because of a cause.
func (j *judgement) hidden(cause string) (n int) {
	for _, h := range j.Hidden {
		if h.Because == cause {
			n++
		}
	}
	return n
}
