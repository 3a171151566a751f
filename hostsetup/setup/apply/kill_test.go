//go:build linux

package apply

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/dockergpu/docker-gpu/hostsetup/setup"
	"github.com/dockergpu/docker-gpu/hostsetup/setup/tree"
)

// killFiles are the machine of the kill tests.
func killFiles() map[string]string {
	return map[string]string{
		"etc/docker/daemon.json":                        "→../../srv/daemon.json",
		"srv/daemon.json":                               `{"log-level":"warn"}`,
		"etc/apt/sources.list":                          "deb http://deb.debian.org/debian bookworm main\n",
		"etc/apt/sources.list.d/old":                    "deb [trusted=yes] http://example.com ./\n",
		"opt/toolkit/nvidia-ctk":                        "#!/bin/sh\n# new\n",
		"usr/bin/nvidia-ctk":                            "#!/bin/sh\n# old\n",
		"usr/bin/dockerd":                               "",
		"dev/nvidia0":                                   "",
		"run/systemd/system/x":                          "",
		"run/systemd/units/docker.service":              "active enabled",
		"run/systemd/units/nvidia-persistenced.service": "inactive disabled",
		"home/me/.docker/config.json":                   `{"auths":{}}`,
		"etc/nvidia-container-runtime/config.toml":      "# ours\n",
		"var/lib/dpkg/status": `{"Installed":{"base":"1","lib":"1","old-docker":"20"},"Auto":["lib"],"Left":null,"Held":["base"],"Broken":false,"Half":null,"Keys":null,` +
			`"Offered":{"lib":["2","1"],"old-docker":["20"],"toolkit":["1.20","1.19"],"toolkit-base":["1.20"]},"Needs":{"toolkit":["toolkit-base","lib"]}}`,
		"usr/share/base":            "1",
		"usr/share/lib":             "1",
		"usr/share/lib.conf":        "conf of lib",
		"usr/share/old-docker":      "20",
		"usr/share/old-docker.conf": "conf of old-docker",
	}
}

// killPlan has each kind of operation that can be made without a network: files are changed,
// made and removed, one through a link and one in a folder that is not there.
func killPlan() *setup.Plan {
	file := func(path, content string) setup.Op {
		return setup.Op{File: &setup.File{Path: path, Content: content}}
	}
	return plan(
		step("toolkit/source", file("/etc/apt/sources.list.d/nvidia.list", "deb …\n")),
		step("toolkit/keyring", file("/etc/apt/keyrings/deep/nvidia.asc", "key\n")),
		step("toolkit/old", setup.Op{File: &setup.File{Path: "/etc/apt/sources.list.d/old", Absent: true}}),
		step("runtime/daemon", setup.Op{Daemon: &setup.Daemon{Path: "/etc/docker/daemon.json", Dockerd: "/usr/bin/dockerd",
			Edits: []setup.Edit{{Key: []string{"features", "cdi"}, Value: []byte("true")}}}}),
		step("toolkit/packages", setup.Op{Packages: &setup.Packages{Manager: "apt", Refresh: true, Remove: []string{"old-docker"},
			Install: []setup.Package{{Name: "toolkit", Version: "1.20"}, {Name: "lib", Version: "2"}}}}),
		step("toolkit/programs", setup.Op{Programs: &setup.Programs{From: "/opt/toolkit", To: "/usr/bin", Names: []string{"nvidia-ctk"},
			Sums: map[string]string{"nvidia-ctk": tree.Sum([]byte("#!/bin/sh\n# new\n"))}}}),
		step("toolkit/config", setup.Op{Toolkit: &setup.Toolkit{Path: "/etc/nvidia-container-runtime/config.toml", Tool: "/usr/bin/nvidia-ctk", Set: map[string]string{"swarm-resource": "GPU"}}}),
		step("runtime/cdi", setup.Op{CDI: &setup.CDI{Output: "/var/run/cdi/nvidia.yaml", Tool: "/usr/bin/nvidia-ctk"}}),
		step("runtime/reload", setup.Op{Unit: &setup.Unit{Name: "docker.service", Do: "reload"}}),
		step("driver/persist", setup.Op{Unit: &setup.Unit{Name: "nvidia-persistenced.service", Do: "enable"}}),
		step("hooks/hooks", setup.Op{Hooks: &setup.Hooks{Path: "/home/me/.docker/config.json"}}),
		step("hold/hold", setup.Op{Hold: &setup.Hold{Manager: "apt", Packages: []string{"toolkit", "base"}}}),
	)
}

