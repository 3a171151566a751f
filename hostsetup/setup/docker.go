package setup

import (
	"errors"
	"fmt"
	"slices"

	"github.com/dockergpu/docker-gpu/hostsetup/doctor"
	"github.com/dockergpu/docker-gpu/hostsetup/find"
	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/internal/policy"
)

// engineComes is the engine that there will be.
type engineComes struct {
	version string // "" where it is not known
	unknown bool   // there is one, and nobody knows what it can do
	none    bool   // there is none
	fresh   bool   // this plan brings it: nothing runs on it
	foreign string // why it is not ours to configure, "" if it is
}

// dockerPart plans the engine: kept where there is one.
func (p *planner) dockerPart() error {
	h := p.h
	p.engine = presentEngine(h)
	if !p.wanted(DockerPart) || p.blind(DockerPart, "os", "packages") {
		return nil
	}
	switch {
	case p.engine.foreign != "":
		if p.w.DockerFrom != "" {
			return fmt.Errorf("as asked for, Docker cannot be installed: %s", p.engine.foreign)
		}
		p.left(DockerPart, "%s", p.engine.foreign)
		return nil
	case p.engine.none:
		return p.installDocker(nil, "there is no Docker on this machine")
	case p.w.DockerFrom == "docker" && !installed(h, "docker-ce"):
		return p.installDocker(conflicts(h), "Docker's own packages were asked for")
	case p.w.DockerFrom == "distro" && installed(h, "docker-ce"):
		return fmt.Errorf("packages of Docker itself are installed (docker-ce %s), and setup does not put older ones of the distribution in their place: remove them first", packageVersion(h, "docker-ce"))
	}
	p.keepDocker()
	return nil
}

// presentEngine is the engine of the host as it is.
func presentEngine(h *host.Host) engineComes {
	e := engineComes{version: h.Engine.Version}
	for _, name := range []string{"docker-ce", "docker.io", "moby-engine", "docker"} {
		if e.version == "" {
			e.version = upstream(packageVersion(h, name))
		}
	}
	switch {
	case h.Engine.Kind == "desktop":
		e.foreign = "this is Docker Desktop, whose engine runs in a virtual machine without the GPU of this one: `docker context use default` after an engine was installed beside it; Desktop itself is left alone"
		if h.OS.WSL != 0 {
			e.foreign = "this is Docker Desktop, which brings its own way to the GPU (turn on WSL 2 in its settings); it is left alone"
		}
	case h.Engine.Kind == "podman":
		e.foreign = "this is Podman, not Docker: it takes CDI devices as it is (`podman run --device nvidia.com/gpu=all`) and is left alone"
	case h.Engine.Kind == "snap":
		e.foreign = "Docker is installed as a snap, which keeps it from the toolkit: `snap remove docker` (its containers and volumes go with it), then run this again"
	}
	known := e.version != "" || h.Engine.Binary != "" || h.Engine.PID != 0
	e.none = !known && e.foreign == ""
	e.unknown = known && e.version == "" && e.foreign == ""
	return e
}

// conflicts are the installed packages that Docker's own replace.
func conflicts(h *host.Host) (names []string) {
	for _, name := range policy.DockerConflicts() {
		if installed(h, name) {
			names = append(names, name)
		}
	}
	return names
}

func (p *planner) installDocker(remove []string, why string) error {
	h := p.h
	d, known := distribution(h)
	from := p.w.DockerFrom
	if from == "" {
		from = map[bool]string{true: "docker", false: "distro"}[d.Docker != "" || !known]
	}
	var err error
	switch {
	case h.OS.Container != "":
		err = fmt.Errorf("this is a container (%s): Docker belongs onto its host", h.OS.Container)
	case !known || manager(h) == "":
		err = fmt.Errorf("setup has no packages of Docker for %s: see https://docs.docker.com/engine/install/", systemName(h))
	case h.Arch == "":
		err = errors.New("what processor this machine has is not known, so no packages of Docker can be named")
	case from == "docker" && d.Docker == "":
		err = fmt.Errorf("there are no packages of Docker's own for %s: --docker=distro takes the distribution's (%s)", systemName(h), listed(d.Own))
	case from == "distro" && len(d.Own) == 0:
		err = fmt.Errorf("%s has no packages of Docker: --docker=docker takes Docker's own", systemName(h))
	}
	if err != nil {
		if p.w.DockerFrom != "" {
			return err
		}
		p.left(DockerPart, "%v", err)
		return nil
	}
	if from == "docker" && len(remove) == 0 {
		remove = conflicts(h)
	}
	if u, ok := find.Unit(h, "containerd.service"); ok && u.Active == "active" && p.engine.none && slices.Contains(remove, "containerd") {
		p.left(DockerPart, "the package containerd is in use (maybe by Kubernetes), and Docker's own would replace it: --docker=distro installs beside it")
		return nil
	}
	if !p.engine.none && p.mayRun() && !p.w.AllowRestart {
		p.left(DockerPart, "replacing the engine's packages stops the containers that run: --allow-restart consents to it")
		return nil
	}
	p.freshDocker(d, from, remove, why)
	return nil
}

