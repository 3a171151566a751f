//go:build e2e

package setup

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/setup"
	"github.com/dockergpu/docker-gpu/hostsetup/setup/apply"
)

// ctk stands in for nvidia-ctk: a spec whose device every machine has.
const ctk = `#!/bin/sh
case "$1 $2" in
"cdi generate") printf 'cdiVersion: 0.5.0\nkind: nvidia.com/gpu\ndevices:\n- name: all\n  containerEdits:\n    deviceNodes:\n    - path: /dev/null\n' ;;
*) exit 1 ;;
esac
`

const oldVersion, newVersion = "1.19.0-1", "1.20.1-1"

// debs are the toolkit in two versions, a driver, an engine and the one that it replaces.
func debs(t *testing.T, r *repository) {
	t.Helper()
	for _, v := range []string{oldVersion, newVersion} {
		r.deb(t, pack{name: "libnvidia-container1", version: v, files: map[string]string{"/usr/lib/libnvidia-container.so.1": v}})
		r.deb(t, pack{name: "libnvidia-container-tools", version: v, control: "Depends: libnvidia-container1 (= " + v + ")\n", files: map[string]string{"/usr/bin/nvidia-container-cli": v}})
		r.deb(t, pack{name: "nvidia-container-toolkit-base", version: v, files: map[string]string{"/usr/bin/nvidia-ctk": ctk, "/usr/bin/nvidia-cdi-hook": v, "/etc/nvidia-container-runtime/config.toml": "# " + v + "\n"},
			scripts: map[string]string{
				// As nvidia-cdi-refresh does.
				"postinst": "mkdir -p /var/run/cdi /var/lib/toolkit; echo spec >/var/run/cdi/nvidia.yaml; echo x >/var/lib/toolkit/state\n",
				"postrm":   "if [ \"$1\" = purge ]; then rm -rf /var/lib/toolkit; fi\n",
			}})
		r.deb(t, pack{name: "nvidia-container-toolkit", version: v, control: fmt.Sprintf("Depends: nvidia-container-toolkit-base (= %s), libnvidia-container-tools (= %s)\nRecommends: bloat\n", v, v),
			files: map[string]string{"/usr/bin/nvidia-container-runtime": v}})
	}
	r.deb(t, pack{name: "bloat", version: "1", files: map[string]string{"/usr/share/bloat": "x"}})
	r.deb(t, pack{name: "nvidia-driver-580", version: "580.159-1", control: "Depends: libnvidia-compute-580\n", files: map[string]string{"/usr/share/nvidia/driver": "580"}})
	// One that kills dpkg in the middle of whatever a test wants.
	scripts := map[string]string{}
	for _, when := range []string{"preinst", "postinst", "prerm", "postrm"} {
		scripts[when] = "if [ -e /kill-" + when + " ]; then rm /kill-" + when + "; kill -9 $PPID; sleep 1; fi\n"
	}
	r.deb(t, pack{name: "libnvidia-compute-580", version: "580.159-1", files: map[string]string{"/usr/lib/libcuda.so.1": "580"}, scripts: scripts})
	r.deb(t, pack{name: "docker-ce", version: "5:29.7.2-1", control: "Conflicts: docker.io\nReplaces: docker.io\n", files: map[string]string{"/usr/bin/dockerd": "29", "/etc/default/docker": "new"}})
	r.deb(t, pack{name: "docker.io", version: "20.10.24-1", files: map[string]string{"/usr/bin/dockerd": "20", "/etc/docker.io.conf": "as it comes"},
		scripts: map[string]string{
			// As Debian's does.
			"prerm":  "[ -d /var/lib/docker ] || exit 0; printf '#!/bin/sh\\nrm -rf /var/lib/docker\\n' >/var/lib/docker/nuke-graph-directory.sh; chmod +x /var/lib/docker/nuke-graph-directory.sh\n",
			"postrm": "if [ \"$1\" = purge ] && [ -x /var/lib/docker/nuke-graph-directory.sh ]; then /var/lib/docker/nuke-graph-directory.sh /var/lib/docker; fi\n",
		}})
	r.aptIndex(t)
}

const source = "Types: deb\nURIs: %s\nSuites: ./\nSigned-By: %s\n"

func (r *repository) keyOp(path string) setup.Op {
	return setup.Op{Key: &setup.Key{URL: r.url + "/gpgkey", Fingerprints: []string{r.fingerprint()}, Path: path}}
}

