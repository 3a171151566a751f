//go:build e2e

package setup

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/setup"
	"github.com/dockergpu/docker-gpu/hostsetup/setup/apply"
)

// rpm builds a package of a repository and signs it.
func (r *repository) rpm(t *testing.T, p pack) {
	t.Helper()
	top := t.TempDir()
	version, release, _ := strings.Cut(p.version, "-")
	spec := fmt.Sprintf("Name: %s\nVersion: %s\nRelease: %s\nSummary: stands in for %s\nLicense: none\nBuildArch: noarch\nAutoReqProv: no\n%s\n%%description\nnone\n%%install\n",
		p.name, version, release, p.name, p.control)
	list := "%files\n"
	for name, content := range p.files {
		source := filepath.Join(top, "source", name)
		assert.NilError(t, os.MkdirAll(filepath.Dir(source), 0o755))
		assert.NilError(t, os.WriteFile(source, []byte(content), mode(name)))
		spec += fmt.Sprintf("install -D -m %04o %s %%{buildroot}%s\n", mode(name), source, name)
		if strings.HasPrefix(name, "/etc/") {
			list += "%dir " + filepath.Dir(name) + "\n%config(noreplace) "
		}
		list += name + "\n"
	}
	for section, content := range p.scripts {
		spec += "%" + section + "\n" + content
	}
	assert.NilError(t, os.WriteFile(filepath.Join(top, "spec"), []byte(spec+list), 0o644))
	run(t, "rpmbuild", "--quiet", "-bb", "--define", "_topdir "+top, "--define", "_rpmdir "+r.dir, "--define", "_rpmfilename %%{NAME}-%%{VERSION}-%%{RELEASE}.rpm", filepath.Join(top, "spec"))
	r.sign(t, filepath.Join(r.dir, fmt.Sprintf("%s-%s.rpm", p.name, p.version)))
}

// sign signs a package by rpm's own tool, with gpg in a home of its own.
func (r *repository) sign(t *testing.T, file string) {
	t.Helper()
	home := filepath.Join(filepath.Dir(r.dir), "gnupg")
	if _, err := os.Stat(home); err != nil {
		assert.NilError(t, os.Mkdir(home, 0o700))
		var key bytes.Buffer
		w, err := armor.Encode(&key, openpgp.PrivateKeyType, nil)
		assert.NilError(t, err)
		assert.NilError(t, r.key.SerializePrivate(w, nil))
		assert.NilError(t, w.Close())
		gpg := exec.Command("gpg", "--homedir", home, "--batch", "--quiet", "--import")
		gpg.Stdin = &key
		out, err := gpg.CombinedOutput()
		assert.NilError(t, err, "%s", out)
		t.Cleanup(func() { _ = exec.Command("gpgconf", "--homedir", home, "--kill", "all").Run() })
	}
	database := t.TempDir()
	run(t, "rpmkeys", "--define", "_dbpath "+database, "--import", filepath.Join(r.dir, "gpgkey"))
	// Now and then rpm refuses a signature that its own rpmsign just made:
	// each is checked as dnf and zypper will, and made again with another time in it, which gives another signature.
	for range 5 {
		run(t, "rpmsign", "--define", "_gpg_path "+home, "--define", "__gpg /usr/bin/gpg", "--define", "_gpg_name packages@example.com", "--resign", file)
		out, err := exec.Command("rpmkeys", "--define", "_dbpath "+database, "--checksig", file).CombinedOutput()
		if err == nil {
			return
		}
		t.Logf("rpm refuses the signature that it made, once more: %s", out)
		time.Sleep(1100 * time.Millisecond)
	}
	t.Fatalf("rpm refused five signatures of %s", file)
}

// rpmIndex lists the packages for dnf and zypper, and signs the list.
func (r *repository) rpmIndex(t *testing.T) {
	t.Helper()
	run(t, "createrepo_c", "--quiet", r.dir)
	list, err := os.Open(filepath.Join(r.dir, "repodata/repomd.xml"))
	assert.NilError(t, err)
	defer list.Close()
	var signed bytes.Buffer
	assert.NilError(t, openpgp.ArmoredDetachSign(&signed, r.key, list, nil))
	r.write(t, "repodata/repomd.xml.asc", signed.String())
	key, err := os.ReadFile(filepath.Join(r.dir, "gpgkey"))
	assert.NilError(t, err)
	r.write(t, "repodata/repomd.xml.key", string(key))
}

