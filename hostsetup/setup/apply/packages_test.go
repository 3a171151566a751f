//go:build linux

package apply

import (
	"cmp"
	"context"
	"maps"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/setup"
)

// saying is a Runner whose programs say what a test has.
type saying map[string]Result

func (s saying) Run(_ context.Context, c Command) (Result, error) {
	line := strings.Join(c.Argv, " ")
	for part, r := range s {
		if strings.Contains(line, part) {
			return r, nil
		}
	}
	return Result{Code: 127, Err: []byte(line)}, nil
}

func on(t *testing.T, s saying, steps ...setup.Step) *job {
	t.Helper()
	w := newWorld(t, nil)
	w.Programs = s
	if len(steps) == 0 {
		steps = []setup.Step{put("/x", "")}
	}
	return &job{Machine: w.Machine, plan: plan(steps...), index: len(steps) - 1}
}

func said(text string) Result { return Result{Out: []byte(text)} }

// TestForeseen reads what apt-get --simulate says (apt 2.6 and 3.0).
func TestForeseen(t *testing.T) {
	c := apt{}.foreseen(`Reading package lists...
Remv docker.io [20.10.24+dfsg1-1+b3] [podman:amd64 ]
Purg old [1]
Inst libnvidia-container1 [1.19.0-1] (1.20.1-1 NVIDIA:1.0/stable [amd64]) [nvidia-container-toolkit:amd64 ]
Inst docker-ce (5:29.7.2-1~debian.12~bookworm Docker CE:bookworm [amd64])
Inst tzdata [2024a-0+deb12u1] (2024a-0+deb12u1 Debian:12.5/stable [all])
Inst wine32:i386 (8.0~repack-4 Debian:12.5/stable [i386])
Conf docker-ce (5:29.7.2-1~debian.12~bookworm Docker CE:bookworm [amd64])
`)
	assert.Equal(t, c.String(), "+docker-ce 5:29.7.2-1~debian.12~bookworm, +wine32:i386 8.0~repack-4, libnvidia-container1 1.19.0-1 → 1.20.1-1, "+
		"-docker.io 20.10.24+dfsg1-1+b3, -old 1")
	assert.Equal(t, apt{}.foreseen("nothing").String(), "nothing")
}

func TestInstalledByDpkg(t *testing.T) {
	j := on(t, saying{"--print-architecture": said("amd64\n"), "dpkg-query": said("bash\tamd64\t5.2\tinstalled\tok\nlibc6\ti386\t2.36\tinstalled\tok\n" +
		"tzdata\tall\t2024\tinstalled\tok\nbroken\tamd64\t1\thalf-installed\treinstreq\nold\tamd64\t1\tconfig-files\tok\nnever\tamd64\t\tnot-installed\tok\n"),
		"showauto": said("libc6:i386\ntzdata\n")})
	have, err := apt{}.installed(t.Context(), j)
	assert.NilError(t, err)
	assert.DeepEqual(t, have, &Installed{Versions: map[string]string{"bash": "5.2", "libc6:i386": "2.36", "tzdata": "2024", "broken": "1"},
		Auto: []string{"libc6:i386", "tzdata"}, Removed: []string{"old"}, Half: []string{"broken"}})
}

func TestInstalledByRPM(t *testing.T) {
	j := on(t, saying{"rpm -qa": said("bash\t5.2-1\ngpg-pubkey\tabc-def\nkernel-devel\t6.1-1\nkernel-devel\t6.2-1\ndocker-ce\t3:29.7-1\n")})
	have, err := dnf{}.installed(t.Context(), j)
	assert.NilError(t, err)
	assert.DeepEqual(t, have.Versions, map[string]string{"bash": "5.2-1", "kernel-devel-6.1-1": "6.1-1", "kernel-devel-6.2-1": "6.2-1", "docker-ce": "3:29.7-1"})
	_, there := have.find("kernel-devel")
	assert.Assert(t, there)
	_, there = have.find("kernel")
	assert.Assert(t, !there)

	// A kernel that came goes alone, and one that went comes back by its name.
	before := &Installed{Versions: maps.Clone(have.Versions)}
	delete(before.Versions, "kernel-devel-6.2-1")
	before.Versions["kernel-devel-6.0-1"] = "6.0-1"
	o, err := packagesOp{}.reverse(t.Context(), j, dnf{}, &Before{Packages: before}, &After{Packages: before.change(have)})
	assert.NilError(t, err)
	assert.DeepEqual(t, o.remove, []string{"kernel-devel-6.2-1"})
	assert.DeepEqual(t, o.install, []setup.Package{{Name: "kernel-devel", Version: "6.0-1"}})
}

func TestOffers(t *testing.T) {
	j := on(t, saying{
		"apt-cache madison": said(" lib | 1.20.1-1 | https://example.com x/ Packages\n lib | 1.19.0-1 | https://example.com x/ Packages\n"),
		"dnf -y -q":         said("0:1.20.1-1\n3:29.7-1\n"),
		"zypper": said("S  | Name | Type    | Version  | Arch   | Repository\n---+------+---------+----------+--------+-----------\n" +
			"v  | lib  | package | 1.20.1-1 | x86_64 | toolkit\ni+ | lib  | package | 1.19.0-1 | x86_64 | (System Packages)\n"),
	})
	for _, c := range []struct {
		m       manager
		version string
		want    bool
	}{
		{apt{}, "1.19.0-1", true}, {apt{}, "1.19.0", false}, {dnf{}, "1.20.1-1", true}, {dnf{}, "3:29.7-1", true}, {dnf{}, "29.7-1", false},
		{zypper{}, "1.20.1-1", true}, {zypper{}, "1.19.0-1", false},
	} {
		got, err := c.m.offers(t.Context(), j, "lib", c.version)
		assert.NilError(t, err)
		assert.Equal(t, got, c.want, "%T %s", c.m, c.version)
	}
}

