package rooms

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

func TestModule(t *testing.T) {
	m := read(t, "../..")
	if len(m) < 5 || len(m["cmd/docker-gpu"]) == 0 {
		t.Fatalf("only %d packages found: the test looks in the wrong place", len(m))
	}
	for _, wrong := range check(m, Rooms(), Bans()) {
		t.Error(wrong)
	}
	for _, r := range Rooms() {
		if _, there := m[r.Name]; !there {
			t.Logf("room %s has no package yet", r.Name)
		}
	}
}

// What is linked decides how long the binary takes to start, also where it
// comes in through others.
func TestBinaryIsLight(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "../../cmd/docker-gpu").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	for dep := range strings.Lines(string(out)) {
		dep = strings.TrimSpace(dep)
		if slices.ContainsFunc(Heavy(), func(p string) bool { return dep == p || strings.HasPrefix(dep, p+"/") }) {
			t.Errorf("the binary links %s; find who imports it with `go list -deps` and leave that out", dep)
		}
	}
}

// The check itself: each rule broken once, on a small module of paper.
func TestCheck(t *testing.T) {
	rooms := []Room{
		{"cmd/x", []string{"plugin"}},
		{"plugin", []string{"pure/...", "internal/engine"}},
		{"pure", []string{"pure/leaf"}},
		{"pure/leaf", nil},
		{"internal/engine", nil},
		{"not/yet", []string{"pure"}},
	}
	bans := []Ban{
		{Imports: []string{"cobra"}, Except: []string{"plugin"}, Why: "command line"},
		{Imports: []string{"net/http", "=bk/client"}, From: []string{"pure/..."}, Through: true, Why: "pure"},
	}
	good := imports{
		"cmd/x":           {"os", "plugin"},
		"plugin":          {"cobra", "cobra/doc", "pure", "pure/leaf", "internal/engine"},
		"pure":            {"pure/leaf", "bk/client/llb"},
		"pure/leaf":       {"strings"},
		"internal/engine": {"net/http", "bk/client"},
	}
	for _, tc := range []struct {
		name string
		with imports
		rule []Room
		ban  []Ban
		want []string
	}{
		{name: "all is well"},
		{name: "upward", with: imports{"pure/leaf": {"pure"}}, want: []string{"pure/leaf imports pure; it may import nothing of the module"}},
		{name: "over a floor", with: imports{"cmd/x": {"pure"}}, want: []string{"cmd/x imports pure; it may import plugin"}},
		{name: "sideways", with: imports{"internal/engine": {"pure/leaf"}}, want: []string{"internal/engine imports pure/leaf; it may import nothing of the module"}},
		{name: "no room", with: imports{"pure/more": nil}, want: []string{"package pure/more is in no room: add it to internal/rooms with what it may import"}},
		{name: "only one may", with: imports{"internal/engine": {"cobra/doc"}}, want: []string{"internal/engine imports cobra/doc: command line"}},
		{name: "banned", with: imports{"pure/leaf": {"net/http"}}, want: []string{
			"pure imports net/http through pure/leaf: pure", "pure/leaf imports net/http: pure"}},
		{name: "banned exactly", with: imports{"pure/leaf": {"bk/client"}, "pure": nil}, want: []string{"pure/leaf imports bk/client: pure"}},
		{name: "a name like a banned one", with: imports{"pure/leaf": {"net/httpx", "cobraman"}}},
		{name: "misspelt permission", rule: []Room{{"a", []string{"pure/laef"}}}, want: []string{`room "a" may import "pure/laef", which is no room`}},
		{name: "misspelt ban", ban: []Ban{{Imports: []string{"x"}, From: []string{"prue"}}}, want: []string{`the ban of x names "prue", which is no room`}},
		{name: "misspelt exception", ban: []Ban{{Imports: []string{"x"}, Except: []string{"plugni"}}}, want: []string{`the ban of x names "plugni", which is no room`}},
		{name: "twice", rule: []Room{{"pure", nil}}, want: []string{`room "pure" is there twice`}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m := imports{}
			for dir, names := range good {
				m[dir] = names
			}
			for dir, names := range tc.with {
				m[dir] = names
			}
			got := check(m, append(slices.Clone(rooms), tc.rule...), append(slices.Clone(bans), tc.ban...))
			if !slices.Equal(got, tc.want) {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}