func aptPackages(remove []string, install ...string) setup.Op {
	op := &setup.Packages{Manager: "apt", Refresh: true, Remove: remove}
	for _, word := range install {
		name, version, _ := strings.Cut(word, "=")
		op.Install = append(op.Install, setup.Package{Name: name, Version: version})
	}
	return setup.Op{Packages: op}
}

// aptPlan is a whole setup: source, driver, engine, toolkit, spec and hold.
func aptPlan(r *repository) *setup.Plan {
	const key = "/etc/apt/keyrings/toolkit.asc"
	return planOf(
		step("toolkit/key", r.keyOp(key)),
		step("toolkit/source", file("/etc/apt/sources.list.d/toolkit.sources", fmt.Sprintf(source, r.url, key))),
		step("driver/packages", aptPackages(nil, "nvidia-driver-580")),
		step("docker/packages", aptPackages([]string{"docker.io"}, "docker-ce")),
		step("toolkit/packages", aptPackages(nil, "nvidia-container-toolkit="+newVersion, "nvidia-container-toolkit-base="+newVersion,
			"libnvidia-container-tools="+newVersion, "libnvidia-container1="+newVersion)),
		step("runtime/cdi", setup.Op{CDI: &setup.CDI{Output: "/etc/cdi/nvidia.yaml", Tool: "/usr/bin/nvidia-ctk"}}),
		step("hold/hold", setup.Op{Hold: &setup.Hold{Manager: "apt", Packages: []string{"nvidia-*", "libnvidia-*"}}}),
	)
}

// debian is a machine that has an older toolkit's library, and Debian's engine with a file
// of configuration that somebody has changed.
func debian(t *testing.T, suite string, r *repository) *machine {
	t.Helper()
	m := newMachine(t, suite, r)
	m.write(t, "/etc/apt/sources.list", "")
	key, err := os.ReadFile(filepath.Join(r.dir, "gpgkey"))
	assert.NilError(t, err)
	m.write(t, "/etc/apt/keyrings/base.asc", string(key))
	m.write(t, "/etc/apt/sources.list.d/base.sources", fmt.Sprintf(source, r.url+"/base", "/etc/apt/keyrings/base.asc"))
	m.chroot(t, "apt-get", "-q", "update")
	m.chroot(t, "apt-get", "-q", "-y", "install", "libnvidia-container1="+oldVersion, "docker.io")
	m.chroot(t, "apt-mark", "auto", "libnvidia-container1")
	m.write(t, "/etc/docker.io.conf", "changed by somebody")
	return m
}

// packages are what dpkg and apt know: packages with their states, those that came along,
// and those that are held.
func (m *machine) packages(t *testing.T) string {
	t.Helper()
	return m.chroot(t, "dpkg-query", "-W", "-f", "${Package} ${Version} ${Status} ${Conffiles}\n") + m.chroot(t, "apt-mark", "showauto") + m.chroot(t, "apt-mark", "showhold")
}

func suites(t *testing.T, f func(t *testing.T, suite string)) {
	for _, suite := range []string{"bookworm", "trixie"} {
		t.Run(suite, func(t *testing.T) { f(t, suite) })
	}
}

func TestAptThereAndBack(t *testing.T) {
	suites(t, func(t *testing.T, suite string) {
		r := newRepository(t)
		debs(t, r)
		m := debian(t, suite, r)
		before, packages := m.state(t), m.packages(t)

		ran, err := m.Apply(t.Context(), m.id, aptPlan(r))
		assert.NilError(t, err)
		assert.Assert(t, ran)
		assert.Equal(t, m.read(t, "/usr/bin/dockerd"), "29")
		assert.Equal(t, m.read(t, "/usr/lib/libcuda.so.1"), "580")
		assert.Equal(t, m.read(t, "/usr/lib/libnvidia-container.so.1"), newVersion)
		assert.Assert(t, strings.Contains(m.read(t, "/etc/cdi/nvidia.yaml"), "kind: nvidia.com/gpu"))
		assert.Assert(t, !m.there("/usr/share/bloat"), "nothing that is only recommended comes")
		assert.Assert(t, strings.Contains(m.chroot(t, "apt-mark", "showhold"), "libnvidia-compute-580"))

		after := m.state(t)
		again, err := m.Apply(t.Context(), "20261127-060000", aptPlan(r))
		assert.NilError(t, err)
		assert.Assert(t, !again, "a second time there is nothing to do")
		same(t, m.state(t), after)

		assert.NilError(t, m.Keep(t.Context(), m.id))
		assert.NilError(t, m.Rollback(t.Context(), m.id, apply.Back{}))
		assert.Equal(t, m.packages(t), packages)
		same(t, m.state(t), before)
	})
}

