package setup

import (
	"testing"

	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

func TestKernelPackages(t *testing.T) {
	for _, c := range []struct {
		id, release string
		want        []string
	}{
		{"rhel", "5.14.0-570.el9.x86_64", []string{"kernel-devel-5.14.0-570.el9.x86_64", "kernel-headers"}},
		{"ol", "5.15.0-309.180.4.el9uek.x86_64", []string{"kernel-uek-devel-5.15.0-309.180.4.el9uek.x86_64", "kernel-headers"}},
		{"ol", "5.14.0-570.el9.x86_64", []string{"kernel-devel-5.14.0-570.el9.x86_64", "kernel-headers"}},
		{"amzn", "6.1.156-177.286.amzn2023.x86_64", []string{"kernel-devel-6.1.156-177.286.amzn2023.x86_64", "kernel-modules-extra-6.1.156-177.286.amzn2023.x86_64", "kernel-headers"}},
		{"amzn", "6.12.55-74.119.amzn2023.x86_64", []string{"kernel6.12-devel-6.12.55-74.119.amzn2023.x86_64", "kernel6.12-modules-extra-6.12.55-74.119.amzn2023.x86_64", "kernel-headers"}},
	} {
		assert.DeepEqual(t, kernelPackages(&host.Host{OS: host.OS{ID: c.id}}, []string{c.release}), c.want)
	}
	assert.DeepEqual(t, kernelPackages(&host.Host{OS: host.OS{ID: "rhel"}}, []string{"5.14.0-570.el9.x86_64", "5.14.0-611.el9.x86_64"}),
		[]string{"kernel-devel-5.14.0-570.el9.x86_64", "kernel-devel-5.14.0-611.el9.x86_64", "kernel-headers"})
}

// What is installed in another branch under the same name is asked for in this one.
func TestOverPresent(t *testing.T) {
	h := withPackages("nvidia-driver-cuda", "kmod-nvidia-latest-dkms", "kernel-headers", "nvidia-utils-580-server")
	r := recipe{install: named("kernel-headers", "nvidia-driver-cuda", "kmod-nvidia-open-dkms", "nvidia-utils-580-server")}
	r.overPresent(h, 595)
	assert.DeepEqual(t, r.install, []Package{{Name: "kernel-headers"}, {Name: "nvidia-driver-cuda", Version: "595.*"}, {Name: "kmod-nvidia-open-dkms"}, {Name: "nvidia-utils-580-server"}})
	assert.DeepEqual(t, r.remove, []string{"kmod-nvidia-latest-dkms"})
	r = recipe{install: named("nvidia-open"), newest: true}
	r.overPresent(withPackages("nvidia-open"), 580)
	assert.DeepEqual(t, r.install, named("nvidia-open"))
	assert.Equal(t, len(r.remove), 0)
}
