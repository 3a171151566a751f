//go:build linux

package apply

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/setup"
)

func TestFlagsOfTheUnit(t *testing.T) {
	for line, want := range map[string]string{
		"{ path=/usr/bin/dockerd ; argv[]=/usr/bin/dockerd -H fd:// --containerd=/run/c.sock ; ignore_errors=no ; }": "-H fd:// --containerd=/run/c.sock",
		"{ path=/usr/bin/dockerd ; argv[]=/usr/bin/dockerd --config-file /x -D --config-file=/y ; }":                 "-D",
		"{ path=/usr/bin/dockerd ; argv[]=/usr/bin/dockerd $OPTIONS ; }":                                             "",
		"{ path=/bin/sh ; argv[]=/bin/sh -c dockerd ; }":                                                             "",
		"": "",
	} {
		j := on(t, saying{"show": said(line)}, step("d", setup.Op{Daemon: &setup.Daemon{}}))
		w := &world{root: j.Root}
		w.write(t, "run/systemd/system/x", "")
		d := daemonOp{&setup.Daemon{Path: "/etc/docker/daemon.json"}}
		assert.Equal(t, strings.Join(d.flags(t.Context(), j), " "), want, line)
		d.Path = "/home/me/.config/docker/daemon.json"
		assert.Equal(t, len(d.flags(t.Context(), j)), 0, "another daemon has other flags")
	}
}

func TestDockerdThatCannotValidate(t *testing.T) {
	w := newWorld(t, map[string]string{"etc/docker/daemon.json": "{}"})
	w.Programs = saying{"--validate": {Code: 125, Err: []byte("Status: unknown flag: --validate\nSee 'dockerd --help'., Code: 125\n")}}
	w.apply(t, daemonStep("/usr/bin/dockerd", edit("true", "features", "cdi")))
	assert.Assert(t, w.said("too old to check /etc/docker/daemon.json beforehand"))
	sameJSON(t, w.read(t, "etc/docker/daemon.json"), `{"features":{"cdi":true}}`)
}

func TestDaemonJSONThatCannotBeEdited(t *testing.T) {
	w := newWorld(t, map[string]string{"etc/docker/daemon.json": "{,}"})
	before := seen(t, w.root)
	_, err := w.Apply(t.Context(), "20261127-050000", plan(daemonStep("", edit("true", "features", "cdi"))))
	assert.ErrorContains(t, err, "/etc/docker/daemon.json: ")
	assert.Equal(t, seen(t, w.root), before)
}

// TestSpecOfTheToolkitItself goes with what made it, and comes back if it was there.
func TestSpecOfTheToolkitItself(t *testing.T) {
	for name, c := range map[string]struct{ before, after string }{
		"none before": {"", "spec"}, "another before": {"old", "spec"}, "left alone": {"old", "old"},
	} {
		for _, s := range []setup.Step{unitStep("nvidia-cdi-refresh.service", "enable"), packagesStep(setup.Package{Name: "nvidia-container-toolkit-base"})} {
			files := killFiles()
			files["var/run"], files["run/x"] = "→/run", ""
			files["run/systemd/units/nvidia-cdi-refresh.service"] = "inactive disabled"
			if c.before != "" {
				files["run/cdi/nvidia.yaml"] = c.before
			}
			w := newWorld(t, files)
			db := w.programs().db()
			db.Offered["nvidia-container-toolkit-base"] = []string{"1.20"}
			w.programs().save(db)
			before := seen(t, w.root)
			id := w.apply(t, s)
			w.write(t, "run/cdi/nvidia.yaml", c.after)
			assert.NilError(t, w.Rollback(t.Context(), id, Back{}))
			assert.Equal(t, seen(t, w.root), before, "%s %s", name, s.ID)
		}
	}
}

