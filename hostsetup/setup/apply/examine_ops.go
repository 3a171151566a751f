package apply

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/dockergpu/docker-gpu/hostsetup/setup"
)

var (
	packageName    = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9+._-]*(:[a-z0-9]+)?$`)
	packagePattern = regexp.MustCompile(`^[A-Za-z0-9*][A-Za-z0-9+._*-]*$`)
	packageVersion = regexp.MustCompile(`^[A-Za-z0-9*][A-Za-z0-9+.~:^*_-]*$`)
	stream         = regexp.MustCompile(`^[a-z0-9][a-z0-9-]*(:[A-Za-z0-9._-]+)?$`)
)

func examinePackages(p *setup.Packages) error {
	var names []string
	for _, i := range p.Install {
		names = append(names, i.Name)
		if i.Version != "" && !packageVersion.MatchString(i.Version) {
			return fmt.Errorf("%q is no version of a package", i.Version)
		}
	}
	err := errors.Join(managed(p.Manager), each(append(names, p.Remove...), packageName, "package"), each(p.Modules, stream, "module stream"))
	if p.Dir != "" && (!path.IsAbs(p.Dir) || path.Clean(p.Dir) != p.Dir) {
		err = errors.Join(err, fmt.Errorf("%q is not the path of a folder", p.Dir))
	}
	return err
}

func examinePrograms(p *setup.Programs) error {
	if !path.IsAbs(p.From) {
		return fmt.Errorf("%q is not the path of a folder", p.From)
	}
	for _, name := range p.Names {
		if !regexp.MustCompile(`^(nvidia-(ctk|cdi-hook|container-runtime|container-cli|container-runtime-hook)(\.(cdi|legacy))?)$`).MatchString(name) {
			return fmt.Errorf("%q is no program of the toolkit", name)
		}
		if err := within(path.Join(p.To, name), "/usr/bin/*", "/usr/local/bin/*"); err != nil {
			return err
		}
		if !regexp.MustCompile(`^[0-9a-f]{64}$`).MatchString(p.Sums[name]) {
			return fmt.Errorf("%s has no SHA-256 sum", name)
		}
	}
	return nil
}

func examineDaemon(d *setup.Daemon) error {
	// A unit may name another file than the usual one.
	if err := within(d.Path, append(configs(), "/etc/*.json", "/etc/*/*.json", "/usr/local/etc/*/*.json", "/opt/*/*.json", "/opt/*/*/*.json")...); err != nil {
		return err
	}
	if d.Dockerd != "" {
		if err := within(d.Dockerd, "/usr/bin/dockerd", "/usr/sbin/dockerd", "/usr/local/bin/dockerd", "/snap/docker/*/bin/dockerd"); err != nil {
			return err
		}
	}
	for _, e := range d.Edits {
		if len(e.Key) == 0 || !slices.Contains([]string{"features", "runtimes", "default-runtime", "cdi-spec-dirs", "live-restore", "node-generic-resources", "exec-opts"}, e.Key[0]) {
			return fmt.Errorf("%q is not a setting that setup changes", strings.Join(e.Key, "."))
		}
	}
	return nil
}

func examineUnit(u *setup.Unit) error {
	known := []string{"docker.service", "docker.socket", "containerd.service", "snap.docker.dockerd.service",
		"nvidia-cdi-refresh.service", "nvidia-cdi-refresh.path", "nvidia-persistenced.service", "nvidia-fabricmanager.service"}
	switch {
	case u.User:
		return errors.New("a unit of the user's is the user's own")
	case u.PID < 0 || u.PID > 0 && u.Do != "reload":
		return fmt.Errorf("a process is told nothing but to reload, not to %q", u.Do)
	case !slices.Contains(known, u.Name):
		return fmt.Errorf("%q is no unit that setup knows", u.Name)
	case !slices.Contains([]string{"enable", "start", "reload", "restart"}, u.Do):
		return fmt.Errorf("%q is nothing that is done to a unit", u.Do)
	}
	return nil
}

func examineToolkit(t *setup.Toolkit) error {
	err := errors.Join(within(t.Path, "/etc/nvidia-container-runtime/config.toml"), tool(t.Tool, "nvidia-ctk"))
	for key, value := range t.Set {
		if !regexp.MustCompile(`^(swarm-resource|nvidia-container-cli\.no-cgroups|nvidia-container-runtime\.mode|accept-nvidia-visible-devices-[a-z-]+)$`).MatchString(key) {
			err = errors.Join(err, fmt.Errorf("%q is not a setting that setup changes", key))
		}
		if !regexp.MustCompile(`^[A-Za-z0-9_.,-]*$`).MatchString(value) {
			err = errors.Join(err, fmt.Errorf("%q is not a value of %s", value, key))
		}
	}
	return err
}
