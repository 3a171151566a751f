package doctor

import (
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

func TestRequirementsOfImages(t *testing.T) {
	for _, c := range []struct {
		require, driver, cuda, gpu, capability string
		want                                   truth
	}{
		{"", "535.1", "12.2", "NVIDIA H200", "9.0", yes},
		{"cuda>=12.8", "580.65.06", "13.0", "NVIDIA H200", "9.0", yes},
		{"cuda>=12.8", "535.1", "12.2", "NVIDIA H200", "9.0", no},
		{"cuda>=12.10", "535.1", "12.9", "NVIDIA H200", "9.0", no},
		{"cuda>=12.8 brand=tesla,driver>=535,driver<536", "535.183.01", "12.2", "Tesla T4", "7.5", yes},
		{"cuda>=12.8 brand=tesla,driver>=535,driver<536", "550.54", "12.4", "Tesla T4", "7.5", no},
		{"cuda>=12.8 brand=geforce,driver>=535,driver<536", "535.183.01", "12.2", "Tesla T4", "7.5", no},
		{"cuda>=12.8 brand=geforcertx,driver>=535,driver<536", "535.183.01", "12.2", "NVIDIA GeForce RTX 4090", "8.9", yes},
		{"brand!=tesla", "535.1", "12.2", "NVIDIA H200", "9.0", yes},
		{"brand>tesla", "535.1", "12.2", "NVIDIA H200", "9.0", unknown},
		{"brand=tesla", "535.1", "12.2", "NVIDIA Frobnicator", "9.0", unknown},
		{"arch>=9.0", "535.1", "12.2", "NVIDIA H200", "9.0", yes},
		{"arch>=9.0", "535.1", "12.2", "Tesla T4", "7.5", no},
		{"driver<=535", "535.0", "12.2", "Tesla T4", "7.5", yes},
		{"driver!=535.1", "535.1", "12.2", "Tesla T4", "7.5", no},
		{"driver=535.1", "535.1", "12.2", "Tesla T4", "7.5", yes},
		{"driver==535.1", "535.1", "12.2", "Tesla T4", "7.5", yes},
		{"driver>535.1", "535.1", "12.2", "Tesla T4", "7.5", no},
		{"cuda>=12.8", "535.1", "", "Tesla T4", "7.5", unknown},
		{"cuda>=12.8 nonsense", "535.1", "12.2", "Tesla T4", "7.5", unknown},
		{"moon=full", "535.1", "12.2", "Tesla T4", "7.5", unknown},
		{",", "535.1", "12.2", "Tesla T4", "7.5", unknown},
	} {
		h := &host.Host{Driver: host.Driver{Version: c.driver, CUDA: c.cuda}, GPUs: []host.GPU{{Name: c.gpu, ComputeCapability: c.capability}}}
		got, failed := satisfies(h, c.require)
		assert.Equal(t, got, c.want, "%s on driver %s", c.require, c.driver)
		assert.Assert(t, got != no || failed != "", c.require)
	}
	mixed := &host.Host{GPUs: []host.GPU{{ComputeCapability: "9.0"}, {ComputeCapability: "7.5"}}}
	got, _ := satisfies(mixed, "arch>=8.0")
	assert.Equal(t, got, unknown, "it depends on which GPU the container gets")
}

func TestImagesThatCannotRunHere(t *testing.T) {
	const none = ""
	gpu := func(cc ...string) (out []host.GPU) {
		for i, c := range cc {
			out = append(out, host.GPU{Index: i, Name: "NVIDIA " + c, ComputeCapability: c})
		}
		return out
	}
	hook := func(h *host.Host) { h.Engine.Version, h.Engine.CDIDevices = "28.5.2", nil }
	for name, c := range map[string]struct {
		image ImageFacts
		host  func(h *host.Host)
		want  string // codes with severities
		says  string
	}{
		"a plain image":         {ImageFacts{OS: "linux", Architecture: "amd64"}, nil, none, ""},
		"one that runs":         {ImageFacts{Env: []string{"CUDA_VERSION=13.0.1", "NVIDIA_REQUIRE_CUDA=cuda>=13.0"}, Labels: map[string]string{labelArchs: "sm_80,sm_90"}}, nil, none, ""},
		"another processor":     {ImageFacts{OS: "linux", Architecture: "arm64"}, nil, "C070=error", "arm64; this machine is amd64"},
		"Windows":               {ImageFacts{OS: "windows", Architecture: "amd64"}, nil, "C070=error", "windows"},
		"no host architecture":  {ImageFacts{Architecture: "arm64"}, func(h *host.Host) { h.Arch = "" }, none, ""},
		"requires more by CDI":  {ImageFacts{Env: []string{"NVIDIA_REQUIRE_CUDA=cuda>=13.1"}}, nil, "C012=warning", "by CDI nothing stops it"},
		"requires more by hook": {ImageFacts{Env: []string{"NVIDIA_REQUIRE_CUDA=cuda>=13.1"}}, hook, "C012=error", "requires cuda>=13.1"},
		"requirement off":       {ImageFacts{Env: []string{"NVIDIA_REQUIRE_CUDA=cuda>=13.1", "NVIDIA_DISABLE_REQUIRE=1"}}, hook, none, ""},
		"label of the driver":   {ImageFacts{Labels: map[string]string{labelMinDriver: "590.44.01"}}, nil, "C013=error", "needs driver 590.44.01"},
		"CUDA 13 on R535":       {ImageFacts{Env: []string{"CUDA_VERSION=13.0.1"}}, func(h *host.Host) { h.Driver.Version = "535.54.03" }, "C013=error", "580.65.06"},
		"with compat":           {ImageFacts{Env: []string{"CUDA_VERSION=13.0.1", "NV_CUDA_COMPAT_PACKAGE=cuda-compat-13-0"}}, func(h *host.Host) { h.Driver.Version = "535.54.03" }, "C013=warning", "data-centre"},
		"PTX newer than driver": {ImageFacts{Env: []string{"CUDA_VERSION=13.2.0"}}, nil, "C013=note", "595.45.04"},
		"odd CUDA":              {ImageFacts{Env: []string{"CUDA_VERSION=banana"}}, nil, none, ""},
		"no driver known":       {ImageFacts{Env: []string{"CUDA_VERSION=13.0.1"}}, func(h *host.Host) { h.Driver = host.Driver{} }, none, ""},
		"other code":            {ImageFacts{Labels: map[string]string{labelArchs: "sm_100,sm_120"}}, nil, "C014=error", "compute capability 9.0"},
		"PTX does":              {ImageFacts{Labels: map[string]string{labelArchs: "sm_75,compute_80"}}, nil, none, ""},
		"one of two GPUs":       {ImageFacts{Labels: map[string]string{labelArchs: "sm_90"}}, func(h *host.Host) { h.GPUs = gpu("9.0", "12.0") }, "C014=warning", "1 of 2 GPUs"},
		"Volta and CUDA 13":     {ImageFacts{Env: []string{"CUDA_VERSION=13.0.1"}}, func(h *host.Host) { h.GPUs = gpu("7.0") }, "C014=warning", "12.9 is the last"},
		"Blackwell and 12.4":    {ImageFacts{Labels: map[string]string{labelCUDA: "12.4"}}, func(h *host.Host) { h.GPUs = gpu("12.0") }, "C014=warning", "12.8 is the first"},
		"driver in the image":   {ImageFacts{History: []string{"RUN /bin/sh -c apt-get update && apt-get install -y curl nvidia-driver-535 # buildkit"}}, nil, "C028=warning", "nvidia-driver-535"},
		"CUDA in the image":     {ImageFacts{History: []string{"RUN apt-get install -y cuda-toolkit-13-0 libnvidia-container1", "COPY nvidia-driver-535 /x"}}, nil, none, ""},
		"few capabilities":      {ImageFacts{Env: []string{"NVIDIA_DRIVER_CAPABILITIES=compute"}}, hook, "C038=warning", "no utility"},
		"capabilities by CDI":   {ImageFacts{Env: []string{"NVIDIA_DRIVER_CAPABILITIES=compute"}}, nil, none, ""},
		"worst first": {ImageFacts{Architecture: "arm64", History: []string{"apt install -y nvidia-utils-580"}, Labels: map[string]string{labelArchs: "sm_120"}}, nil,
			"C070=error C014=error C028=warning", ""},
		"hostile": {ImageFacts{Name: "\x1b[2J" + strings.Repeat("x", 1<<20), Architecture: "arm\x0064", Env: []string{"NVIDIA_REQUIRE_CUDA=" + strings.Repeat("cuda>=99 ", 1<<17)}}, nil, "C070=error", ""},
	} {
		t.Run(name, func(t *testing.T) {
			h := recorded(t, "healthy-docker29-cdi")
			if c.host != nil {
				c.host(h)
			}
			if c.image.Name == "" {
				c.image.Name = "app:1"
			}
			var got []string
			all := ""
			for _, f := range ExamineImage(h, c.image) {
				got = append(got, f.Code+"="+string(f.Severity))
				all += f.Summary + "\n"
				assert.Assert(t, len(f.Summary) < 1500 && !control.MatchString(f.Summary) && f.Title != "" && f.Cause != "", "%+v", f)
			}
			assert.Equal(t, strings.Join(got, " "), c.want, all)
			assert.Assert(t, strings.Contains(all, c.says), all)
		})
	}
}
