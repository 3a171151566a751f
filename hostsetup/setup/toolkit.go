package setup

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/dockergpu/docker-gpu/hostsetup/doctor"
	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/internal/policy"
)

const (
	runtimeHook = "nvidia-container-runtime-hook"
	cdiHook     = "nvidia-cdi-hook"
	ctk         = "nvidia-ctk"
)

// toolkitComes is the toolkit that there will be.
type toolkitComes struct {
	version string // "" where there is none
	ctk     string // path of nvidia-ctk
	hook    bool   // the runtime hook will be on dockerd's PATH
	cdi     bool   // nvidia-cdi-hook will be
	changed bool   // this plan brings programs that were not there
	upgrade bool   // this plan brings others than are there
	runtime bool   // nvidia-container-runtime will be
	units   bool   // nvidia-cdi-refresh comes with it
	path    bool   // as programs without packages
}

// toolkitPart plans the NVIDIA Container Toolkit.
func (p *planner) toolkitPart() error {
	h := p.h
	b := h.Toolkit.Binaries
	packaged := installed(h, "nvidia-container-toolkit-base")
	p.toolkit = toolkitComes{version: h.Toolkit.Version, ctk: b[ctk], hook: b[runtimeHook] != "", cdi: b[cdiHook] != "", runtime: b["nvidia-container-runtime"] != "",
		units: packaged && h.Toolkit.Version != "" && policy.Compare(h.Toolkit.Version, policy.ToolkitRefresh) >= 0}
	switch {
	case !p.wanted(ToolkitPart) || p.blind(ToolkitPart, "os", "packages", "toolkit", "repositories"):
		return nil
	case !hasGPU(h) && !slices.Contains(p.w.Only, ToolkitPart):
		p.left(ToolkitPart, "there is no NVIDIA GPU here that containers could use; --only toolkit installs it all the same")
		return nil
	case h.Engine.Kind == "snap":
		p.left(ToolkitPart, "Docker as a snap cannot use the toolkit")
		return nil
	case h.Engine.Kind == "desktop":
		p.left(ToolkitPart, "Docker Desktop brings what it needs of the toolkit itself")
		return nil
	}
	if p.w.Offline == "" && p.w.ToolkitPath == "" {
		p.cleanSources()
	}
	if p.w.ToolkitPath != "" {
		return p.toolkitPrograms(packaged)
	}
	if holes := policy.Open("toolkit", p.w.ToolkitVersion); p.w.ToolkitVersion != "" && len(holes) > 0 {
		last := holes[0]
		p.left(ToolkitPart, "toolkit %s has %s (%s), fixed in %s: without --toolkit-version %s comes", p.w.ToolkitVersion, last.ID, last.What, last.Fixed[0], policy.ToolkitCurrent)
	}
	why, err := p.whyToolkit(packaged)
	if err != nil {
		return err
	}
	if why == "" {
		p.right(ToolkitPart, "NVIDIA Container Toolkit %s is installed", h.Toolkit.Version)
		return nil
	}
	return p.installToolkit(why)
}

// whyToolkit is why the toolkit has to be installed, "" where the present one will do.
func (p *planner) whyToolkit(packaged bool) (string, error) {
	h := p.h
	have, want := h.Toolkit.Version, p.w.ToolkitVersion
	if have != "" && !packaged && !installed(h, "nvidia-container-toolkit") {
		if want != "" && want != have || len(policy.Open("toolkit", have)) > 0 {
			return "", p.cannot("the toolkit %s is there without packages (%s): replace it as it was installed, or by --toolkit-path, or remove it first", have, h.Toolkit.Binaries[ctk])
		}
		return "", nil
	}
	var seen []string
	for _, name := range policy.ToolkitPackages() {
		if v := packageVersion(h, name); v != "" && !slices.Contains(seen, v) {
			seen = append(seen, v)
		}
	}
	holes := policy.Open("toolkit", have)
	flawed := slices.ContainsFunc(policy.ToolkitFlaws(), func(f policy.ToolkitFlaw) bool { _, has := policy.ToolkitFault(have, f.Fixed); return has })
	hookNeeded := !p.engine.none && !p.engine.unknown && !policy.EngineOf(p.engine.version).GPUsByCDI
	switch {
	case have == "":
		return "containers get GPUs by it", nil
	case want != "" && policy.Compare(have, want) != 0:
		return fmt.Sprintf("it is %s, and %s was asked for", have, want), nil
	case len(seen) > 1:
		return "its packages are of different versions, and then ignore each other's settings", nil
	case len(holes) > 0 && want == "":
		return fmt.Sprintf("%s has %s: %s", have, holes[0].ID, holes[0].What), nil
	case flawed && want == "":
		return fmt.Sprintf("%s has a fault that %s has no more", have, policy.ToolkitCurrent), nil
	case packaged && !installed(h, "nvidia-container-toolkit") && hookNeeded:
		return fmt.Sprintf("only its base is installed, and --gpus of Docker %s needs the hook", p.engine.version), nil
	}
	return "", nil
}

// cannot is an error for what was asked for by a flag, and a note for what was not.
func (p *planner) cannot(format string, args ...any) error {
	if p.w.ToolkitVersion != "" || p.w.ToolkitPath != "" {
		return fmt.Errorf("%s", tidy(fmt.Sprintf(format, args...)))
	}
	p.left(ToolkitPart, format, args...)
	return nil
}

