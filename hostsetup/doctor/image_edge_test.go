package doctor

import (
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/internal/policy"
)

// What keeps an image from running stands beside the host that it should run on.
func TestEdgesOfImages(t *testing.T) {
	env := func(pairs ...string) func(h *host.Host) {
		return box(func(c *host.Container) {
			c.Env = map[string]string{}
			for _, p := range pairs {
				k, v, _ := strings.Cut(p, "=")
				c.Env[k] = v
			}
		})
	}
	label := func(name, value string) func(h *host.Host) {
		return box(func(c *host.Container) { c.Env, c.Labels = nil, map[string]string{name: value} })
	}
	died := box(func(c *host.Container) { c.State, c.Exit = "exited", 1 })
	hook := box(func(c *host.Container) { c.Route = byHook })
	driver := func(v, cuda string) func(h *host.Host) {
		return func(h *host.Host) { h.Driver.Version, h.Driver.CUDA = v, cuda }
	}
	edges(t, "C012", "docker29-cdi",
		edge{"newer than the driver, by CDI, running", env("NVIDIA_REQUIRE_CUDA=cuda>=13.1"), `
warning C012: nvidia/cuda:13.0.1-runtime-ubuntu24.04 requires cuda>=13.1; this host has driver 580.95.05 for CUDA 13.0; by CDI nothing stops it, and it may fail later
  seen: image: NVIDIA_REQUIRE_CUDA=cuda>=13.1
  seen: driver: 580.95.05, CUDA 13.0
  fix: upgrade the driver, or use an image of an earlier CUDA [reboot, root]
`},
		edge{"newer than the driver, by the hook, dead", both(env("NVIDIA_REQUIRE_CUDA=cuda>=13.1"), died, hook), `
error C012: nvidia/cuda:13.0.1-runtime-ubuntu24.04 requires cuda>=13.1; this host has driver 580.95.05 for CUDA 13.0
  seen: image: NVIDIA_REQUIRE_CUDA=cuda>=13.1
  seen: driver: 580.95.05, CUDA 13.0
  fix: upgrade the driver, or use an image of an earlier CUDA [reboot, root]
  fix: or start it all the same with -e NVIDIA_DISABLE_REQUIRE=1 [none]
`},
		edge{"one way of two is closed", both(env("NVIDIA_REQUIRE_CUDA=cuda>=13.1 brand=tesla,driver>=600"), died, hook), `
error C012: nvidia/cuda:13.0.1-runtime-ubuntu24.04 requires cuda>=13.1; this host has driver 580.95.05 for CUDA 13.0
  seen: image: NVIDIA_REQUIRE_CUDA=cuda>=13.1 brand=tesla,driver>=600
  seen: driver: 580.95.05, CUDA 13.0
  fix: upgrade the driver, or use an image of an earlier CUDA [reboot, root]
  fix: or start it all the same with -e NVIDIA_DISABLE_REQUIRE=1 [none]
`},
		edge{"two containers of one image, told once", both(env("NVIDIA_REQUIRE_CUDA=cuda>=13.1"), more("second", func(c *host.Container) {})), `
warning C012: nvidia/cuda:13.0.1-runtime-ubuntu24.04 requires cuda>=13.1; this host has driver 580.95.05 for CUDA 13.0; by CDI nothing stops it, and it may fail later
  seen: image: NVIDIA_REQUIRE_CUDA=cuda>=13.1
  seen: driver: 580.95.05, CUDA 13.0
  fix: upgrade the driver, or use an image of an earlier CUDA [reboot, root]
`},
		edge{"hostile", both(env("NVIDIA_REQUIRE_CUDA=cuda>=99"), box(func(c *host.Container) { c.Image = "\x1b[2J--x" })), `
warning C012: [2J--x requires cuda>=99; this host has driver 580.95.05 for CUDA 13.0; by CDI nothing stops it, and it may fail later
  seen: image: NVIDIA_REQUIRE_CUDA=cuda>=99
  seen: driver: 580.95.05, CUDA 13.0
  fix: upgrade the driver, or use an image of an earlier CUDA [reboot, root]
`},
		edge{"exactly what the driver has", env("NVIDIA_REQUIRE_CUDA=cuda>=13.0"), ""},
		edge{"switched off", env("NVIDIA_REQUIRE_CUDA=cuda>=13.1", "NVIDIA_DISABLE_REQUIRE=true"), ""},
		edge{"a condition that nobody reads", env("NVIDIA_REQUIRE_CUDA=moon=full"), ""},
		edge{"no requirement", env("CUDA_VERSION=13.1.0"), ""},
	)
	edges(t, "C013", "docker29-cdi",
		edge{"CUDA 13 on R535", both(env("CUDA_VERSION=13.0.1"), driver("535.261.03", "12.2"), died), `
error C013: nvidia/cuda:13.0.1-runtime-ubuntu24.04 has CUDA 13.0, which needs driver 580.65.06 or newer; this host has 535.261.03
  seen: image: CUDA 13.0
  seen: driver: 535.261.03
  fix: upgrade the driver to 580.65.06 or newer [reboot, root]
`},
		edge{"with libraries for older drivers", both(env("CUDA_VERSION=13.0.1", "NV_CUDA_COMPAT_PACKAGE=cuda-compat-13-0"), driver("535.261.03", "12.2"), died), `
warning C013: nvidia/cuda:13.0.1-runtime-ubuntu24.04 has CUDA 13.0, which needs driver 580.65.06 or newer; this host has 535.261.03; its forward-compatibility libraries help on data-centre GPUs only
  seen: image: CUDA 13.0
  seen: driver: 535.261.03
  fix: upgrade the driver to 580.65.06 or newer [reboot, root]
`},
		edge{"its label names the driver", both(label(labelMinDriver, "590.44.01"), died), `
error C013: nvidia/cuda:13.0.1-runtime-ubuntu24.04 needs driver 590.44.01 or newer; this host has 580.95.05
  seen: image label io.github.dockergpu.driver.min: 590.44.01
  seen: driver: 580.95.05
  fix: upgrade the driver to 590.44.01 or newer [reboot, root]
`},
		edge{"a CUDA that came after the driver", both(env("CUDA_VERSION=13.2.0"), died), `
note C013: nvidia/cuda:13.0.1-runtime-ubuntu24.04 has CUDA 13.2, which came with driver 595.45.04; with 580.95.05 its compiled code runs, PTX of it does not
  seen: image: CUDA 13.2
  seen: driver: 580.95.05
  fix: upgrade the driver to 595.45.04 or newer [reboot, root]
`},
		edge{"the first driver that runs it", both(env("CUDA_VERSION=13.0.1"), driver("580.65.06", "13.0")), ""},
		edge{"the label's very driver", label(labelMinDriver, "580.95.05"), ""},
		edge{"a CUDA that is no number", env("CUDA_VERSION=13"), ""},
		edge{"a CUDA that nobody knows", env("CUDA_VERSION=99.9.9"), ""},
	)
	capability := func(cc ...string) func(h *host.Host) {
		return func(h *host.Host) {
			g := h.GPUs[0]
			h.GPUs = nil
			for i, c := range cc {
				g.Index, g.ComputeCapability = i, c
				h.GPUs = append(h.GPUs, g)
			}
		}
	}
	edges(t, "C014", "docker29-cdi",
		edge{"code for others alone", both(label(labelArchs, "sm_100,sm_120"), died), `
error C014: nvidia/cuda:13.0.1-runtime-ubuntu24.04 has no code for GPU 0 (NVIDIA H200, compute capability 9.0): its code is for sm_100, sm_120
  seen: image: GPU 0 (NVIDIA H200, compute capability 9.0): its code is for sm_100, sm_120
  fix: build or choose an image for this GPU: docker gpu build [none]
`},
		edge{"code for one of two", both(label(labelArchs, "sm_90"), capability("9.0", "12.0"), died), `
warning C014: nvidia/cuda:13.0.1-runtime-ubuntu24.04 has no code for 1 of 2 GPUs, GPU 1 (NVIDIA H200, compute capability 12.0): its code is for sm_90
  seen: image: GPU 1 (NVIDIA H200, compute capability 12.0): its code is for sm_90
  fix: build or choose an image for this GPU: docker gpu build [none]
`},
		edge{"a CUDA without code for Volta", both(env("CUDA_VERSION=13.0.1"), capability("7.0"), died), `
warning C014: nvidia/cuda:13.0.1-runtime-ubuntu24.04 has no code for GPU 0 (NVIDIA H200, compute capability 7.0): CUDA 13.0 has no code for Volta any more; 12.9 is the last that has
  seen: image: GPU 0 (NVIDIA H200, compute capability 7.0): CUDA 13.0 has no code for Volta any more; 12.9 is the last that has
  fix: build or choose an image for this GPU: docker gpu build [none]
`},
		edge{"a CUDA from before Blackwell", both(env("CUDA_VERSION=12.4.1"), capability("12.0"), died), `
warning C014: nvidia/cuda:13.0.1-runtime-ubuntu24.04 has no code for GPU 0 (NVIDIA H200, compute capability 12.0): CUDA 12.4 has no code for Blackwell yet; 12.8 is the first that has
  seen: image: GPU 0 (NVIDIA H200, compute capability 12.0): CUDA 12.4 has no code for Blackwell yet; 12.8 is the first that has
  fix: build or choose an image for this GPU: docker gpu build [none]
`},
		edge{"PTX for older ones", label(labelArchs, "sm_75,compute_80"), ""},
		edge{"code of the same major", both(label(labelArchs, "sm_80"), capability("8.6")), ""},
		edge{"code of the next minor", both(label(labelArchs, "sm_89"), capability("8.6"), died), `
error C014: nvidia/cuda:13.0.1-runtime-ubuntu24.04 has no code for GPU 0 (NVIDIA H200, compute capability 8.6): its code is for sm_89
  seen: image: GPU 0 (NVIDIA H200, compute capability 8.6): its code is for sm_89
  fix: build or choose an image for this GPU: docker gpu build [none]
`},
		edge{"a capability that is not known", both(label(labelArchs, "sm_120"), capability("")), ""},
		edge{"labels without sense", label(labelArchs, ", ,"), ""},
	)
	hides(t, "docker29-cdi", "C012", both(env("NVIDIA_REQUIRE_CUDA=cuda>=13.1", "CUDA_VERSION=13.1.0"), died, hook), "C013")
}

