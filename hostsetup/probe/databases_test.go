package probe

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// paragraph is a package as dpkg keeps it: fields in its order, some over several lines.
func paragraph(name, status, version string) string {
	return "Package: " + name + "\nStatus: " + status + "\nPriority: optional\nSection: restricted/admin\nInstalled-Size: 1234\nMaintainer: A <a@example.com>\nArchitecture: amd64\nMulti-Arch: same\n" +
		"Source: nvidia-graphics-drivers\nVersion: " + version + "\nProvides: nvidia-driver-binary\nDepends: libc6 (>= 2.17), docker (= 1)\nConffiles:\n /etc/docker/x 0123456789abcdef\n" +
		"Description: a package\n Package: in the description\n Version: 9.9.9\n .\n Status: hold ok installed\nHomepage: https://example.com\n"
}

// Each distribution's names and versions.
func TestDpkgOfDistributions(t *testing.T) {
	const ok, held = "install ok installed", "hold ok installed"
	for name, c := range map[string]struct {
		paragraphs []string
		want       []host.Package
		toolkit    string
	}{
		"Ubuntu, from its archive": {[]string{
			paragraph("nvidia-headless-no-dkms-580-server-open", ok, "580.105.08-0ubuntu0.24.04.1"), paragraph("linux-modules-nvidia-580-server-open-6.8.0-49-generic", ok, "6.8.0-49.49+1"),
			paragraph("nvidia-utils-580-server", ok, "580.105.08-0ubuntu0.24.04.1"), paragraph("bash", ok, "5.2.21-2ubuntu4"),
			paragraph("nvidia-container-toolkit", ok, "1.20.1-1"), paragraph("docker-ce", ok, "5:29.7.2-1~ubuntu.24.04~noble"),
		}, []host.Package{
			{Name: "docker-ce", Version: "5:29.7.2-1~ubuntu.24.04~noble"}, {Name: "linux-modules-nvidia-580-server-open-6.8.0-49-generic", Version: "6.8.0-49.49+1"},
			{Name: "nvidia-container-toolkit", Version: "1.20.1-1"}, {Name: "nvidia-headless-no-dkms-580-server-open", Version: "580.105.08-0ubuntu0.24.04.1"},
			{Name: "nvidia-utils-580-server", Version: "580.105.08-0ubuntu0.24.04.1"},
		}, "1.20.1"},
		"Debian": {[]string{
			paragraph("nvidia-kernel-dkms", held, "535.183.01-1~deb12u1"), paragraph("libcuda1", held, "535.183.01-1~deb12u1"), paragraph("docker.io", ok, "20.10.24+dfsg1-1+deb12u1+b2"),
			paragraph("containerd", ok, "1.6.20~ds1-1+deb12u1"), paragraph("runc", ok, "1.1.5+ds1-1+deb12u1"), paragraph("dkms", ok, "3.0.10-8+deb12u1"),
		}, []host.Package{
			{Name: "containerd", Version: "1.6.20~ds1-1+deb12u1"}, {Name: "dkms", Version: "3.0.10-8+deb12u1"}, {Name: "docker.io", Version: "20.10.24+dfsg1-1+deb12u1+b2"},
			{Name: "libcuda1", Version: "535.183.01-1~deb12u1", Held: true}, {Name: "nvidia-kernel-dkms", Version: "535.183.01-1~deb12u1", Held: true}, {Name: "runc", Version: "1.1.5+ds1-1+deb12u1"},
		}, ""},
		"NVIDIA's repository": {[]string{
			paragraph("nvidia-open", ok, "580.105.08-1ubuntu1"), paragraph("cuda-keyring", ok, "1.1-1"), paragraph("nvidia-container-toolkit-base", ok, "1.20.0~rc.3-1"), paragraph("nvidia-driver-pinning-580", ok, "580.105.08-1ubuntu1"),
		}, []host.Package{
			{Name: "cuda-keyring", Version: "1.1-1"}, {Name: "nvidia-container-toolkit-base", Version: "1.20.0~rc.3-1"}, {Name: "nvidia-driver-pinning-580", Version: "580.105.08-1ubuntu1"}, {Name: "nvidia-open", Version: "580.105.08-1ubuntu1"},
		}, "1.20.0-rc.3"},
		"states": {[]string{
			paragraph("nvidia-a", "deinstall ok config-files", "1"), paragraph("nvidia-b", "install ok half-installed", "1"), paragraph("nvidia-c", "install ok unpacked", "1"), paragraph("nvidia-d", "install reinstreq installed", "1"),
			paragraph("nvidia-e", "purge ok not-installed", "1"), paragraph("nvidia-f", "", "1"), paragraph("nvidia-g", "installed", "1"), paragraph("nvidia-h", "install ok triggers-pending", "1"),
		}, []host.Package{{Name: "nvidia-d", Version: "1"}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			for _, text := range []string{strings.Join(c.paragraphs, "\n"), strings.Join(c.paragraphs, "\n\n") + "\n\n\n", "\n" + strings.Join(c.paragraphs, "\n")} {
				m := fake(t, files{"var/lib/dpkg/status": text})
				assert.DeepEqual(t, one(t, m, readPackages).Packages, c.want)
				assert.Equal(t, one(t, m, readToolkit).Toolkit.Version, c.toolkit)
			}
		})
	}
}

