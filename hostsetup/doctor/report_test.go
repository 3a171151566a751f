package doctor

import (
	"slices"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

func always(code string, s Severity, after ...string) Check {
	return Check{Code: code, Group: Driver, Severity: s, After: after, Cause: "because of " + code,
		Run: func(*host.Host, time.Time) []Finding { return []Finding{{Summary: code + " is wrong"}} }}
}

func never(code string, needs ...Fact) Check {
	return Check{Code: code, Needs: needs, Run: func(*host.Host, time.Time) []Finding { return nil }}
}

func codes(findings []Finding) (out []string) {
	for _, f := range findings {
		out = append(out, f.Code)
	}
	return out
}

func TestACauseHidesWhatFollowsFromIt(t *testing.T) {
	r := Examine(&host.Host{}, []Check{always("A", Error), always("B", Error, "A"), always("C", Error, "B"), always("D", Warning), always("E", Error, "D")}, time.Time{})
	// A warning is no cause that makes anything pointless.
	assert.DeepEqual(t, codes(r.Findings), []string{"A", "E", "D"})
	assert.DeepEqual(t, r.Hidden, []Hidden{{"B", "A"}, {"C", "A"}})
	assert.Equal(t, r.Findings[0].Cause, "because of A")
	assert.Equal(t, r.Worst(), Error)
}

// A container cannot restart its machine, and says who can.
func TestRestartsAreForTheMachine(t *testing.T) {
	c := always("A", Error)
	c.Run = func(*host.Host, time.Time) []Finding {
		return []Finding{{Summary: "x", Fixes: []Fix{reboot("restart"), manual("look", Reboot), {Title: "reset", Disruption: Restart, Argv: [][]string{{"nvidia-smi", "-r"}}}}}}
	}
	for where, want := range map[host.OS]string{
		{}:                    "restart [systemctl reboot]; look []; reset [nvidia-smi -r]",
		{Container: "docker"}: "restart, on the container's host []; look []; reset [nvidia-smi -r]",
		{WSL: 2}:              "restart, in Windows []; look []; reset [nvidia-smi -r]",
	} {
		var got []string
		for _, f := range Examine(&host.Host{OS: where}, []Check{c}, time.Time{}).Findings[0].Fixes {
			got = append(got, f.Title+" ["+commands(f.Argv)+"]")
		}
		assert.Equal(t, strings.Join(got, "; "), want)
	}
}

func TestAFactThatIsNotThereIsNoFailure(t *testing.T) {
	h := &host.Host{Unread: map[string]string{"nvml": "it did not answer"}, Engine: host.Engine{Version: "29.7.2"}}
	r := Examine(h, []Check{never("A", NVML), never("B", PCI), never("C", Docker), never("D")}, time.Time{})
	assert.DeepEqual(t, r.Unread, []Unread{{"A", "it did not answer"}})
	assert.DeepEqual(t, r.Absent, []string{"B"})
	assert.DeepEqual(t, r.Passed, []string{"C", "D"})
	assert.Equal(t, r.Worst(), Severity(""))
}

// A part that could not be read says why a fact is not there, and nothing where it is.
func TestAPartThatCouldNotBeRead(t *testing.T) {
	h := &host.Host{Unread: map[string]string{"cdi /etc/cdi/b.yaml": "b", "cdi /etc/cdi/a.yaml": "a", "cdifier": "x"}}
	assert.DeepEqual(t, Examine(h, []Check{never("A", Specs), never("B", Tools)}, time.Time{}).Unread, []Unread{{"A", "a"}})
	h.CDI.Specs = []host.CDISpec{{Path: "/etc/cdi/c.yaml"}}
	assert.DeepEqual(t, Examine(h, []Check{never("A", Specs)}, time.Time{}).Passed, []string{"A"})
}

func TestCodesAreUniqueAndCausesComeFirst(t *testing.T) {
	var seen []string
	for _, c := range All() {
		assert.Assert(t, !slices.Contains(seen, c.Code), "%s is there twice", c.Code)
		for _, after := range c.After {
			assert.Assert(t, slices.Contains(seen, after), "%s comes before its cause %s", c.Code, after)
		}
		assert.Assert(t, c.Title != "" && c.Group != "" && c.Severity != "" && c.Run != nil, "%s says too little", c.Code)
		seen = append(seen, c.Code)
	}
}
