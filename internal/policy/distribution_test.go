package policy

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

func TestDistributions(t *testing.T) {
	seen := map[string]bool{}
	for _, d := range Distributions() {
		key := d.ID + " " + d.Version
		assert.Assert(t, !seen[key], "%s is there twice", key)
		seen[key] = true
		assert.Assert(t, d.Source != "" && day.MatchString(d.Date), key)
		assert.Assert(t, d.Docker != "" || len(d.Own) > 0, "%s has no Docker at all", key)
		m := Manager(d.ID, "")
		assert.Assert(t, m != "", key)
		// apt names suites in Docker's repository, and only Ubuntu has modules by kernel.
		assert.Equal(t, d.Codename != "", m == "apt", key)
		assert.Equal(t, d.Kernel != "", d.ID == "ubuntu", key)
	}
	for _, c := range []struct{ id, version, cuda, docker string }{
		{"ubuntu", "24.04", "ubuntu2404", "ubuntu"}, {"debian", "13", "debian13", "debian"}, {"rhel", "9.6", "rhel9", "rhel"}, {"rocky", "9.6", "rhel9", "rhel"},
		{"fedora", "44", "fedora44", "fedora"}, {"amzn", "2023", "amzn2023", ""}, {"sles", "15.7", "sles15", ""}, {"opensuse-tumbleweed", "20261120", "", ""},
	} {
		d, ok := DistributionOf(c.id, c.version)
		assert.Assert(t, ok, c.id)
		assert.Equal(t, d.CUDA, c.cuda, c.id)
		assert.Equal(t, d.Docker, c.docker, c.id)
	}
	for _, c := range [][2]string{{"ubuntu", "24.10"}, {"ubuntu", "24"}, {"debian", "1"}, {"rhel", "99"}, {"amzn", "2"}, {"", ""}, {"arch", ""}} {
		_, ok := DistributionOf(c[0], c[1])
		assert.Assert(t, !ok, "%v", c)
	}
}

func TestManager(t *testing.T) {
	for _, c := range []struct{ id, like, want string }{
		{"ubuntu", "debian", "apt"}, {"linuxmint", "ubuntu debian", "apt"}, {"rocky", "rhel centos fedora", "dnf"}, {"amzn", "fedora", "dnf"},
		{"opensuse-leap", "suse opensuse", "zypper"}, {"arch", "", ""}, {"nixos", "", ""}, {"", "", ""},
	} {
		assert.Equal(t, Manager(c.id, c.like), c.want, c.id)
	}
}

// A branch that Ubuntu has is one that is known, and the tables that go together agree.
func TestUbuntuBranches(t *testing.T) {
	for _, n := range UbuntuBranches() {
		b, ok := LookupBranch(n)
		assert.Assert(t, ok && !b.Ended, "%d", n)
	}
	a, ok := DriverFor(Hopper, Hopper)
	assert.Assert(t, ok && slices.Contains(UbuntuBranches(), a.Branch))
	a, ok = DriverFor(Pascal, Pascal)
	assert.Assert(t, ok && slices.Contains(UbuntuBranches(), a.Branch))
	assert.Assert(t, slices.Contains(UbuntuFlavours(), "generic"))
}

var fingerprint = regexp.MustCompile(`^[0-9A-F]{40}$`)

func TestSigningKeys(t *testing.T) {
	seen := map[string]bool{}
	for _, k := range SigningKeys() {
		assert.Assert(t, !seen[k.ID], k.ID)
		seen[k.ID] = true
		assert.Assert(t, k.Source != "" && day.MatchString(k.Date), k.ID)
		assert.Assert(t, strings.HasPrefix(k.URL, "https://") || strings.HasPrefix(k.ID, "cuda-") && strings.HasSuffix(k.URL, ".pub"), k.URL)
		for _, f := range k.Fingerprints {
			assert.Assert(t, fingerprint.MatchString(f) && !seen[f], f)
			seen[f] = true
			// NVIDIA names the files of its keys by their last digits.
			if name, ok := strings.CutSuffix(k.URL, ".pub"); ok {
				assert.Assert(t, strings.HasSuffix(f, strings.ToUpper(name)), "%s is not %s", f, name)
			}
		}
		got, ok := KeyOf(k.ID)
		assert.Assert(t, ok && got.URL == k.URL)
	}
	_, ok := KeyOf("nobody")
	assert.Assert(t, !ok)
	for _, r := range []string{CUDARepositories, ToolkitRepository, DockerRepository} {
		assert.Assert(t, strings.HasPrefix(r, "https://") && strings.HasSuffix(r, "/"), r)
	}
}

func TestPackagesOfDocker(t *testing.T) {
	for _, name := range DockerConflicts() {
		assert.Assert(t, !slices.Contains(DockerPackages(), name), name)
	}
	for _, d := range Distributions() { // what a distribution brings is in the way of Docker's own
		for _, name := range d.Own {
			assert.Assert(t, d.Docker == "" || slices.Contains(DockerConflicts(), name), "%s %s", d.ID, name)
		}
	}
	for _, c := range []struct{ manager, want string }{{"apt", "nvidia-fabricmanager-580"}, {"dnf", "nvidia-fabric-manager"}, {"zypper", "nvidia-fabricmanager"}, {"", ""}} {
		assert.Equal(t, FabricPackage(c.manager, 580), c.want)
	}
}

func TestEngineValidates(t *testing.T) {
	for version, want := range map[string]bool{"20.10.24+dfsg1": false, "23.0": true, "29.7.2": true, "2.0.0-beta.24": true, "dev": true, "1.13.1": false, "": true} {
		assert.Equal(t, EngineValidates(version), want, version)
	}
	assert.Equal(t, EngineOf(EngineNewest()).CDI, "default")
	assert.Assert(t, EngineOf(EngineNewest()).GPUsByCDI)
}