// TestAptKilled kills a setup and its package manager at any time, and takes it back, or
// goes on and then takes it back.
func TestAptKilled(t *testing.T) {
	suites(t, func(t *testing.T, suite string) {
		r := newRepository(t)
		debs(t, r)
		m := debian(t, suite, r)
		before, packages := m.state(t), m.packages(t)
		began := time.Now()
		_, err := m.Apply(t.Context(), m.id, aptPlan(r))
		assert.NilError(t, err)
		whole := time.Since(began)
		for n := range 4 {
			assert.NilError(t, m.Rollback(t.Context(), m.id, apply.Back{}))
			assert.Equal(t, m.packages(t), packages, "killed %d times", n)
			same(t, m.state(t), before)
			m.id = fmt.Sprintf("20261127-05%02d00", n+1)
			o := m.orders
			o.ID, o.Plan = m.id, aptPlan(r)
			text, err := json.Marshal(o)
			assert.NilError(t, err)
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), "SETUP_TEST_CHILD="+string(text))
			cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
			assert.NilError(t, cmd.Start())
			at := time.Duration(rand.Int64N(int64(whole)))
			time.Sleep(at)
			killSession(t, cmd.Process.Pid, n%2 == 0)
			_ = cmd.Wait()
			t.Logf("killed after %s of %s", at, whole)
			if last, err := m.Last(); err != nil || last == "" {
				assert.NilError(t, err)
				_, err := m.Apply(t.Context(), m.id, aptPlan(r))
				if runs, _ := m.History(); runs[len(runs)-1].ID != m.id {
					assert.NilError(t, err)
				}
				continue
			}
			if n%4 < 2 {
				assert.NilError(t, m.Resume(t.Context(), m.id))
				assert.Equal(t, m.read(t, "/usr/bin/dockerd"), "29")
			}
		}
		assert.NilError(t, m.Rollback(t.Context(), m.id, apply.Back{}))
		same(t, m.state(t), before)
	})
}

// TestAptKilledInside has dpkg killed in the middle of a package.
func TestAptKilledInside(t *testing.T) {
	suites(t, func(t *testing.T, suite string) {
		r := newRepository(t)
		debs(t, r)
		m := debian(t, suite, r)
		before, packages := m.state(t), m.packages(t)
		for i, when := range []string{"preinst", "postinst"} {
			for k, resume := range []bool{false, true} {
				m.id = fmt.Sprintf("20261127-05%d%d00", i, k)
				m.write(t, "/kill-"+when, "")
				_, err := m.Apply(t.Context(), m.id, aptPlan(r))
				assert.ErrorContains(t, err, "driver/packages", when)
				assert.Assert(t, !m.there("/kill-"+when))
				if resume {
					assert.NilError(t, m.Resume(t.Context(), m.id), when)
					assert.Equal(t, m.read(t, "/usr/lib/libcuda.so.1"), "580")
				}
				assert.NilError(t, m.Rollback(t.Context(), m.id, apply.Back{}), when)
				assert.Equal(t, m.packages(t), packages)
				same(t, m.state(t), before)
			}
		}
		for i, when := range []string{"prerm", "postrm"} {
			m.id = fmt.Sprintf("20261127-06%d000", i)
			_, err := m.Apply(t.Context(), m.id, aptPlan(r))
			assert.NilError(t, err)
			m.write(t, "/kill-"+when, "")
			assert.ErrorContains(t, m.Rollback(t.Context(), m.id, apply.Back{}), "driver/packages cannot be taken back", when)
			assert.NilError(t, m.Rollback(t.Context(), m.id, apply.Back{}), when)
			assert.Equal(t, m.packages(t), packages)
			same(t, m.state(t), before)
		}
	})
}

// killSession kills a setup alone, so that its package manager goes on by itself for a
// while, or all processes of its session, as a power loss does.
func killSession(t *testing.T, pid int, all bool) {
	t.Helper()
	pids := []int{pid}
	if all {
		entries, err := os.ReadDir("/proc")
		assert.NilError(t, err)
		for _, e := range entries {
			data, err := os.ReadFile(filepath.Join("/proc", e.Name(), "stat"))
			if err != nil {
				continue
			}
			var id, parent, group, session int
			_, rest, ok := strings.Cut(string(data), ") ")
			if !ok {
				continue
			}
			var state string
			if _, err := fmt.Sscan(rest, &state, &parent, &group, &session); err != nil {
				continue
			}
			if _, err := fmt.Sscan(e.Name(), &id); err == nil && session == pid && id != pid {
				pids = append(pids, id)
			}
		}
	}
	for _, p := range pids {
		_ = syscall.Kill(p, syscall.SIGKILL)
	}
}