// An image is judged before anything of it is started; the words are the container's.
func TestImagesAreJudgedAsTheirContainersAre(t *testing.T) {
	h := recorded(t, "healthy-docker29-cdi")
	image := ImageFacts{Name: "app:1", OS: "linux", Architecture: "amd64", Env: []string{"NVIDIA_REQUIRE_CUDA=cuda>=13.1", "PATH=/bin", "CUDA_VERSION="}}
	found := ExamineImage(h, image)
	assert.Equal(t, strings.Join(codes(found), " "), "C012")
	assert.Equal(t, found[0].Title, check(t, "C012").Title)
	assert.Assert(t, found[0].Cause != "" && found[0].Link != "" && len(found[0].Fixes) > 0)
	// An error hides what follows from it, a warning does not.
	h.Engine.CDIDevices = nil // now by the hook
	image.Env = append(image.Env[:1:1], "CUDA_VERSION=13.1.0")
	h.Driver.Version, h.Driver.CUDA = "535.261.03", "12.2"
	assert.Equal(t, strings.Join(codes(ExamineImage(h, image)), " "), "C012")
	// Of a host of which nothing is known nothing is said.
	assert.Equal(t, len(ExamineImage(&host.Host{}, image)), 0)
	assert.Assert(t, ExamineImage(&host.Host{}, ImageFacts{}) != nil, "an empty list, not null")
}

