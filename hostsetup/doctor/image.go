package doctor

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/internal/policy"
)

// ImageFacts are what an image's config says, before anything of it is started.
type ImageFacts struct {
	Name         string            `json:"name"`
	OS           string            `json:"os,omitempty"`
	Architecture string            `json:"architecture,omitempty"` // "amd64"
	Env          []string          `json:"env,omitempty"`          // "NAME=value"
	Labels       map[string]string `json:"labels,omitempty"`
	// History are the commands that made its layers (created_by).
	History []string `json:"history,omitempty"`
}

// The labels that `docker gpu build` puts on images; buildkit/graph writes them.
const (
	labelCUDA      = "io.github.dockergpu.cuda"
	labelMinDriver = "io.github.dockergpu.driver.min"
	labelArchs     = "io.github.dockergpu.archs"
)

func (i ImageFacts) env(name string) string {
	for _, e := range i.Env {
		if v, ok := strings.CutPrefix(e, name+"="); ok {
			return v
		}
	}
	return ""
}

// imageChecks are what keeps an image from running on a host. On a host they look at
// its containers; ExamineImage looks at an image that has none yet.
func imageChecks() []Check {
	after := append(otherDocker(), "G001", "G002")
	return []Check{
		{
			Code: "C070", Title: "images are for this machine's processor", Group: Engine, Severity: Error, Needs: []Fact{Docker, textOnly}, After: otherDocker(),
			Symptoms: []string{"exec format error", "re:requested image's platform \\([^)]*\\) does not match the detected host platform"},
			Cause:    "The image was built for another processor.",
			Remedy:   "pull or build the image for this platform: `docker pull --platform linux/ARCH IMAGE`",
			Link:     "https://docs.docker.com/build/building/multi-platform/", Run: nothing,
		}, {
			Code: "C012", Title: "the driver is what images require", Group: Engine, Severity: Error, Needs: []Fact{Docker, Module}, After: after,
			Symptoms: []string{"requirement error: unsatisfied condition: cuda", "unsatisfied condition:", "please update your driver to a newer version, or use an earlier cuda container"},
			Cause:    "The image requires a newer driver (NVIDIA_REQUIRE_CUDA). The hook refuses to start it; by CDI it starts and fails later.",
			Remedy:   "upgrade the driver, or use an image of an earlier CUDA; NVIDIA_DISABLE_REQUIRE=1 starts it all the same",
			Link:     toolkitDocs + "docker-specialized.html#constraints", Run: inContainers(requirement),
		}, {
			Code: "C013", Title: "the driver runs the CUDA of images", Group: Engine, Severity: Error, Needs: []Fact{Docker, Module}, After: append(slices.Clone(after), "C012"),
			Symptoms: []string{"CUDA driver version is insufficient for CUDA runtime version", "cudaErrorInsufficientDriver", "The NVIDIA driver on your system is too old", "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH"},
			Cause:    "Each major version of CUDA takes a driver from some version on, and the host's is older.",
			Remedy:   "upgrade the driver, or use an image of an earlier CUDA",
			Link:     "https://docs.nvidia.com/deploy/cuda-compatibility/", Run: inContainers(cudaVersion),
		}, {
			Code: "C014", Title: "images have code for these GPUs", Group: Engine, Severity: Error, Needs: []Fact{Docker, NVML}, After: after,
			Symptoms: []string{"no kernel image is available for execution on the device", "cudaErrorNoKernelImageForDevice", "CUDA_ERROR_NO_BINARY_FOR_GPU",
				"re:CUDA capability sm_[0-9]+ is not compatible with the current PyTorch installation", "re:The current PyTorch install supports CUDA capabilities"},
			Cause:  "The program was compiled for other architectures than the GPU's and has no PTX that the driver could compile.",
			Remedy: "use a build for this GPU: `docker gpu build` chooses one for the GPU that it finds",
			Link:   "https://developer.nvidia.com/cuda-gpus", Run: inContainers(architectures),
		},
	}
}