// TestAptRefusesWhatNobodySigned has a repository that was tampered with, and another key.
func TestAptRefusesWhatNobodySigned(t *testing.T) {
	r := newRepository(t)
	debs(t, r)
	m := debian(t, "bookworm", r)
	before := m.state(t)

	other := newRepository(t)
	debs(t, other)
	plan := aptPlan(r)
	plan.Steps[0].Op.Key.Fingerprints = []string{other.fingerprint()}
	_, err := m.Apply(t.Context(), m.id, plan)
	assert.ErrorContains(t, err, "it has the fingerprint "+r.fingerprint()+", known is "+other.fingerprint())
	assert.NilError(t, m.Rollback(t.Context(), m.id, apply.Back{}))
	same(t, m.state(t), before)

	m.id = "20261127-051000"
	evil := filepath.Join(r.dir, "nvidia-driver-580_580.159-1_amd64.deb")
	data, err := os.ReadFile(evil)
	assert.NilError(t, err)
	data[len(data)-1] ^= 1
	assert.NilError(t, os.WriteFile(evil, data, 0o644))
	_, err = m.Apply(t.Context(), m.id, aptPlan(r))
	assert.ErrorContains(t, err, "driver/packages")
	assert.ErrorContains(t, err, "Hash Sum mismatch")
	assert.NilError(t, m.Rollback(t.Context(), m.id, apply.Back{}))
	same(t, m.state(t), before)
}

// TestAptKeepsImages takes docker.io back, whose purge would delete all images and volumes.
func TestAptKeepsImages(t *testing.T) {
	r := newRepository(t)
	debs(t, r)
	m := debian(t, "bookworm", r)
	m.chroot(t, "apt-get", "-q", "-y", "purge", "docker.io")
	before := m.packages(t)
	_, err := m.Apply(t.Context(), m.id, planOf(step("docker/packages", aptPackages(nil, "docker.io"))))
	assert.NilError(t, err)
	m.write(t, "/var/lib/docker/volumes/data", "precious")
	assert.NilError(t, m.Rollback(t.Context(), m.id, apply.Back{}))
	assert.Equal(t, m.read(t, "/var/lib/docker/volumes/data"), "precious")
	assert.Equal(t, m.packages(t), before)
	assert.Assert(t, !m.there("/etc/docker.io.conf"))
}

// TestAptOffline installs from files, without any source.
func TestAptOffline(t *testing.T) {
	suites(t, func(t *testing.T, suite string) {
		r := newRepository(t)
		debs(t, r)
		m := debian(t, suite, r)
		assert.NilError(t, os.Remove(filepath.Join(m.orders.Root, "/etc/apt/sources.list.d/base.sources")))
		run(t, "cp", "-r", r.dir, filepath.Join(m.orders.Root, "media"))
		dir := "/media/" + filepath.Base(r.dir)
		// The library's old version must be among the files, or it could not come back.
		before, packages := m.state(t), m.packages(t)
		plan := planOf(step("toolkit/packages", setup.Op{Packages: &setup.Packages{Manager: "apt", Refresh: true, Dir: dir,
			Install: []setup.Package{{Name: "nvidia-container-toolkit", Version: newVersion}}}}))
		_, err := m.Apply(t.Context(), m.id, plan)
		assert.ErrorContains(t, err, "No source has libnvidia-container1 "+oldVersion+" any more")
		assert.NilError(t, m.Rollback(t.Context(), m.id, apply.Back{}))
		same(t, m.state(t), before)
		assert.Equal(t, m.packages(t), packages)

		m.chroot(t, "apt-get", "-q", "-y", "purge", "libnvidia-container1")
		before, packages = m.state(t), m.packages(t)
		m.id = "20261127-051000"
		_, err = m.Apply(t.Context(), m.id, plan)
		assert.NilError(t, err)
		assert.Equal(t, m.read(t, "/usr/lib/libnvidia-container.so.1"), newVersion)
		assert.Assert(t, !m.there("/usr/share/bloat"))
		assert.NilError(t, m.Rollback(t.Context(), m.id, apply.Back{}))
		same(t, m.state(t), before)
		assert.Equal(t, m.packages(t), packages)
	})
}