// freshDocker plans the packages.
func (p *planner) freshDocker(d policy.Distribution, from string, remove []string, why string) {
	s := Step{ID: "docker/packages", Part: DockerPart, Why: why, Root: true}
	if from == "distro" {
		s.Title, s.Op.Packages = "install Docker of "+systemName(p.h), p.packages(named(d.Own...), "the distribution")
		p.engine = engineComes{version: d.OwnVersion, unknown: d.OwnVersion == "", fresh: true}
	} else {
		uri := policy.DockerRepository + d.Docker
		if p.w.Offline == "" {
			src := source{name: "docker", title: "Docker's repository", key: "docker-deb", keyURL: uri + "/", uri: uri, suite: d.Codename, components: "stable"}
			steps := p.aptSource
			if manager(p.h) != "apt" {
				src.name, src.key, src.signed, src.uri = "docker-ce", "docker-rpm", "packages", uri+"/"+d.Version+"/$basearch/stable"
				steps = p.rpmSource
			}
			for _, q := range steps("docker", DockerPart, src) {
				p.step(q)
			}
		}
		s.Title, s.Op.Packages = "install Docker Engine", p.packages(named(policy.DockerPackages()...), "Docker's repository")
		if len(remove) > 0 {
			s.Op.Packages.Remove = remove
			s.Title += ", in place of " + listed(remove)
		}
		p.engine = engineComes{version: policy.EngineNewest(), fresh: true}
	}
	if p.h.Engine.PID != 0 {
		s.Disruption = doctor.Restart
	}
	p.step(s)
	p.startDocker("containers then come back by their restart policies when the machine starts")
	p.left(DockerPart, "only root may use Docker: members of the group docker may too, and are as good as root (`usermod -aG docker NAME`)")
}

func (p *planner) startDocker(why string) {
	p.step(Step{ID: "docker/service", Part: DockerPart, Title: "start Docker, now and with the machine", Why: why, Root: true, Op: Op{Unit: &Unit{Name: "docker.service", Do: "enable"}}})
}

// keepDocker says what there is, and sees to its service.
func (p *planner) keepDocker() {
	h := p.h
	version := p.engine.version
	name := "Docker " + version
	if version == "" {
		name = "Docker"
	}
	if h.Engine.Rootless {
		name += " (rootless)"
	}
	switch {
	case version != "" && policy.EngineOf(version).CDI == "no":
		p.left(DockerPart, "Docker %s knows no CDI, and needs a restart for the toolkit: `docker gpu setup --docker=docker` replaces it by Docker's own packages, stopping its containers once", version)
	case version != "" && policy.EngineOf(version).CDI == "feature":
		p.left(DockerPart, "Docker %s gets no fixes any more, and CDI is on by itself only from 28.2: upgrade it when its containers may stop once", version)
	}
	if h.Engine.ConfigError != "" && h.Engine.PID == 0 {
		p.left(DockerPart, "Docker does not run, and would not start with its %s (%s): mend that first, `docker gpu doctor` says how", p.daemonJSON(), h.Engine.ConfigError)
		return
	}
	u, ok := find.Unit(h, "docker.service")
	if ok && !h.Engine.Rootless && h.OS.Container == "" && (u.Enabled == "disabled" || u.Active == "inactive" && h.Engine.PID == 0) {
		p.startDocker(fmt.Sprintf("its service is %s and %s", orUnknown(u.Enabled), orUnknown(u.Active)))
		return
	}
	if h.Engine.Version == "" && h.Engine.Error != "" {
		p.left(DockerPart, "Docker does not answer, so what runs on it is not known: %s", h.Engine.Error)
	}
	p.right(DockerPart, "%s is there", name)
}

func orUnknown(s string) string {
	if s == "" {
		return "unknown"
	}
	return s
}

// mayRun says whether containers run, or nobody knows.
func (p *planner) mayRun() bool {
	if p.engine.fresh && p.h.Engine.PID == 0 {
		return false
	}
	return p.h.Engine.Running > 0 || p.h.Engine.Version == "" && p.h.Engine.PID != 0
}