func TestRPMOfDistributions(t *testing.T) {
	for name, c := range map[string]struct {
		tree files
		out  string
		want []host.Package
	}{
		"RHEL 9 with a module stream": {files{"var/lib/rpm/": ""}, "kmod-nvidia-open-dkms\t3:580.65.06-1.el9\nnvidia-driver-cuda\t3:580.65.06-1.el9\nnvidia-fabric-manager\t(none):580.65.06-1\nglibc\t(none):2.34-1.el9\n",
			[]host.Package{{Name: "kmod-nvidia-open-dkms", Version: "3:580.65.06-1.el9"}, {Name: "nvidia-driver-cuda", Version: "3:580.65.06-1.el9"}, {Name: "nvidia-fabric-manager", Version: "580.65.06-1"}}},
		"Fedora with dnf5's lock": {files{"usr/lib/sysimage/rpm/": "", "etc/dnf/versionlock.toml": "version = \"1.0\"\n[[packages]]\nname = \"*nvidia*\"\n[[packages.conditions]]\nkey = \"evr\"\ncomparator = \"<\"\nvalue = \"3:581\"\n"},
			"akmod-nvidia\t3:580.65.06-1.fc43\nxorg-x11-drv-nvidia-cuda\t3:580.65.06-1.fc43\nmoby-engine\t(none):29.0.0-1.fc43\n",
			[]host.Package{{Name: "akmod-nvidia", Version: "3:580.65.06-1.fc43", Held: true}, {Name: "moby-engine", Version: "29.0.0-1.fc43"}, {Name: "xorg-x11-drv-nvidia-cuda", Version: "3:580.65.06-1.fc43", Held: true}}},
		"SLES with zypper's": {files{"usr/lib/sysimage/rpm/": "", "etc/zypp/locks": "type: package\nmatch_type: glob\nsolvable_name: nvidia-open-driver-G06*\n"},
			"nvidia-open-driver-G06-signed-kmp-default\t(none):580.65.06_k6.4.0_150700.51-1.1\nnvidia-compute-G06\t(none):580.65.06-1.1\ndocker\t(none):28.5.1_ce-1\n",
			[]host.Package{{Name: "docker", Version: "28.5.1_ce-1"}, {Name: "nvidia-compute-G06", Version: "580.65.06-1.1"}, {Name: "nvidia-open-driver-G06-signed-kmp-default", Version: "580.65.06_k6.4.0_150700.51-1.1", Held: true}}},
		"an ostree": {files{"usr/share/rpm/": ""}, "docker-ce\t3:29.7.2-1.fc43\n", []host.Package{{Name: "docker-ce", Version: "3:29.7.2-1.fc43"}}},
		"nonsense":  {files{"var/lib/rpm/": ""}, "error: rpmdb: damaged\nnvidia\n\t\n\x00\n", nil},
	} {
		t.Run(name, func(t *testing.T) {
			m := fake(t, c.tree)
			m.run = func(_ context.Context, name string, args ...string) ([]byte, error) {
				assert.Equal(t, name, "rpm")
				return []byte(c.out), nil
			}
			h := one(t, m, readPackages)
			assert.DeepEqual(t, h.Packages, c.want)
		})
	}
}

func TestManyPackagesOfRPM(t *testing.T) {
	m := fake(t, files{"var/lib/rpm/": ""})
	m.run = func(context.Context, string, ...string) ([]byte, error) {
		return []byte(strings.Repeat("nvidia-x\t(none):1-1\n", 2*mostPackages)), fmt.Errorf("%w (more than 16 MiB of output)", errLarge)
	}
	h := one(t, m, readPackages)
	assert.Equal(t, len(h.Packages), mostPackages)
	assert.Equal(t, h.Unread["it"], "rpm's list of packages cannot be read: it is too large (more than 16 MiB of output)")
}

// A machine may have both, as one with alien or a container's tools has; what fails of one
// leaves the other.
func TestBothDatabases(t *testing.T) {
	m := fake(t, files{"var/lib/dpkg/status": paragraph("nvidia-open", "install ok installed", "580.105.08-1"), "var/lib/rpm/": ""})
	m.run = func(context.Context, string, ...string) ([]byte, error) { return nil, errors.New("exit status 1") }
	h := one(t, m, readPackages)
	assert.DeepEqual(t, h.Packages, []host.Package{{Name: "nvidia-open", Version: "580.105.08-1"}})
	assert.Equal(t, h.Unread["it"], "rpm's list of packages cannot be read: exit status 1")
	m.run = func(context.Context, string, ...string) ([]byte, error) { return nil, exec.ErrNotFound }
	m.once()
	assert.Equal(t, len(one(t, m, readPackages).Packages), 1)
}

func TestVersionsOfPackages(t *testing.T) {
	p := packages{[]host.Package{{Name: "a", Version: "1:2.0-1"}, {Name: "b", Version: "3.1~rc.2-1ubuntu1"}}}
	assert.Equal(t, p.version("a"), "2.0")
	assert.Equal(t, p.version("none", "b"), "3.1-rc.2")
	assert.Equal(t, p.version("none"), "")
	assert.Equal(t, p.version(), "")
	for in, want := range map[string]string{
		"5:29.7.2-1~ubuntu.24.04~noble": "29.7.2", "1.6.20~ds1-1+deb12u1": "1.6.20-ds1", "20.10.24+dfsg1-1": "20.10.24+dfsg1", "3:580.65.06-1.el9": "580.65.06",
		"a:1-2": "a:1", ":1": ":1", "-": "", "~": "-", "1-2-3": "1",
	} {
		assert.Equal(t, upstream(in), want, in)
	}
}

func FuzzDpkg(f *testing.F) {
	f.Add(paragraph("nvidia-open", "install ok installed", "580.105.08-1"))
	f.Fuzz(func(t *testing.T, text string) {
		found, err := dpkg(folder(t, files{"var/lib/dpkg/status": text}))
		assert.NilError(t, err)
		for _, p := range found {
			if p.Name == "" || len(p.Name)+len(p.Version) > 1024 {
				t.Fatalf("%+v", p)
			}
		}
	})
}