// rule judges one image on a host. hook says that the container gets its GPU by the
// hook, which enforces what CDI does not.
type rule func(h *host.Host, i ImageFacts, hook bool) []Finding

// inContainers judges the images of containers that did not run to the end.
func inContainers(r rule) func(*host.Host, time.Time) []Finding {
	return func(h *host.Host, _ time.Time) (out []Finding) {
		seen := map[string]bool{}
		for _, c := range h.Engine.Containers {
			i := ImageFacts{Name: c.Image, Labels: c.Labels}
			for k, v := range c.Env {
				i.Env = append(i.Env, k+"="+v)
			}
			if seen[c.Image] || len(i.Env)+len(i.Labels) == 0 {
				continue
			}
			seen[c.Image] = true
			for _, f := range r(h, i, c.Route != byCDI) {
				if c.State == "running" && f.Severity != Note {
					f.Severity = Warning // it runs, so not everything in it fails
				}
				out = append(out, f)
			}
		}
		return out
	}
}

// ExamineImage says whether a host can run an image with a GPU, from the image's
// config alone. Findings are complete, as Examine's are, the worst first; none means
// that nothing speaks against it.
func ExamineImage(h *host.Host, i ImageFacts) []Finding {
	hook := routeOfGPUs(h) != byCDI
	checks := map[string]Check{}
	for _, c := range All() {
		checks[c.Code] = c
	}
	out := []Finding{}
	for _, r := range []struct {
		code string
		rule rule
	}{{"C070", platform}, {"C012", requirement}, {"C013", cudaVersion}, {"C014", architectures}, {"C028", bakedInHistory}, {"C038", imageCapabilities}} {
		c := checks[r.code]
		if slices.ContainsFunc(out, func(f Finding) bool { return f.Severity == Error && slices.Contains(c.After, f.Code) }) {
			continue
		}
		for _, f := range r.rule(h, i, hook) {
			out = append(out, c.complete(f))
		}
	}
	slices.SortStableFunc(out, func(a, b Finding) int { return cmp.Compare(rank(a.Severity), rank(b.Severity)) })
	return out
}

func platform(h *host.Host, i ImageFacts, _ bool) []Finding {
	if i.OS != "" && i.OS != "linux" {
		return []Finding{{Summary: fmt.Sprintf("%s is for %s, not Linux", shown(i.Name), shown(i.OS)), Evidence: []Evidence{{"image", shown(i.OS + "/" + i.Architecture)}}}}
	}
	if i.Architecture == "" || h.Arch == "" || i.Architecture == h.Arch {
		return nil
	}
	return []Finding{{
		Summary:  fmt.Sprintf("%s is for %s; this machine is %s", shown(i.Name), shown(i.Architecture), h.Arch),
		Evidence: []Evidence{{"image", shown("linux/" + i.Architecture)}, {"host", "linux/" + h.Arch}},
		Fixes:    []Fix{{Title: "pull the image for this machine, if there is one", Disruption: None, Argv: [][]string{{"docker", "pull", "--platform", "linux/" + h.Arch, i.Name}}}},
	}}
}

// cudaOf is the CUDA of an image as "12.8", "" if it says none.
func cudaOf(i ImageFacts) string {
	version := cmp.Or(i.Labels[labelCUDA], i.env("CUDA_VERSION"))
	parts := strings.SplitN(version, ".", 3)
	if len(parts) < 2 || strings.Trim(parts[0]+parts[1], "0123456789") != "" || parts[0] == "" || parts[1] == "" {
		return ""
	}
	return parts[0] + "." + parts[1]
}