func TestWhatIsInstalledInLayers(t *testing.T) {
	for step, want := range map[string]string{
		"RUN apt-get install -y nvidia-driver-535":                                                           "nvidia-driver-535",
		"RUN apt install nvidia-utils-580 # buildkit":                                                        "nvidia-utils-580",
		"/bin/sh -c apt-get update && apt-get install -y --no-install-recommends curl libnvidia-compute-580": "libnvidia-compute-580",
		"RUN dnf -y install cuda-drivers":                                                                    "cuda-drivers",
		"RUN yum install -y nvidia-driver-cuda":                                                              "nvidia-driver-cuda",
		"RUN apt-get install -y 'cuda'":                                                                      "cuda",
		"RUN apt-get install -y cuda=13.0.1-1":                                                               "cuda",
		"RUN apt-get install -y cuda-toolkit-13-0":                                                           "",
		"RUN apt-get install -y libnvidia-container1 nvidia-container-toolkit":                               "",
		"RUN apt-get remove -y nvidia-driver-535":                                                            "",
		"RUN echo nvidia-driver-535 && apt-get install -y vim":                                               "",
		"COPY nvidia-driver-535.deb /tmp":                                                                    "",
		"RUN apt-get install -y vim; echo nvidia-driver-535":                                                 "",
		"": "",
	} {
		found := bakedInHistory(&host.Host{}, ImageFacts{Name: "x", History: []string{step}}, false)
		if want == "" {
			assert.Equal(t, len(found), 0, step)
			continue
		}
		assert.Equal(t, len(found), 1, step)
		assert.Assert(t, strings.Contains(found[0].Summary, "installs "+want+":"), "%s: %s", step, found[0].Summary)
	}
	byHook := bakedInHistory(&host.Host{}, ImageFacts{Name: "x", History: []string{"RUN apt install libcuda1"}}, true)
	assert.Assert(t, strings.HasSuffix(byHook[0].Summary, "the hook may refuse to start it"), byHook[0].Summary)
	assert.Equal(t, len(imageCapabilities(&host.Host{}, ImageFacts{Env: []string{"NVIDIA_DRIVER_CAPABILITIES=all"}}, true)), 0)
	long := "RUN apt-get install -y " + strings.Repeat("x ", 1<<20) + "nvidia-driver-535"
	assert.Equal(t, len(bakedInHistory(&host.Host{}, ImageFacts{History: []string{long}}, true)), 0, "what stands beyond 64 KiB is not read")
}