// rpms are the toolkit in two versions, a driver, and an engine that takes another's place.
func rpms(t *testing.T, r *repository) {
	t.Helper()
	for _, v := range []string{oldVersion, newVersion} {
		r.rpm(t, pack{name: "libnvidia-container1", version: v, files: map[string]string{"/usr/lib64/libnvidia-container.so.1": v}})
		r.rpm(t, pack{name: "nvidia-container-toolkit-base", version: v, files: map[string]string{"/usr/bin/nvidia-ctk": ctk, "/usr/bin/nvidia-cdi-hook": v, "/etc/nvidia-container-runtime/config.toml": "# " + v + "\n"}})
		r.rpm(t, pack{name: "nvidia-container-toolkit", version: v, control: fmt.Sprintf("Requires: nvidia-container-toolkit-base = %s\nRequires: libnvidia-container1 = %s\nRecommends: bloat\n", v, v),
			files: map[string]string{"/usr/bin/nvidia-container-runtime": v}})
	}
	r.rpm(t, pack{name: "bloat", version: "1-1", files: map[string]string{"/usr/share/bloat": "x"}})
	r.rpm(t, pack{name: "docker-ce", version: "29.7.2-1", control: "Epoch: 3\nConflicts: runc\n", files: map[string]string{"/usr/bin/dockerd": "29"}})
	r.rpm(t, pack{name: "runc", version: "1.1-1", files: map[string]string{"/usr/bin/runc": "1.1", "/etc/runc/runc.conf": "as it comes"}})
	r.rpm(t, pack{name: "kernel-devel", version: "6.1-1", control: "Provides: installonlypkg(kernel)\n", files: map[string]string{"/usr/src/6.1": "x"}})
	r.rpm(t, pack{name: "kernel-devel", version: "6.2-1", control: "Provides: installonlypkg(kernel)\n", files: map[string]string{"/usr/src/6.2": "x"}})
	r.rpmIndex(t)
}

const repoFile = "[%s]\nname=%s\nbaseurl=%s\nenabled=1\ngpgcheck=1\nrepo_gpgcheck=%d\n"

// suse and redHat are where the two keep their sources and keys.
type family struct{ manager, repos, key string }

func families() []family {
	return []family{{"dnf", "/etc/yum.repos.d/", "/etc/pki/rpm-gpg/RPM-GPG-KEY-toolkit"}, {"zypper", "/etc/zypp/repos.d/", ""}}
}

// source are the steps that name the repository.
func (f family) source(r *repository) []setup.Step {
	op := r.keyOp(f.key)
	op.Key.RPM = f.key == ""
	text := fmt.Sprintf(repoFile, "toolkit", "toolkit", r.url, 1)
	if f.key != "" {
		text += "gpgkey=file://" + f.key + "\n"
	}
	return []setup.Step{step("toolkit/key", op), step("toolkit/source", file(f.repos+"toolkit.repo", text))}
}

func (f family) packages(remove []string, install ...string) setup.Op {
	op := aptPackages(remove, install...)
	op.Packages.Manager = f.manager
	return op
}

func (f family) plan(r *repository) *setup.Plan {
	return planOf(append(f.source(r),
		step("docker/packages", f.packages([]string{"runc"}, "docker-ce")),
		step("toolkit/packages", f.packages(nil, "nvidia-container-toolkit="+newVersion, "nvidia-container-toolkit-base="+newVersion, "libnvidia-container1="+newVersion)),
		step("driver/kernel", f.packages(nil, "kernel-devel=6.2-1")),
		step("runtime/cdi", setup.Op{CDI: &setup.CDI{Output: "/etc/cdi/nvidia.yaml", Tool: "/usr/bin/nvidia-ctk"}}),
		step("hold/hold", setup.Op{Hold: &setup.Hold{Manager: f.manager, Packages: []string{"nvidia-*", "libnvidia-container1"}}}))...)
}

// redHat is a machine whose root is dnf's or zypper's, with an older library, another
// engine's runtime and a file of configuration that somebody has changed.
func rpmMachine(t *testing.T, f family, r *repository) *machine {
	t.Helper()
	m := newMachine(t, "rpm", r)
	m.write(t, "/etc/dnf/vars/releasever", "9")
	for _, dir := range []string{"/etc/yum.repos.d", "/etc/zypp/repos.d", "/etc/pki/rpm-gpg"} {
		assert.NilError(t, os.MkdirAll(filepath.Join(m.Root, dir), 0o755))
	}
	key, err := os.ReadFile(filepath.Join(r.dir, "gpgkey"))
	assert.NilError(t, err)
	m.write(t, "/etc/pki/rpm-gpg/base", string(key))
	m.write(t, f.repos+"base.repo", fmt.Sprintf(repoFile, "base", "base", r.url+"/base", 0)+"gpgkey=file:///etc/pki/rpm-gpg/base\n")
	m.chroot(t, "rpm", "--import", "/etc/pki/rpm-gpg/base")
	install := []string{"dnf", "-q", "-y", "install"}
	if f.manager == "zypper" {
		install = []string{"zypper", "-q", "--non-interactive", "install"}
	}
	between := map[string]string{"dnf": "-", "zypper": "="}[f.manager]
	m.chroot(t, append(install, "libnvidia-container1"+between+oldVersion, "runc", "kernel-devel"+between+"6.1-1")...)
	m.write(t, "/etc/runc/runc.conf", "changed by somebody")
	if f.manager == "zypper" {
		// The base's key is there; the plan's is another one's, so that its import shows.
		m.chroot(t, "rpm", "-e", "--allmatches", "gpg-pubkey")
	}
	return m
}