func cudaVersion(h *host.Host, i ImageFacts, _ bool) []Finding {
	have := h.Driver.Version
	if have == "" {
		return nil
	}
	upgrade := func(to string) Fix { return byHand("upgrade the driver to "+to+" or newer", true, Reboot) }
	if need := i.Labels[labelMinDriver]; need != "" && policy.Compare(have, need) < 0 {
		return []Finding{{Summary: fmt.Sprintf("%s needs driver %s or newer; this host has %s", shown(i.Name), shown(need), shown(have)),
			Evidence: []Evidence{{"image label " + labelMinDriver, shown(need)}, {"driver", shown(have)}}, Fixes: []Fix{upgrade(shown(need))}}}
	}
	cuda := cudaOf(i)
	for _, d := range policy.Drivers() {
		if d.CUDA != cuda {
			continue
		}
		ev := []Evidence{{"image", "CUDA " + cuda}, {"driver", shown(have)}}
		switch {
		case policy.Compare(have, d.Min) < 0:
			f := Finding{Summary: fmt.Sprintf("%s has CUDA %s, which needs driver %s or newer; this host has %s", shown(i.Name), cuda, d.Min, shown(have)), Evidence: ev, Fixes: []Fix{upgrade(d.Min)}}
			if hasCompat(i) {
				f.Severity, f.Summary = Warning, f.Summary+"; its forward-compatibility libraries help on data-centre GPUs only"
			}
			return []Finding{f}
		case d.Shipped != "" && policy.Compare(have, d.Shipped) < 0 && !hasCompat(i):
			return []Finding{{Severity: Note, Summary: fmt.Sprintf("%s has CUDA %s, which came with driver %s; with %s its compiled code runs, PTX of it does not", shown(i.Name), cuda, d.Shipped, shown(have)),
				Evidence: ev, Fixes: []Fix{upgrade(d.Shipped)}}}
		}
	}
	return nil
}

// hasCompat says whether an image brings CUDA's forward-compatibility libraries.
func hasCompat(i ImageFacts) bool {
	return i.env("NV_CUDA_COMPAT_PACKAGE") != "" || i.env("NV_CUDA_COMPAT_VERSION") != "" || slices.ContainsFunc(i.History, func(s string) bool { return strings.Contains(s, "cuda-compat") })
}

func architectures(h *host.Host, i ImageFacts, _ bool) (out []Finding) {
	var lost []string
	archs := strings.FieldsFunc(i.Labels[labelArchs], func(r rune) bool { return r == ',' || r == ' ' })
	cuda, known := cudaOf(i), 0
	for _, g := range h.GPUs {
		if g.ComputeCapability == "" {
			continue
		}
		known++
		why := ""
		if len(archs) > 0 && !slices.ContainsFunc(archs, func(a string) bool { return policy.Serves(a, g.ComputeCapability) }) {
			why = "its code is for " + listed(archs)
		} else if gen, ok := policy.GenerationOf(g.ComputeCapability); ok && cuda != "" && len(archs) == 0 {
			switch {
			case gen.LastCUDA != "" && policy.Compare(cuda, gen.LastCUDA) > 0:
				why = fmt.Sprintf("CUDA %s has no code for %s any more; %s is the last that has", cuda, gen.Name, gen.LastCUDA)
			case gen.FirstCUDA != "" && policy.Compare(cuda, gen.FirstCUDA) < 0:
				why = fmt.Sprintf("CUDA %s has no code for %s yet; %s is the first that has", cuda, gen.Name, gen.FirstCUDA)
			}
		}
		if why != "" {
			lost = append(lost, fmt.Sprintf("GPU %d (%s, compute capability %s): %s", g.Index, shown(g.Name), shown(g.ComputeCapability), why))
		}
	}
	if len(lost) == 0 {
		return nil
	}
	f := Finding{Summary: fmt.Sprintf("%s has no code for %s", shown(i.Name), lost[0]), Fixes: []Fix{byHand("build or choose an image for this GPU: docker gpu build", false, None)}}
	for _, l := range lost[:min(len(lost), 16)] {
		f.Evidence = append(f.Evidence, Evidence{"image", l})
	}
	switch {
	case len(lost) < known:
		f.Severity = Warning
		f.Summary = fmt.Sprintf("%s has no code for %d of %s, %s", shown(i.Name), len(lost), count(known, "GPU"), lost[0])
	case len(archs) == 0:
		// An older CUDA may come with PTX, which only its maker knows.
		f.Severity = Warning
	}
	return []Finding{f}
}