// scene is a machine and what is done to it.
type scene struct {
	files map[string]string
	plan  *setup.Plan
}

// scenes are one for each package manager; apt's has all other operations too.
func scenes(t *testing.T) map[string]scene {
	return map[string]scene{"apt": {killFiles(), killPlan()}, "dnf": rpmScene(t, "dnf"), "zypper": rpmScene(t, "zypper")}
}

func rpmScene(t *testing.T, manager string) scene {
	t.Helper()
	key := signer(t, nil)
	var text bytes.Buffer
	w, err := armor.Encode(&text, openpgp.PublicKeyType, map[string]string{"Comment": "fingerprint " + fingerprint(key)})
	assert.NilError(t, err)
	assert.NilError(t, key.Serialize(w))
	assert.NilError(t, w.Close())
	files := map[string]string{
		"srv/gpgkey": text.String() + "\n",
		"var/lib/dpkg/status": `{"Installed":{"kernel-devel-6.1-1":"6.1-1","lib":"1-1","runc":"1-1"},"Auto":null,"Left":null,"Held":["theirs"],"Broken":false,"Half":null,"Keys":["gpg-pubkey-11111111-1"],` +
			`"Offered":{"docker-ce":["29-1"],"lib":["2-1","1-1"],"runc":["1-1"],"toolkit":["2-1"],"toolkit-base":["2-1"]},"Needs":{"toolkit":["toolkit-base"]}}`,
		"usr/share/kernel-devel-6.1-1": "x", "usr/share/lib": "1-1", "usr/share/lib.conf": "conf of lib",
		"usr/share/runc": "1-1", "usr/share/runc.conf": "changed by somebody",
		"etc/yum.repos.d/x": "", "etc/zypp/repos.d/x": "", "etc/dnf/modules.d/x": "",
	}
	packages := func(remove []string, modules []string, install ...setup.Package) setup.Op {
		return setup.Op{Packages: &setup.Packages{Manager: manager, Refresh: true, Install: install, Remove: remove, Modules: modules}}
	}
	var modules []string
	if manager == "dnf" {
		modules = []string{"nvidia-driver:580-open"}
	}
	return scene{files, plan(
		step("toolkit/key", setup.Op{Key: &setup.Key{URL: "https://example.com/gpgkey", Fingerprints: []string{fingerprint(key)}, RPM: true}}),
		step("docker/packages", packages([]string{"runc"}, nil, setup.Package{Name: "docker-ce"})),
		step("toolkit/packages", packages(nil, modules, setup.Package{Name: "toolkit", Version: "2-1"}, setup.Package{Name: "lib", Version: "2-1"})),
		step("hold/hold", setup.Op{Hold: &setup.Hold{Manager: manager, Packages: []string{"lib", "toolkit-base"}}}),
	)}
}

func (s scene) start(t *testing.T) (*world, orders) {
	t.Helper()
	w := newWorld(t, s.files)
	return w, orders{Root: w.root, State: w.state, ID: "20261127-050000", Plan: s.plan, Do: "apply"}
}

// TestKillAnywhere kills a setup at every point, and then goes on with it or takes it back.
// Every second time that is killed as well, twice, at points that move on.
func TestKillAnywhere(t *testing.T) {
	for name, s := range scenes(t) {
		w, o := s.start(t)
		start := seen(t, w.root)
		_, points := o.carryOut(t)
		assert.Assert(t, points > 40, "only %d points", points)
		goal := timeless(t, w.root)
		for _, then := range []string{"resume", "rollback"} {
			for n := 1; n <= points; n += every {
				t.Run(fmt.Sprintf("%s %s after %d", name, then, n), func(t *testing.T) {
					t.Parallel()
					w, o := s.start(t)
					o.Kill = n
					killed, _ := o.carryOut(t)
					assert.Assert(t, killed)
					o.Do = then
					if n%2 == 0 {
						for _, k := range []int{1 + n/2, 1 + n/4} {
							o.Kill = k
							o.carryOut(t)
						}
					}
					o.Kill = 0
					o.toEnd(t)
					if then == "resume" {
						assert.Equal(t, timeless(t, w.root), goal)
					} else {
						assert.Equal(t, seen(t, w.root), start)
					}
				})
			}
		}
	}
}