// rpmPackages are what rpm knows, and what is held.
func (m *machine) rpmPackages(t *testing.T, f family) string {
	t.Helper()
	lines := strings.Split(m.chroot(t, "rpm", "-qa"), "\n")
	slices.Sort(lines)
	locks := []string{"dnf", "-q", "versionlock", "list"}
	if f.manager == "zypper" {
		locks = []string{"zypper", "-q", "locks"}
	}
	return strings.Join(lines, "\n") + m.chroot(t, locks...)
}

func TestRPMThereAndBack(t *testing.T) {
	r := newRepository(t)
	rpms(t, r)
	for _, f := range families() {
		t.Run(f.manager, func(t *testing.T) {
			m := rpmMachine(t, f, r)
			before, packages := m.state(t), m.rpmPackages(t, f)
			ran, err := m.Apply(t.Context(), m.id, f.plan(r))
			assert.NilError(t, err)
			assert.Assert(t, ran)
			assert.Equal(t, m.read(t, "/usr/bin/dockerd"), "29")
			assert.Equal(t, m.read(t, "/usr/lib64/libnvidia-container.so.1"), newVersion)
			assert.Assert(t, m.there("/usr/src/6.2"))
			assert.Assert(t, m.there("/usr/src/6.1") || f.manager == "zypper", "dnf has kernels stand beside each other")
			assert.Assert(t, !m.there("/usr/bin/runc") && !m.there("/usr/share/bloat"))
			assert.Assert(t, strings.Contains(m.rpmPackages(t, f), "nvidia-*") || strings.Contains(m.rpmPackages(t, f), "nvidia-container-toolkit-base-0:"))

			after := m.state(t)
			again, err := m.Apply(t.Context(), "20261127-060000", f.plan(r))
			assert.NilError(t, err)
			assert.Assert(t, !again, "a second time there is nothing to do")
			same(t, m.state(t), after)

			assert.NilError(t, m.Keep(t.Context(), m.id))
			assert.NilError(t, m.Rollback(t.Context(), m.id, apply.Back{}))
			assert.Equal(t, m.rpmPackages(t, f), packages)
			same(t, m.state(t), before)
		})
	}
}

// TestRPMRefusesWhatNobodySigned has a package and a list of packages without a signature.
func TestRPMRefusesWhatNobodySigned(t *testing.T) {
	for _, f := range families() {
		t.Run(f.manager, func(t *testing.T) {
			r := newRepository(t)
			rpms(t, r)
			m := rpmMachine(t, f, r)
			before, packages := m.state(t), m.rpmPackages(t, f)
			signature, err := os.ReadFile(filepath.Join(r.dir, "repodata/repomd.xml.asc"))
			assert.NilError(t, err)
			run(t, "rpmsign", "--delsign", filepath.Join(r.dir, "docker-ce-29.7.2-1.rpm"))
			run(t, "createrepo_c", "--quiet", r.dir)
			r.write(t, "repodata/repomd.xml.asc", string(signature))
			_, err = m.Apply(t.Context(), m.id, f.plan(r))
			assert.ErrorContains(t, err, "docker/packages")
			assert.Assert(t, !m.there("/usr/bin/dockerd"))
			assert.NilError(t, m.Rollback(t.Context(), m.id, apply.Back{}))
			assert.Equal(t, m.rpmPackages(t, f), packages)
			same(t, m.state(t), before)
		})
	}
}

// TestRPMOffline installs from files, without any source.
func TestRPMOffline(t *testing.T) {
	r := newRepository(t)
	rpms(t, r)
	for _, f := range families() {
		t.Run(f.manager, func(t *testing.T) {
			m := rpmMachine(t, f, r)
			assert.NilError(t, os.Remove(filepath.Join(m.Root, f.repos, "base.repo")))
			m.chroot(t, "rpm", "-e", "libnvidia-container1")
			run(t, "cp", "-r", r.dir, filepath.Join(m.Root, "media"))
			before, packages := m.state(t), m.rpmPackages(t, f)
			op := f.packages(nil, "nvidia-container-toolkit="+newVersion)
			op.Packages.Dir = "/media/" + filepath.Base(r.dir)
			_, err := m.Apply(t.Context(), m.id, planOf(step("toolkit/packages", op)))
			assert.NilError(t, err)
			assert.Equal(t, m.read(t, "/usr/lib64/libnvidia-container.so.1"), newVersion)
			assert.Assert(t, !m.there("/usr/share/bloat"))
			assert.NilError(t, m.Rollback(t.Context(), m.id, apply.Back{}))
			assert.Equal(t, m.rpmPackages(t, f), packages)
			same(t, m.state(t), before)
		})
	}
}
