package setup

import (
	"testing"

	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

func withPackages(names ...string) *host.Host {
	h := &host.Host{OS: host.OS{ID: "ubuntu", Like: "debian", Version: "24.04"}}
	for _, n := range names {
		h.Packages = append(h.Packages, host.Package{Name: n, Version: "580.95.05-0ubuntu0.24.04.1"})
	}
	return h
}

// What goes when the archive's driver changes: all of the other series, and of the same one
// the other kind of module only.
func TestOtherSeries(t *testing.T) {
	h := withPackages("libnvidia-cfg1-570-server", "libnvidia-compute-570-server", "linux-modules-nvidia-570-server-open-6.8.0-87-generic", "linux-modules-nvidia-570-server-open-generic",
		"linux-objects-nvidia-570-server-open-6.8.0-87-generic", "nvidia-compute-utils-570-server", "nvidia-fabricmanager-570", "nvidia-firmware-570-server-570.86.15",
		"nvidia-headless-no-dkms-570-server-open", "nvidia-kernel-common-570-server", "nvidia-kernel-source-570-server-open", "nvidia-settings", "nvidia-container-toolkit")
	assert.DeepEqual(t, otherSeries(h, "580-server", true), []string{"libnvidia-cfg1-570-server", "libnvidia-compute-570-server", "linux-modules-nvidia-570-server-open-6.8.0-87-generic",
		"linux-modules-nvidia-570-server-open-generic", "linux-objects-nvidia-570-server-open-6.8.0-87-generic", "nvidia-compute-utils-570-server", "nvidia-fabricmanager-570",
		"nvidia-firmware-570-server-570.86.15", "nvidia-headless-no-dkms-570-server-open", "nvidia-kernel-common-570-server", "nvidia-kernel-source-570-server-open"})

	h = withPackages("libnvidia-compute-580-server", "linux-modules-nvidia-580-server-6.8.0-87-generic", "nvidia-fabricmanager-580", "libnvidia-nscq-580", "nvidia-headless-no-dkms-580-server",
		"nvidia-kernel-common-580-server", "nvidia-kernel-source-580-server", "nvidia-utils-580-server")
	assert.DeepEqual(t, otherSeries(h, "580-server", true), []string{"linux-modules-nvidia-580-server-6.8.0-87-generic", "nvidia-headless-no-dkms-580-server", "nvidia-kernel-source-580-server"})

	h = withPackages("libnvidia-compute-580", "nvidia-driver-580-open", "nvidia-utils-580")
	assert.DeepEqual(t, otherSeries(h, "580-server", true), []string{"libnvidia-compute-580", "nvidia-driver-580-open", "nvidia-utils-580"})
	assert.Equal(t, len(otherSeries(h, "580", true)), 0)
}

func TestOrigin(t *testing.T) {
	repository := []host.Repository{{File: "/etc/apt/sources.list.d/cuda.list", URI: "https://developer.download.nvidia.com/compute/cuda/repos/debian12/x86_64/"}}
	for name, c := range map[string]struct {
		os           host.OS
		packages     []host.Package
		repositories []host.Repository
		want, fails  string
	}{
		"none":                    {os: host.OS{ID: "ubuntu", Like: "debian"}, packages: []host.Package{{Name: "docker-ce", Version: "1"}, {Name: "nvidia-container-toolkit", Version: "1"}}},
		"tools of any":            {os: host.OS{ID: "ubuntu", Like: "debian"}, packages: []host.Package{{Name: "nvidia-settings", Version: "510.47.03-0ubuntu4"}}},
		"ubuntu":                  {os: host.OS{ID: "ubuntu", Like: "debian"}, packages: []host.Package{{Name: "nvidia-driver-580-open", Version: "580.95.05-0ubuntu0.24.04.1"}}, want: fromUbuntu},
		"ubuntu's newest":         {os: host.OS{ID: "ubuntu", Like: "debian"}, packages: []host.Package{{Name: "nvidia-driver-580-open", Version: "580.95.05-0ubuntu1"}}, want: fromUbuntu},
		"nvidia's in ubuntu":      {os: host.OS{ID: "ubuntu", Like: "debian"}, packages: []host.Package{{Name: "libnvidia-compute", Version: "595.71.05-1ubuntu1"}}, want: fromNVIDIA},
		"nvidia's older":          {os: host.OS{ID: "ubuntu", Like: "debian"}, packages: []host.Package{{Name: "nvidia-driver-580-open", Version: "580.95.05-0ubuntu1"}}, repositories: repository, want: fromNVIDIA},
		"debian":                  {os: host.OS{ID: "debian"}, packages: []host.Package{{Name: "nvidia-driver", Version: "535.247.01-1~deb12u1"}}, fails: "from Debian (nvidia-driver)"},
		"debian's newest":         {os: host.OS{ID: "debian"}, packages: []host.Package{{Name: "nvidia-kernel-dkms", Version: "550.163.01-2"}}, fails: "from Debian (nvidia-kernel-dkms)"},
		"debian's and nvidia's":   {os: host.OS{ID: "debian"}, packages: []host.Package{{Name: "nvidia-smi", Version: "535.247.01-1~deb12u1"}, {Name: "nvidia-open", Version: "580.95.05-1"}}, fails: "two origins"},
		"nvidia's in debian":      {os: host.OS{ID: "debian"}, packages: []host.Package{{Name: "nvidia-kernel-open-dkms", Version: "580.95.05-1"}}, repositories: repository, want: fromNVIDIA},
		"nvidia's in red hat":     {os: host.OS{ID: "rhel", Like: "fedora"}, packages: []host.Package{{Name: "kmod-nvidia-open-dkms", Version: "3:580.95.05-1.el9"}}, want: fromNVIDIA},
		"rpm fusion":              {os: host.OS{ID: "fedora"}, packages: []host.Package{{Name: "akmod-nvidia", Version: "3:595.71.05-1.fc44"}}, fails: "from RPM Fusion (akmod-nvidia)"},
		"suse":                    {os: host.OS{ID: "sles", Like: "suse"}, packages: []host.Package{{Name: "nvidia-open-driver-G06-signed-kmp-default", Version: "580.95.05_k6.4.0-1"}}, fails: "from SUSE"},
		"nvidia's in suse":        {os: host.OS{ID: "sles", Like: "suse"}, packages: []host.Package{{Name: "nvidia-open", Version: "580.95.05-1"}}, want: fromNVIDIA},
		"a pin":                   {os: host.OS{ID: "debian"}, packages: []host.Package{{Name: "nvidia-driver-pinning-580", Version: "580-1"}}, want: fromNVIDIA},
		"ubuntu and the other's":  {os: host.OS{ID: "ubuntu", Like: "debian"}, packages: []host.Package{{Name: "linux-modules-nvidia-580-open-generic", Version: "6.8.0-87.88"}, {Name: "cuda-drivers", Version: "595.71.05-1"}}, fails: "two origins"},
		"a name that is not ours": {os: host.OS{ID: "ubuntu", Like: "debian"}, packages: []host.Package{{Name: "nvidia-docker2", Version: "2.13.0-1"}, {Name: "cuda-keyring", Version: "1.1-1"}}},
	} {
		t.Run(name, func(t *testing.T) {
			from, err := origin(&host.Host{OS: c.os, Packages: c.packages, Toolkit: host.Toolkit{Repositories: c.repositories}})
			if c.fails != "" {
				assert.ErrorContains(t, err, c.fails)
				return
			}
			assert.NilError(t, err)
			assert.Equal(t, from, c.want)
		})
	}
}

// Modules are asked for by the kernel's name, and by the flavour's for kernels to come.
func TestUbuntuPackages(t *testing.T) {
	for name, c := range map[string]struct {
		version, running, next string
		class                  string
		want                   []string
	}{
		"server":       {"24.04", "6.8.0-87-generic", "6.8.0-87-generic", "0302", []string{"linux-modules-nvidia-580-server-open-6.8.0-87-generic", "linux-modules-nvidia-580-server-open-generic", "nvidia-headless-no-dkms-580-server-open", "nvidia-utils-580-server"}},
		"two kernels":  {"22.04", "5.15.0-160-generic", "6.8.0-87-generic", "0302", []string{"linux-modules-nvidia-580-server-open-5.15.0-160-generic", "linux-modules-nvidia-580-server-open-generic", "linux-modules-nvidia-580-server-open-6.8.0-87-generic", "linux-modules-nvidia-580-server-open-generic-hwe-22.04", "nvidia-headless-no-dkms-580-server-open", "nvidia-utils-580-server"}},
		"desktop, hwe": {"24.04", "6.17.0-40-generic", "", "0300", []string{"linux-modules-nvidia-580-open-6.17.0-40-generic", "linux-modules-nvidia-580-open-generic-hwe-24.04", "nvidia-driver-580-open"}},
		"cloud":        {"24.04", "6.14.0-1018-aws", "6.14.0-1018-aws", "0302", []string{"linux-modules-nvidia-580-server-open-6.14.0-1018-aws", "linux-modules-nvidia-580-server-open-aws", "nvidia-headless-no-dkms-580-server-open", "nvidia-utils-580-server"}},
		"64k pages":    {"24.04", "6.8.0-87-generic-64k", "", "0302", []string{"linux-modules-nvidia-580-server-open-6.8.0-87-generic-64k", "linux-modules-nvidia-580-server-open-generic-64k", "nvidia-headless-no-dkms-580-server-open", "nvidia-utils-580-server"}},
		"own kernel":   {"24.04", "6.18.2-own", "6.8.0-87-generic", "0302", []string{"nvidia-dkms-580-server-open", "linux-headers-6.18.2-own", "linux-headers-6.8.0-87-generic", "nvidia-headless-no-dkms-580-server-open", "nvidia-utils-580-server"}},
	} {
		t.Run(name, func(t *testing.T) {
			h := &host.Host{Local: true, Arch: "amd64", OS: host.OS{ID: "ubuntu", Like: "debian", Version: c.version}, Kernel: host.Kernel{Release: c.running, NextBoot: c.next},
				PCI: []host.PCI{{Vendor: "10de", Device: "2684", Class: c.class}}}
			plan, err := Make(h, Wishes{Only: []Part{DriverPart}}, plannedAt())
			assert.NilError(t, err)
			var got []string
			for _, q := range plan.Steps[0].Op.Packages.Install {
				got = append(got, q.Name)
			}
			assert.DeepEqual(t, got, c.want)
		})
	}
}