// TestKilledRollback kills a rollback at every point.
func TestKilledRollback(t *testing.T) {
	for name, s := range scenes(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for n := 1; ; n += every {
				w, o := s.start(t)
				before := seen(t, w.root)
				o.carryOut(t)
				o.Do, o.Kill = "rollback", n
				killed, _ := o.carryOut(t)
				o.Kill, o.Do = 0, []string{"rollback", "resume"}[n%2]
				o.carryOut(t)
				assert.Equal(t, seen(t, w.root), before, "killed at %d", n)
				if !killed {
					assert.Assert(t, n > 20, "only %d points", n)
					return
				}
			}
		})
	}
}

// TestKilledFromOutside kills at any time, not just where the code says that it can be.
func TestKilledFromOutside(t *testing.T) {
	s := scene{killFiles(), killPlan()}
	for n := range 24 {
		w, o := s.start(t)
		before := seen(t, w.root)
		o.Slow = time.Millisecond
		cmd := o.command(t)
		assert.NilError(t, cmd.Start())
		time.Sleep(time.Duration(rand.IntN(100)) * time.Millisecond)
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		o.Slow = 0
		if n%2 == 0 {
			o.Do = "resume"
			o.toEnd(t)
			sameJSON(t, w.read(t, "srv/daemon.json"), `{"features":{"cdi":true},"log-level":"warn"}`)
		}
		o.Do = "rollback"
		o.toEnd(t)
		assert.Equal(t, seen(t, w.root), before)
	}
}

// TestKilledBoth kills a setup that has a part of root's and one of the user's at every point.
func TestKilledBoth(t *testing.T) {
	start := func(t *testing.T) (*world, orders) {
		w := newWorld(t, killFiles())
		return w, orders{Root: w.root, State: w.state, Plan: both(), Do: "both apply"}
	}
	w, o := start(t)
	before := seen(t, w.root)
	_, points := o.carryOut(t)
	assert.Assert(t, points > 30, "only %d points", points)
	goal := timeless(t, w.root)
	for _, then := range []string{"resume", "rollback"} {
		for n := 1; n <= points; n += every {
			t.Run(fmt.Sprintf("%s after %d", then, n), func(t *testing.T) {
				t.Parallel()
				w, o := start(t)
				o.Kill = n
				killed, _ := o.carryOut(t)
				assert.Assert(t, killed)
				runs, err := joined(w.Machine, o.State+"-user").Runs(t.Context())
				assert.NilError(t, err)
				o.Kill, o.Do = 0, "both "+then
				switch {
				case len(runs) > 0 && runs[0].State == Kept && then == "resume":
					o.Do = "" // it was killed behind its end
				case len(runs) == 0 && then == "resume":
					o.Do = "both apply"
				case len(runs) == 0:
					o.Do = ""
				}
				o.carryOut(t)
				if then == "resume" {
					assert.Equal(t, timeless(t, w.root), goal)
				} else {
					assert.Equal(t, seen(t, w.root), before)
				}
			})
		}
	}
}

// toEnd resumes or takes back. A run that was killed before its first record never began:
// then a resume is to apply.
func (o orders) toEnd(t *testing.T) {
	t.Helper()
	w := machine(o.Root, o.State)
	runs, err := w.History()
	assert.NilError(t, err)
	_, err = os.Stat(filepath.Join(o.State, "journal", o.ID))
	switch {
	case len(runs) == 0 && o.Do == "resume":
		if err == nil {
			assert.ErrorContains(t, w.Resume(t.Context(), o.ID), "before it began")
		}
		o.Do = "apply"
	case err != nil:
		return // nothing to take back
	}
	o.carryOut(t)
}