// installToolkit plans the repository and the four packages at one version.
func (p *planner) installToolkit(why string) error {
	h := p.h
	m := manager(h)
	if m == "" {
		return p.cannot("setup has no packages of the toolkit for %s: install it as https://docs.nvidia.com/datacenter/cloud-native/container-toolkit/latest/install-guide.html says, or name its programs by --toolkit-path", systemName(h))
	}
	if policy.CUDAArch(h.Arch) == "" {
		return p.cannot("NVIDIA has no packages of the toolkit for the processor %q", h.Arch)
	}
	version := cmp.Or(p.w.ToolkitVersion, policy.ToolkitCurrent)
	var held []string
	for _, q := range h.Packages {
		if q.Held && slices.Contains(policy.ToolkitPackages(), q.Name) {
			held = append(held, q.Name)
		}
	}
	if len(held) > 0 {
		return p.cannot("the toolkit should be %s (%s), but %s is held at its version: release it first", version, why, listed(held))
	}
	if p.w.Offline == "" {
		s := source{name: "nvidia-container-toolkit", title: "NVIDIA's Container Toolkit repository", key: "toolkit", signed: "metadata"}
		steps := p.aptSource
		if m == "apt" {
			s.uri, s.suite = policy.ToolkitRepository+"stable/deb/"+h.Arch, "/"
		} else {
			s.uri, steps = policy.ToolkitRepository+"stable/rpm/"+rpmArch(h.Arch), p.rpmSource
		}
		for _, q := range steps("toolkit", ToolkitPart, s) {
			p.step(q)
		}
	}
	var install []Package
	for _, name := range policy.ToolkitPackages() {
		install = append(install, Package{Name: name, Version: version + "-1"})
	}
	p.step(Step{ID: "toolkit/packages", Part: ToolkitPart, Title: "install the NVIDIA Container Toolkit " + version, Why: why, Root: true,
		Op: Op{Packages: p.packages(install, "NVIDIA's Container Toolkit repository")}})
	p.toolkit = toolkitComes{version: version, ctk: "/usr/bin/" + ctk, hook: true, cdi: true, runtime: true, changed: h.Toolkit.Binaries[cdiHook] == "" || h.Toolkit.Binaries[runtimeHook] == "",
		upgrade: true, units: policy.Compare(version, policy.ToolkitRefresh) >= 0}
	return nil
}

func rpmArch(arch string) string {
	return map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[arch]
}

// toolkitPrograms plans copies of the programs, for machines without packages or a network.
func (p *planner) toolkitPrograms(packaged bool) error {
	h := p.h
	if packaged || installed(h, "nvidia-container-toolkit") {
		return fmt.Errorf("the toolkit %s is installed as packages, and programs of %s beside it would hide them: leave out --toolkit-path, or remove the packages first", h.Toolkit.Version, tidy(p.w.ToolkitPath))
	}
	var missing []string
	names := []string{ctk, cdiHook}
	for _, n := range names {
		if len(p.w.ToolkitSums[n]) != 64 {
			missing = append(missing, n)
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("%s has no %s: name a folder that holds the toolkit's programs", tidy(p.w.ToolkitPath), listed(missing))
	}
	if _, ok := p.w.ToolkitSums["nvidia-container-runtime"]; ok {
		names = append(names, "nvidia-container-runtime")
	}
	if !slices.ContainsFunc(names, func(n string) bool { return h.Toolkit.Binaries[n] == "" }) {
		p.right(ToolkitPart, "the toolkit's programs are in %s", strings.TrimSuffix(h.Toolkit.Binaries[ctk], "/"+ctk))
		return nil
	}
	to := programsTo(h)
	sums := map[string]string{}
	for _, n := range names {
		sums[n] = p.w.ToolkitSums[n]
	}
	p.step(Step{ID: "toolkit/programs", Part: ToolkitPart, Title: fmt.Sprintf("copy %s from %s to %s", listed(names), p.w.ToolkitPath, to), Why: "containers get GPUs by them; no package brings them here", Root: true,
		Op: Op{Programs: &Programs{From: p.w.ToolkitPath, To: to, Names: names, Sums: sums}}})
	p.toolkit = toolkitComes{version: cmp.Or(h.Toolkit.Version, "of "+p.w.ToolkitPath), ctk: to + "/" + ctk, hook: p.toolkit.hook, cdi: true, runtime: len(names) > 2 || p.toolkit.runtime, changed: true, path: true}
	return nil
}

const localPrograms = "/usr/local/bin"

// programsTo is a folder on dockerd's search path that is not the package manager's, or
// else /usr/bin.
func programsTo(h *host.Host) string {
	if h.Engine.Path == "" {
		return localPrograms
	}
	return "/usr/bin"
}

// cleanSources takes away package sources that keep apt and dnf from reading the right ones.
func (p *planner) cleanSources() {
	files, whys := oldSources(p.h)
	for i, file := range files {
		if !sourceFile.MatchString(file) {
			p.left(ToolkitPart, "%s: %s; take its lines with NVIDIA's repositories out", file, whys[file])
			continue
		}
		p.fresh = false
		p.step(Step{ID: fmt.Sprintf("toolkit/old-source-%d", i+1), Part: ToolkitPart, Title: "take " + file + " away", Why: whys[file], Root: true,
			Op: Op{File: &File{Path: file, Absent: true}}, Disruption: doctor.None})
	}
	old := map[string]bool{}
	for _, f := range files {
		old[f] = true
	}
	// What goes is no source any more for the steps that follow.
	p.h.Toolkit.Repositories = slices.DeleteFunc(slices.Clone(p.h.Toolkit.Repositories), func(r host.Repository) bool { return old[r.File] })
	for _, name := range []string{"nvidia-docker2", "nvidia-docker"} {
		if installed(p.h, name) {
			p.left(ToolkitPart, "%s is left of the days before --gpus: once nothing calls nvidia-docker any more, remove the package", name)
		}
	}
}
