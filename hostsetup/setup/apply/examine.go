package apply

import (
	"errors"
	"fmt"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/dockergpu/docker-gpu/hostsetup/setup"
	"github.com/dockergpu/docker-gpu/internal/policy"
)

// examine says what of a plan root's helper does not do. It is asked by whoever may start it
// as root, and does for them what setup does, and nothing else.
func examine(plan *setup.Plan) error {
	if plan == nil {
		return errors.New("there is no plan")
	}
	for _, s := range plan.Steps {
		if !s.Root {
			continue
		}
		if err := examineStep(s.Op); err != nil {
			return fmt.Errorf("root's helper does not make the step %q: %w", s.ID, err)
		}
	}
	return nil
}

func examineStep(op setup.Op) error {
	switch {
	case op.File != nil:
		return examineFile(op.File)
	case op.Key != nil:
		return examineKey(op.Key)
	case op.Packages != nil:
		return examinePackages(op.Packages)
	case op.Hold != nil:
		return errors.Join(managed(op.Hold.Manager), each(op.Hold.Packages, packagePattern, "package"))
	case op.Programs != nil:
		return examinePrograms(op.Programs)
	case op.Daemon != nil:
		return examineDaemon(op.Daemon)
	case op.CDI != nil:
		return errors.Join(within(op.CDI.Output, "/etc/cdi/*", "/var/run/cdi/*", "/run/cdi/*", "/*/*/cdi/*", "/*/*/*/cdi/*"), tool(op.CDI.Tool, "nvidia-ctk"))
	case op.Unit != nil:
		return examineUnit(op.Unit)
	case op.Module != nil:
		return each([]string{op.Module.Name}, regexp.MustCompile(`^nvidia(-uvm|-modeset|-drm|_uvm|_modeset|_drm)?$`), "module")
	case op.Toolkit != nil:
		return examineToolkit(op.Toolkit)
	case op.Hooks != nil:
		return errors.New("hooks are the user's own")
	}
	return nil
}

// places are where files may be put or taken away, as patterns.
func places() []string {
	return []string{
		"/etc/apt/sources.list.d/*.list", "/etc/apt/sources.list.d/*.sources", "/etc/apt/preferences.d/*",
		"/etc/yum.repos.d/*.repo", "/etc/zypp/repos.d/*.repo",
		"/etc/modprobe.d/*.conf", "/etc/modules-load.d/*.conf",
		"/etc/cdi/*", "/var/run/cdi/*", "/run/cdi/*",
	}
}

// configs are the daemon.json of the machine's engines.
func configs() []string {
	return []string{"/etc/docker/daemon.json", "/var/snap/docker/current/config/daemon.json", "/var/snap/docker/*/config/daemon.json"}
}

