package probe

import (
	"context"
	"errors"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

func TestDpkg(t *testing.T) {
	const status = `Package: nvidia-driver-580-server
Status: hold ok installed
Priority: optional
Version: 580.65.06-0ubuntu1
Description: NVIDIA driver
 Version: 9.9.9 in a description
Conffiles:
 /etc/x 123

Package: docker-ce
Status: install ok installed
Version: 5:29.7.2-1~ubuntu.24.04~noble

Package: nvidia-settings
Status: deinstall ok config-files
Version: 1.0

Package: bash
Status: install ok installed
Version: 5.2

Package: runc
Status: install ok half-configured
Version: 1.3

Package: libnvidia-container1
Version: 1.20.1-1
Status: install ok installed`
	for _, text := range []string{status, status + "\n", strings.ReplaceAll(status, "\n", "\r\n")} {
		h := one(t, fake(t, files{"var/lib/dpkg/status": text}), readPackages)
		assert.DeepEqual(t, h.Packages, []host.Package{
			{Name: "docker-ce", Version: "5:29.7.2-1~ubuntu.24.04~noble"},
			{Name: "libnvidia-container1", Version: "1.20.1-1"},
			{Name: "nvidia-driver-580-server", Version: "580.65.06-0ubuntu1", Held: true},
		})
		assert.Equal(t, len(h.Unread), 0)
	}
}

func TestDpkgWithHostileContent(t *testing.T) {
	var b strings.Builder
	for range 3 * mostPackages {
		b.WriteString("Package: nvidia-x\nStatus: install ok installed\nVersion: " + strings.Repeat("1", 400) + "\n\n")
	}
	b.WriteString("Package: nvidia-y" + strings.Repeat("y", 1<<20))
	h := one(t, fake(t, files{"var/lib/dpkg/status": b.String()}), readPackages)
	assert.Equal(t, len(h.Packages), mostPackages)
}

func TestRPM(t *testing.T) {
	m := fake(t, files{"usr/lib/sysimage/rpm/": "", "etc/dnf/plugins/versionlock.list": "# x\nnvidia-driver-3:580.65.06-1.el9.*\n!docker-ce-0:29.0-1.*\n\n"})
	m.run = func(_ context.Context, name string, args ...string) ([]byte, error) {
		assert.Equal(t, name, "rpm")
		assert.DeepEqual(t, args[:3], []string{"--root", string(m.root), "-qa"})
		return []byte("nvidia-driver\t3:580.65.06-1.el9\nbash\t(none):5.1-1\ndocker-ce\t(none):29.7.2-1.el9\nrunc\t0:1.3.3-1\nbroken\n"), nil
	}
	h := one(t, m, readPackages)
	assert.DeepEqual(t, h.Packages, []host.Package{
		{Name: "docker-ce", Version: "29.7.2-1.el9"}, {Name: "nvidia-driver", Version: "3:580.65.06-1.el9", Held: true}, {Name: "runc", Version: "1.3.3-1"},
	})
	m.run = func(context.Context, string, ...string) ([]byte, error) { return nil, errors.New("exit status 1") }
	m.once()
	assert.Equal(t, one(t, m, readPackages).Unread["it"], "rpm's list of packages cannot be read: exit status 1")

	// A container has not the program, which is no word on what is installed.
	h = one(t, fake(t, files{"var/lib/rpm/": ""}), readPackages)
	assert.DeepEqual(t, h, host.Host{Unread: map[string]string{"it": "rpm cannot be asked from outside of the machine"}})
	assert.DeepEqual(t, one(t, fake(t, files{"var/lib/rpm/": "", "var/lib/dpkg/status": ""}), readPackages), host.Host{})

	// Debian has the program too, and nothing in its database: it is not asked.
	m = fake(t, nil)
	m.run = func(context.Context, string, ...string) ([]byte, error) { t.Error("rpm was asked"); return nil, nil }
	assert.DeepEqual(t, one(t, m, readPackages), host.Host{})
}

func TestUpstreamVersions(t *testing.T) {
	for in, want := range map[string]string{
		"1.20.1-1": "1.20.1", "1:1.20.1-1": "1.20.1", "1.20.0~rc.1-1": "1.20.0-rc.1", "580.65.06-0ubuntu0.24.04.1": "580.65.06", "": "", "2": "2",
	} {
		assert.Equal(t, upstream(in), want)
	}
}
