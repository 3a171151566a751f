package setup

import (
	"encoding/json"
	"path"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// What changes from one moment to the next changes neither a plan nor its facts.
func TestFactsStayWhereNothingMattersChanges(t *testing.T) {
	for _, s := range scenarios(t) {
		t.Run(s.Name, func(t *testing.T) {
			h := recorded(t, s.Host)
			before, err := Make(h, s.Wishes, plannedAt())
			assert.NilError(t, err)
			h.Taken, h.Name = h.Taken.Add(time.Hour), "another"
			h.Xids = []host.Xid{{Code: 13}}
			h.Stuck = []host.Process{{PID: 7}}
			h.Disks = []host.Disk{{Path: "/", Size: 1}}
			h.Limits.Shm = 5
			h.OS.Pretty = "a text"
			h.Kernel.Log = []host.LogLine{{Text: "a line"}}
			for i := range h.GPUs {
				h.GPUs[i].Temperature, h.GPUs[i].MemoryUsed = &host.Temperature{GPU: 80}, 1<<30
			}
			for i := range h.PCI {
				h.PCI[i].LinkGen = 1
			}
			if h.Engine.Running > 0 {
				h.Engine.Running += 7
			}
			if h.Engine.PID != 0 && systemd(h) {
				h.Engine.PID = 4242
			}
			h.Engine.Warnings = []string{"a warning"}
			for i := range h.CDI.Specs {
				h.CDI.Specs[i].Changed = h.CDI.Specs[i].Changed.Add(time.Hour)
			}
			after, err := Make(h, s.Wishes, plannedAt())
			assert.NilError(t, err)
			assert.Equal(t, Facts(h), before.Facts)
			assert.DeepEqual(t, after, before)
		})
	}
}

// What a plan depends on is in its facts.
func TestFactsChangeWithWhatMatters(t *testing.T) {
	seen := map[string]string{Facts(recorded(t, "ubuntu2404-all-right")): "as it is"}
	for name, change := range map[string]func(*host.Host){
		"driver":             func(h *host.Host) { h.Driver.Version = "595.71.05" },
		"flavour":            func(h *host.Host) { h.Driver.Flavour = "proprietary" },
		"a GPU less":         func(h *host.Host) { h.PCI = nil },
		"nouveau":            func(h *host.Host) { h.PCI[0].Driver = "nouveau" },
		"next kernel":        func(h *host.Host) { h.Kernel.NextBoot = "6.8.0-99-generic" },
		"secure boot":        func(h *host.Host) { h.OS.SecureBoot = "on" },
		"a package":          func(h *host.Host) { h.Packages[0].Version = "1" },
		"a hold":             func(h *host.Host) { h.Packages[0].Held = true },
		"daemon.json":        func(h *host.Host) { h.Engine.Config = `{"debug":true}` },
		"the engine":         func(h *host.Host) { h.Engine.Version = "28.1.1" },
		"nothing runs":       func(h *host.Host) { h.Engine.Running = 0 },
		"a swarm":            func(h *host.Host) { h.Engine.Swarm.State = "active" },
		"a newer toolkit":    func(h *host.Host) { h.Toolkit.Installed = h.Engine.Started.Add(time.Hour) },
		"a program less":     func(h *host.Host) { delete(h.Toolkit.Binaries, "nvidia-cdi-hook") },
		"a spec":             func(h *host.Host) { h.CDI.Specs[0].DriverVersion = "570.86.15" },
		"a file of the spec": func(h *host.Host) { h.CDI.Specs[0].Paths = []host.CDIPath{{Path: "/x", Missing: true}} },
		"a unit":             func(h *host.Host) { h.Units[0].Enabled = "disabled" },
		"hooks":              func(h *host.Host) { h.Engine.Hooks = nil },
		"unread packages":    func(h *host.Host) { h.Unread = map[string]string{"packages": "no"} },
	} {
		h := recorded(t, "ubuntu2404-all-right")
		change(h)
		facts := Facts(h)
		assert.Assert(t, seen[facts] == "", "%s is like %s", name, seen[facts])
		seen[facts] = name
	}
	for facts := range seen {
		assert.Equal(t, len(facts), 64)
	}
}

// A plan that went through JSON is the same plan.
func TestPlansSurviveJSON(t *testing.T) {
	for _, s := range scenarios(t) {
		plan, err := Make(recorded(t, s.Host), s.Wishes, plannedAt())
		assert.NilError(t, err)
		data, err := json.Marshal(plan)
		assert.NilError(t, err)
		var back Plan
		assert.NilError(t, json.Unmarshal(data, &back))
		assert.Equal(t, Difference(plan, &back), "", s.Name)
		again, err := Make(recorded(t, s.Host), back.Wishes, plannedAt())
		assert.NilError(t, err)
		assert.Equal(t, Difference(&back, again), "", s.Name)
	}
}

func TestDifference(t *testing.T) {
	one := func(id, title string) Step { return Step{ID: id, Title: title} }
	a := &Plan{Steps: []Step{one("a", "x"), one("b", "x")}}
	assert.Equal(t, Difference(a, a), "")
	assert.Equal(t, Difference(a, &Plan{Steps: a.Steps[:1]}), "b")
	assert.Equal(t, Difference(&Plan{Steps: a.Steps[:1]}, a), "b")
	assert.Equal(t, Difference(a, &Plan{Steps: []Step{one("a", "y"), one("b", "x")}}), "a")
	b := one("b", "x")
	b.Op.File = &File{Path: "/etc/shadow"}
	assert.Equal(t, Difference(a, &Plan{Steps: []Step{one("a", "x"), b}}), "b")
}

// Each operation of a plan is exactly one, and each step says all that it has to.
func TestStepsAreWhole(t *testing.T) {
	for _, s := range scenarios(t) {
		plan, err := Make(recorded(t, s.Host), s.Wishes, plannedAt())
		assert.NilError(t, err)
		texts(t, plan)
		seen := map[string]bool{}
		for _, step := range plan.Steps {
			at := s.Name + " " + step.ID
			assert.Assert(t, !seen[step.ID], at)
			seen[step.ID] = true
			var op map[string]json.RawMessage
			data, err := json.Marshal(step.Op)
			assert.NilError(t, err)
			assert.NilError(t, json.Unmarshal(data, &op))
			assert.Equal(t, len(op), 1, at)
			assert.Assert(t, step.Title != "" && step.Why != "" && step.Undo != "" && step.Disruption != "" && step.Part != "", at)
			// Only the user's own settings are changed without root, and only a rootless engine is the user's.
			assert.Equal(t, step.Root, step.Op.Hooks == nil && step.Op.Reboot == nil && !(recorded(t, s.Host).Engine.Rootless && (step.Op.Daemon != nil || step.Op.Unit != nil && step.Op.Unit.User)), at)
			if p := step.Op.Packages; p != nil {
				for _, q := range p.Install {
					assert.Assert(t, plainPackage.MatchString(q.Name), at)
				}
				assert.Assert(t, p.Dir == "" || !p.Refresh, at)
			}
		}
	}
}

// A restart of Docker while containers run leaves them running, or somebody consented.
func TestContainersAreNotStoppedUnasked(t *testing.T) {
	for _, s := range scenarios(t) {
		h := recorded(t, s.Host)
		if h.Engine.Running == 0 || s.Wishes.AllowRestart {
			continue
		}
		plan, err := Make(h, s.Wishes, plannedAt())
		assert.NilError(t, err)
		kept := h.Engine.LiveRestore
		for _, step := range plan.Steps {
			kept = kept || step.ID == "runtime/keep-reload"
			if u := step.Op.Unit; u != nil && u.Name == "docker.service" && u.Do == "restart" {
				assert.Assert(t, kept, "%s stops containers", s.Name)
				assert.Assert(t, h.Engine.Swarm.State != "active", s.Name)
			}
			assert.Assert(t, step.ID != "docker/packages" || h.Engine.PID == 0, s.Name)
		}
	}
}

// An engine that sees new specs at once is neither reloaded nor restarted while containers run.
func TestNoRestartFrom282(t *testing.T) {
	for _, name := range []string{"ubuntu2404-docker283-running", "ubuntu2404-docker291-late-toolkit", "ubuntu2404-docker294-running", "ubuntu2404-rootless-283", "ubuntu2404-docker-io"} {
		plan, err := Make(recorded(t, name), Wishes{}, plannedAt())
		assert.NilError(t, err)
		for _, s := range plan.Steps {
			assert.Equal(t, string(s.Disruption), "none", "%s: %s", name, s.ID)
			assert.Assert(t, s.Op.Daemon == nil, "%s: %s", name, s.ID)
		}
		assertLeft(t, plan, "docker run --device nvidia.com/gpu=all")
	}
}

func TestPlanIsFast(t *testing.T) {
	h := recorded(t, "ubuntu2404-server-h100")
	start := time.Now()
	for range 100 {
		_, err := Make(h, Wishes{}, plannedAt())
		assert.NilError(t, err)
	}
	assert.Assert(t, time.Since(start) < 5*time.Second) // 1 s is what one may take with its facts
}

// Who may see less of dockerd than root makes the same plan, and root may apply it.
func TestFactsOfUsersAndOfRoot(t *testing.T) {
	h := recorded(t, "ubuntu2404-docker294-running")
	before := Facts(h)
	h.Engine.Path, h.Context = "", "another"
	h.Unread = map[string]string{"dockerd": "dockerd's environment: permission denied", "klog": "permission denied"}
	assert.Equal(t, Facts(h), before)
	h.Engine.Path = "/opt/bin:/usr/bin"
	assert.Assert(t, Facts(h) != before)
	plan, err := Make(h, Wishes{ToolkitPath: "/opt/toolkit", ToolkitSums: map[string]string{ctk: strings.Repeat("0", 64), cdiHook: strings.Repeat("1", 64)}}, plannedAt())
	assert.NilError(t, err)
	assert.Equal(t, plan.Steps[0].Op.Programs.To, "/usr/bin")
}

// Packages come from sources with a key of their own, over https, whatever the distribution.
func TestSourcesAreSigned(t *testing.T) {
	found := map[string]int{}
	for _, s := range scenarios(t) {
		plan, err := Make(recorded(t, s.Host), s.Wishes, plannedAt())
		assert.NilError(t, err)
		keys := map[string]bool{}
		for _, step := range plan.Steps {
			at := s.Name + " " + step.ID
			if k := step.Op.Key; k != nil {
				assert.Assert(t, strings.HasPrefix(k.URL, "https://") && len(k.Fingerprints) > 0, at)
				for _, f := range k.Fingerprints {
					assert.Equal(t, len(f), 40, at)
				}
				keys[k.Path] = true
			}
			f := step.Op.File
			if f == nil || f.Absent {
				continue
			}
			text := strings.ToLower(f.Content)
			assert.Assert(t, !strings.Contains(text, "http://") && !strings.Contains(text, "trusted") && !strings.Contains(text, "sslverify=0"), at)
			switch path.Ext(f.Path) {
			case ".sources":
				_, key, ok := strings.Cut(f.Content, "Signed-By: ")
				assert.Assert(t, ok && keys[strings.TrimSpace(key)], at)
			case ".repo":
				_, key, _ := strings.Cut(f.Content, "gpgkey=file://") // without it is rpm's keyring
				assert.Assert(t, keys[strings.TrimSpace(key)] && (strings.Contains(text, "\ngpgcheck=1") || strings.Contains(text, "\nrepo_gpgcheck=1")), at)
			default:
				continue
			}
			found[path.Ext(f.Path)]++
		}
	}
	assert.Assert(t, found[".sources"] > 20 && found[".repo"] > 10, "%v", found)
}