func TestHeld(t *testing.T) {
	for manager, c := range map[string]struct {
		said     Result
		held     []string
		patterns []string
		missing  []string
	}{
		"dnf": {said("# Added locks on Fri\nnvidia-driver-3:580.1-1.*\nlibfoo-0:1-1.*\n"), []string{"nvidia-driver-3:580.1-1.*", "libfoo-0:1-1.*"},
			[]string{"nvidia-driver*", "*nvidia*580*", "libfoo"}, []string{"nvidia-kmod"}},
		"zypper": {said("\n# | Name     | Type    | Repository | Comment\n--+----------+---------+------------+--------\n1 | nvidia-* | package | (any)      | \n"), []string{"nvidia-*"},
			[]string{"nvidia-*", "cuda-drivers*"}, []string{"cuda-drivers*"}},
	} {
		h := holdOp{&setup.Hold{Manager: manager, Packages: c.patterns}}
		j := on(t, saying{manager + " -": c.said, "rpm -qa": said("nvidia-driver\t3:580.1-1\nnvidia-kmod\t580.1-1\nnvidia-kmod2\t570.1-1\nlibfoo\t1-1\n")}, step("hold", setup.Op{Hold: h.Hold}))
		held, err := h.held(t.Context(), j)
		assert.NilError(t, err)
		assert.DeepEqual(t, held, c.held)
		missing, err := h.missing(t.Context(), j, held)
		assert.NilError(t, err)
		assert.DeepEqual(t, missing, c.missing)
	}
	j := on(t, saying{"dnf": {Code: 1, Err: []byte("No such command: versionlock. Please use /usr/bin/dnf --help")}})
	_, err := holdOp{&setup.Hold{Manager: "dnf"}}.held(t.Context(), j)
	assert.ErrorContains(t, err, "install python3-dnf-plugin-versionlock")
}

// TestBrokenSourceOfOthers has the lists fail: what is installed comes from elsewhere, and
// if that fails too, both are said.
func TestBrokenSourceOfOthers(t *testing.T) {
	w := newWorld(t, killFiles())
	w.programs().fail = "update"
	s := step("p", setup.Op{Packages: &setup.Packages{Manager: "apt", Refresh: true, Install: []setup.Package{{Name: "toolkit"}}}})
	w.apply(t, s)
	assert.Assert(t, w.said("E: it failed"))
	w = newWorld(t, killFiles())
	w.programs().fail = "update"
	s.Op.Packages.Install[0].Version = "9"
	_, err := w.Apply(t.Context(), "20261127-050000", plan(s))
	assert.ErrorContains(t, err, "Version '9' for 'toolkit' was not found")
	assert.ErrorContains(t, err, "E: it failed")
}

func TestPackageFiles(t *testing.T) {
	deb := func(name, version, provides, depends string) Result {
		return said(name + "\t" + version + "\t" + provides + "\t" + depends + "\n")
	}
	s := saying{"--print-architecture": said("amd64\n"), "dpkg-query": said("libc6\tamd64\t2.36\tinstalled\tok\nbase\tamd64\t2\tinstalled\tok\n"), "showauto": said(""),
		"/toolkit_2.deb": deb("toolkit", "2", "", "base (= 2), tools:any (>= 1) | other, virtual, exact (= 1-1), libc6 (>= 2)"),
		"/toolkit_1.deb": deb("toolkit", "1", "", ""), "/tools_1.deb": deb("tools", "1", "", "deep, "), "/deep_1.deb": deb("deep", "1", "", ""),
		"/tools_10.deb": deb("tools", "10", "", "deep"), "/exact_9.deb": deb("exact", "9", "", ""), "/exact_1.deb": deb("exact", "1-1", "", ""),
		"/real_1.deb": deb("real", "1", "virtual (= 1), x", ""), "/other_1.deb": deb("other", "1", "", ""), "/base_2.deb": deb("base", "2", "", "")}
	j := on(t, s)
	w := &world{root: j.Root}
	for name := range s {
		if strings.HasPrefix(name, "/") {
			w.write(t, "media/debs"+name, "")
		}
	}
	w.write(t, "media/debs/README", "")
	p := packagesOp{&setup.Packages{Manager: "apt", Dir: "/media/debs", Install: []setup.Package{{Name: "toolkit", Version: "2"}}}}
	files, err := packageFiles(t.Context(), j, p)
	assert.NilError(t, err)
	assert.DeepEqual(t, files, []string{"/media/debs/toolkit_2.deb", "/media/debs/tools_10.deb", "/media/debs/real_1.deb", "/media/debs/exact_1.deb", "/media/debs/deep_1.deb"})
	p.Install[0].Version = "3"
	_, err = packageFiles(t.Context(), j, p)
	assert.ErrorContains(t, err, "/media/debs has no package file of toolkit 3")
}

func TestCompareVersions(t *testing.T) {
	order := []string{"1.0~rc1", "1.0", "1.0-1", "1.0-1+b1", "1.2", "1.10", "1.19.0-1", "1.20.1-1", "2", "1:0.1", "5:29.7.2-1~debian.12~bookworm", "5:29.10.0-1~debian.12~bookworm"}
	for i, a := range order {
		for k, b := range order {
			assert.Equal(t, compareVersions(a, b), cmp.Compare(i, k), "%s %s", a, b)
		}
	}
	assert.Equal(t, compareVersions("1.01", "1.1"), 0)
}