// TestConfigurationOfPackages comes back as it was, but for what somebody has made of it since.
func TestConfigurationOfPackages(t *testing.T) {
	const conf = "usr/share/runc.conf"
	for name, c := range map[string]struct {
		since func(t *testing.T, w *world)
		want  string
	}{
		"set aside":         {func(*testing.T, *world) {}, "changed by somebody"},
		"made anew since":   {func(t *testing.T, w *world) { w.write(t, conf, "made since") }, "changed by somebody"},
		"set aside by them": {func(t *testing.T, w *world) { w.write(t, conf+".rpmsave", "theirs") }, "conf of runc"},
	} {
		t.Run(name, func(t *testing.T) {
			s := rpmScene(t, "dnf")
			w, o := s.start(t)
			_, err := w.Apply(t.Context(), o.ID, s.plan)
			assert.NilError(t, err)
			c.since(t, w)
			w.write(t, "usr/share/lib.conf.rpmnew", "the package's own")
			assert.NilError(t, w.Rollback(t.Context(), o.ID, Back{}))
			assert.Equal(t, w.read(t, conf), c.want)
			_, err = os.Stat(filepath.Join(w.root, "usr/share/lib.conf.rpmnew"))
			assert.ErrorIs(t, err, os.ErrNotExist)
		})
	}
}

func TestStreamsThatWereThere(t *testing.T) {
	w := newWorld(t, rpmScene(t, "dnf").files)
	w.write(t, "etc/dnf/modules.d/nvidia-driver.module", "before")
	s := step("p", setup.Op{Packages: &setup.Packages{Manager: "dnf", Install: []setup.Package{{Name: "toolkit"}}, Modules: []string{"nvidia-driver:580-open"}}})
	id := w.apply(t, s)
	assert.NilError(t, w.Rollback(t.Context(), id, Back{}))
	for _, line := range w.programs().ran {
		assert.Assert(t, !strings.Contains(line, "module reset"), "a stream that somebody chose is not forgotten: %s", line)
	}
}

func TestWhatAManagerDidNotReach(t *testing.T) {
	have := &Installed{Versions: map[string]string{"a": "1", "kernel-devel-6.1": "6.1"}}
	for _, c := range []struct {
		o    order
		want string
	}{
		{order{install: []setup.Package{{Name: "a"}, {Name: "kernel-devel", Version: "6.1"}, {Name: "a", Version: "1*"}}, remove: []string{"b"}}, ""},
		{order{install: []setup.Package{{Name: "a", Version: "2"}}}, "a 2 was not installed"},
		{order{install: []setup.Package{{Name: "b"}}}, "b was not installed"},
		{order{remove: []string{"a"}}, "a was not removed"},
	} {
		err := have.after(c.o)
		if c.want == "" {
			assert.NilError(t, err)
		} else {
			assert.Error(t, err, c.want)
		}
	}
}

func TestManagersThatAreNone(t *testing.T) {
	w := newWorld(t, nil)
	for _, op := range []setup.Op{{Packages: &setup.Packages{Manager: "pacman"}}, {Hold: &setup.Hold{Manager: "pacman"}}} {
		_, err := w.Apply(t.Context(), "20261127-050000", plan(step("x", op)))
		assert.ErrorContains(t, err, `"pacman" is no package manager that setup knows: apt, dnf, zypper`)
	}
}

// TestHowASpecIsAsked has the hook beside the tool, wherever both lie, and the file's form.
func TestHowASpecIsAsked(t *testing.T) {
	for _, c := range []struct{ output, tool, hook, want string }{
		{"/etc/cdi/nvidia.yaml", "/usr/bin/nvidia-ctk", "", "/usr/bin/nvidia-ctk cdi generate --format=yaml"},
		{"/etc/cdi/nvidia.json", "/usr/bin/nvidia-ctk", "", "/usr/bin/nvidia-ctk cdi generate --format=json"},
		{"/etc/cdi/nvidia.yml", "/usr/local/bin/nvidia-ctk", "usr/local/bin/nvidia-cdi-hook",
			"/usr/local/bin/nvidia-ctk cdi generate --format=yaml --nvidia-cdi-hook-path=/usr/local/bin/nvidia-cdi-hook"},
	} {
		w := newWorld(t, killFiles())
		w.write(t, c.tool+".x", "")
		w.write(t, strings.TrimPrefix(c.tool, "/"), "#!/bin/sh\n")
		if c.hook != "" {
			w.write(t, c.hook, "")
		}
		w.apply(t, step("cdi", setup.Op{CDI: &setup.CDI{Output: c.output, Tool: c.tool}}))
		assert.Equal(t, w.programs().ran[0], c.want)
	}
}