var plainName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+@-]*$`)

// within says whether a path is one of a list of patterns, without any way out of them.
func within(name string, patterns ...string) error {
	ok := path.IsAbs(name) && path.Clean(name) == name && plainName.MatchString(path.Base(name)) &&
		slices.ContainsFunc(patterns, func(p string) bool { ok, _ := path.Match(p, name); return ok })
	if !ok {
		return fmt.Errorf("%q is not a place that setup writes to", name)
	}
	return nil
}

func tool(name string, base string) error {
	return within(name, "/usr/bin/"+base, "/usr/local/bin/"+base, "/usr/local/nvidia/toolkit/"+base, "/opt/*/bin/"+base, "/usr/sbin/"+base)
}

func each(names []string, pattern *regexp.Regexp, what string) error {
	for _, n := range names {
		if !pattern.MatchString(n) {
			return fmt.Errorf("%q is no %s", n, what)
		}
	}
	return nil
}

func managed(name string) error { _, err := managerOf(name); return err }

func examineFile(f *setup.File) error {
	if f.Absent {
		return within(f.Path, append(places(), configs()...)...)
	}
	if err := within(f.Path, places()...); err != nil {
		return err
	}
	if f.Mode != 0 && f.Mode != 0o644 && f.Mode != 0o640 && f.Mode != 0o600 {
		return fmt.Errorf("%s may not have mode %04o", f.Path, f.Mode)
	}
	for suffix, must := range map[string]*regexp.Regexp{".repo": checked, ".list": signedBy, ".sources": signedBy} {
		if path.Ext(f.Path) == suffix && !must.MatchString(f.Content) {
			return fmt.Errorf("%s does not say which key signs its packages", f.Path)
		}
	}
	for line := range strings.Lines(f.Content) {
		if err := examineLine(path.Dir(f.Path), strings.TrimSpace(line)); err != nil {
			return fmt.Errorf("%s: %w", f.Path, err)
		}
	}
	return nil
}

var (
	address     = regexp.MustCompile(`[A-Za-z][A-Za-z0-9+.-]*://[^\s]+`)
	untrusted   = regexp.MustCompile(`(?i)trusted\s*[=:]\s*(yes|true|1)|allow-(insecure|weak|downgrade-to-insecure)\s*[=:]\s*(yes|true|1)|check-valid-until\s*[=:]\s*no|sslverify\s*=\s*(0|no|false)|pkg_gpgcheck\s*=\s*0`)
	checked     = regexp.MustCompile(`(?m)^(repo_)?gpgcheck=1$`)
	signedBy    = regexp.MustCompile(`(?i)signed-by\s*[:=]\s*/`)
	moduleLines = regexp.MustCompile(`^(#.*|blacklist [a-z0-9_-]+|options [a-z0-9_-]+( [A-Za-z0-9_]+=[A-Za-z0-9_.:,;-]*)+|[a-z0-9_-]*)$`)
)

// examineLine keeps lines away by which a file would do more than it is for: an "install"
// line of modprobe's runs any command, a source may be told not to look at signatures.
func examineLine(dir, line string) error {
	if strings.ContainsAny(line, "\x00\x1b\r") {
		return errors.New("it has control characters")
	}
	switch dir {
	case "/etc/modprobe.d", "/etc/modules-load.d":
		if !moduleLines.MatchString(line) {
			return fmt.Errorf("the line %q is not one of a setup", line)
		}
	case "/etc/apt/sources.list.d", "/etc/yum.repos.d", "/etc/zypp/repos.d":
		if untrusted.MatchString(line) {
			return fmt.Errorf("the line %q would take packages that nobody signed", line)
		}
		for _, a := range address.FindAllString(line, -1) {
			if strings.HasPrefix(a, "file:///etc/pki/rpm-gpg/") || strings.HasPrefix(a, "file:///etc/apt/keyrings/") {
				continue
			}
			if err := knownHost(a); err != nil {
				return err
			}
		}
	}
	return nil
}

// knownHost says whether an address is https and of a repository that is known.
func knownHost(a string) error {
	u, err := url.Parse(a)
	if err != nil {
		return err
	}
	if err := secure(u); err != nil {
		return err
	}
	for _, known := range []string{policy.DockerRepository, policy.ToolkitRepository, policy.CUDARepositories} {
		if k, err := url.Parse(known); err == nil && k.Host == u.Host {
			return nil
		}
	}
	return fmt.Errorf("%s is not a host that setup takes packages from", u.Host)
}

func examineKey(k *setup.Key) error {
	if err := knownHost(k.URL); err != nil {
		return err
	}
	if len(k.Fingerprints) == 0 {
		return errors.New("the key has no fingerprint to be compared with")
	}
	for _, f := range k.Fingerprints {
		if !slices.ContainsFunc(policy.SigningKeys(), func(s policy.SigningKey) bool { return slices.Contains(s.Fingerprints, f) }) {
			return fmt.Errorf("%q is not the fingerprint of a key that setup knows", f)
		}
	}
	if k.RPM && k.Path == "" {
		return nil
	}
	return within(k.Path, "/etc/apt/keyrings/*", "/usr/share/keyrings/*", "/etc/pki/rpm-gpg/*")
}