func TestBrandsOfCards(t *testing.T) {
	for name, want := range map[string]string{
		"Tesla T4": "tesla", "NVIDIA GeForce RTX 4090": "geforcertx", "NVIDIA GeForce GTX 1080 Ti": "geforce", "Quadro P4000": "quadro", "Quadro RTX 6000": "quadrortx",
		"NVIDIA TITAN RTX": "titanrtx", "NVIDIA TITAN V": "titan", "NVIDIA A100-SXM4-80GB": "nvidia", "NVIDIA H200": "nvidia", "NVIDIA L40S": "nvidia", "NVIDIA B200": "nvidia",
		"NVIDIA RTX A6000": "nvidiartx", "NVIDIA RTX 6000 Ada Generation": "nvidiartx", "GRID T4-16Q": "grid", "NVIDIA Frobnicator": "", "": "",
	} {
		assert.Equal(t, brandOf(name), want, name)
	}
}

func TestCUDAOfImages(t *testing.T) {
	for version, want := range map[string]string{"13.0.1": "13.0", "12.8": "12.8", "12": "", "": "", "12.x": "", ".8": "", "12.": "", "-1.2": "", "13.0.1.2.3": "13.0"} {
		assert.Equal(t, cudaOf(ImageFacts{Env: []string{"CUDA_VERSION=" + version}}), want, version)
	}
	assert.Equal(t, cudaOf(ImageFacts{Env: []string{"CUDA_VERSION=12.4.1"}, Labels: map[string]string{labelCUDA: "13.0"}}), "13.0", "the label is this program's own")
	for _, compat := range []ImageFacts{{Env: []string{"NV_CUDA_COMPAT_PACKAGE=cuda-compat-13-0"}}, {Env: []string{"NV_CUDA_COMPAT_VERSION=580"}}, {History: []string{"apt-get install cuda-compat-13-0"}}} {
		assert.Assert(t, hasCompat(compat), "%+v", compat)
	}
	assert.Assert(t, !hasCompat(ImageFacts{Env: []string{"CUDA_VERSION=13.0.1"}}))
	assert.Assert(t, len(policy.Drivers()) > 5)
}
