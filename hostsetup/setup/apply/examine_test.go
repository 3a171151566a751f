//go:build linux

package apply

import (
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/setup"
	"github.com/dockergpu/docker-gpu/internal/policy"
)

// TestExamine has what root's helper makes and what it does not.
func TestExamine(t *testing.T) {
	file := func(path, content string) setup.Op { return setup.Op{File: &setup.File{Path: path, Content: content}} }
	key, _ := policy.KeyOf("docker-deb")
	sum := strings.Repeat("a", 64)
	for name, c := range map[string]struct {
		op   setup.Op
		want string // "" is made
	}{
		"an apt source":     {file("/etc/apt/sources.list.d/docker.sources", "Types: deb\nURIs: https://download.docker.com/linux/debian\nSigned-By: /etc/apt/keyrings/docker.asc\n"), ""},
		"http":              {file("/etc/apt/sources.list.d/docker.sources", "URIs: http://download.docker.com/linux/debian\nSigned-By: /k\n"), "is not an https address"},
		"another host":      {file("/etc/apt/sources.list.d/a.list", "deb [signed-by=/k] https://evil.example/ ./\n"), "evil.example is not a host"},
		"a host in a user":  {file("/etc/apt/sources.list.d/a.list", "deb [signed-by=/k] https://download.docker.com@evil.example/ ./\n"), "is not an https address"},
		"trusted":           {file("/etc/apt/sources.list.d/a.list", "deb [trusted=yes signed-by=/k] https://download.docker.com/ ./\n"), "nobody signed"},
		"trusted, deb822":   {file("/etc/apt/sources.list.d/a.sources", "Signed-By: /k\nTrusted: Yes\n"), "nobody signed"},
		"no key":            {file("/etc/apt/sources.list.d/a.list", "deb https://download.docker.com/ ./\n"), "which key signs"},
		"a repo":            {file("/etc/yum.repos.d/docker.repo", "[d]\nbaseurl=https://download.docker.com/linux/rhel\ngpgcheck=1\ngpgkey=file:///etc/pki/rpm-gpg/RPM-GPG-KEY-docker\n"), ""},
		"an unchecked repo": {file("/etc/yum.repos.d/docker.repo", "[d]\nbaseurl=https://download.docker.com/linux/rhel\ngpgcheck=0\n"), "which key signs"},
		"a key of a file":   {file("/etc/yum.repos.d/docker.repo", "[d]\ngpgcheck=1\ngpgkey=file:///tmp/key\n"), "is not an https address"},
		"no verification":   {file("/etc/yum.repos.d/docker.repo", "[d]\ngpgcheck=1\nsslverify=0\n"), "nobody signed"},
		"a blacklist":       {file("/etc/modprobe.d/nouveau.conf", "# why\nblacklist nouveau\noptions nouveau modeset=0\n"), ""},
		"a command":         {file("/etc/modprobe.d/x.conf", "install nouveau /tmp/evil\n"), "is not one of a setup"},
		"a cron job":        {file("/etc/cron.d/x", "* * * * * root x\n"), "not a place that setup writes to"},
		"a way out":         {file("/etc/modprobe.d/../cron.d/x.conf", ""), "not a place"},
		"a deeper folder":   {file("/etc/cdi/x/y.yaml", ""), "not a place"},
		"a hidden file":     {file("/etc/cdi/.x", ""), "not a place"},
		"an escape":         {file("/etc/modprobe.d/x\n.conf", ""), "not a place"},
		"a relative path":   {file("etc/cdi/x.yaml", ""), "not a place"},
		"setuid":            {setup.Op{File: &setup.File{Path: "/etc/cdi/x.yaml", Mode: 0o4755}}, "may not have mode 4755"},
		"daemon.json whole": {file("/etc/docker/daemon.json", "{}"), "not a place"},
		"daemon.json gone":  {setup.Op{File: &setup.File{Path: "/etc/docker/daemon.json", Absent: true}}, ""},
		"passwd gone":       {setup.Op{File: &setup.File{Path: "/etc/passwd", Absent: true}}, "not a place"},

		"a key":             {setup.Op{Key: &setup.Key{URL: key.URL, Fingerprints: key.Fingerprints, Path: "/etc/apt/keyrings/docker.asc"}}, ""},
		"a key for rpm":     {setup.Op{Key: &setup.Key{URL: key.URL, Fingerprints: key.Fingerprints, RPM: true}}, ""},
		"another key":       {setup.Op{Key: &setup.Key{URL: key.URL, Fingerprints: []string{strings.Repeat("A", 40)}, Path: "/etc/apt/keyrings/docker.asc"}}, "is not the fingerprint of a key"},
		"any key":           {setup.Op{Key: &setup.Key{URL: key.URL, Path: "/etc/apt/keyrings/docker.asc"}}, "no fingerprint"},
		"a key from abroad": {setup.Op{Key: &setup.Key{URL: "https://evil.example/k", Fingerprints: key.Fingerprints}}, "not a host"},
		"a key as passwd":   {setup.Op{Key: &setup.Key{URL: key.URL, Fingerprints: key.Fingerprints, Path: "/etc/passwd"}}, "not a place"},

		"packages":          {setup.Op{Packages: &setup.Packages{Manager: "apt", Install: []setup.Package{{Name: "nvidia-fabricmanager-580", Version: "580.1-*"}, {Name: "lib:i386", Version: "1:2.0~rc1-1"}}}}, ""},
		"an option":         {setup.Op{Packages: &setup.Packages{Manager: "apt", Install: []setup.Package{{Name: "-oDpkg::Pre-Invoke::=evil"}}}}, "is no package"},
		"a file":            {setup.Op{Packages: &setup.Packages{Manager: "apt", Install: []setup.Package{{Name: "/tmp/evil.deb"}}}}, "is no package"},
		"a removal":         {setup.Op{Packages: &setup.Packages{Manager: "apt", Remove: []string{"a b"}}}, "is no package"},
		"a version":         {setup.Op{Packages: &setup.Packages{Manager: "apt", Install: []setup.Package{{Name: "a", Version: "1 -o"}}}}, "is no version"},
		"a manager":         {setup.Op{Packages: &setup.Packages{Manager: "sh"}}, "is no package manager"},
		"a stream":          {setup.Op{Packages: &setup.Packages{Manager: "dnf", Modules: []string{"--x"}}}, "is no module stream"},
		"a folder":          {setup.Op{Packages: &setup.Packages{Manager: "apt", Dir: "../x"}}, "not the path of a folder"},
		"a hold":            {setup.Op{Hold: &setup.Hold{Manager: "apt", Packages: []string{"libnvidia-*"}}}, ""},
		"a hold of options": {setup.Op{Hold: &setup.Hold{Manager: "apt", Packages: []string{"--x"}}}, "is no package"},

		"programs":       {setup.Op{Programs: &setup.Programs{From: "/media/usb", To: "/usr/bin", Names: []string{"nvidia-ctk", "nvidia-container-runtime.cdi"}, Sums: map[string]string{"nvidia-ctk": sum, "nvidia-container-runtime.cdi": sum}}}, ""},
		"a shell":        {setup.Op{Programs: &setup.Programs{From: "/media/usb", To: "/usr/bin", Names: []string{"sh"}, Sums: map[string]string{"sh": sum}}}, "no program of the toolkit"},
		"a sumless one":  {setup.Op{Programs: &setup.Programs{From: "/media/usb", To: "/usr/bin", Names: []string{"nvidia-ctk"}}}, "no SHA-256"},
		"programs for /": {setup.Op{Programs: &setup.Programs{From: "/media/usb", To: "/etc/cron.daily", Names: []string{"nvidia-ctk"}, Sums: map[string]string{"nvidia-ctk": sum}}}, "not a place"},
		"features":       {setup.Op{Daemon: &setup.Daemon{Path: "/etc/docker/daemon.json", Dockerd: "/usr/bin/dockerd", Edits: []setup.Edit{{Key: []string{"features", "cdi"}}}}}, ""},
		"hosts":          {setup.Op{Daemon: &setup.Daemon{Path: "/etc/docker/daemon.json", Edits: []setup.Edit{{Key: []string{"hosts"}}}}}, "not a setting"},
		"a dockerd":      {setup.Op{Daemon: &setup.Daemon{Path: "/etc/docker/daemon.json", Dockerd: "/tmp/dockerd"}}, "not a place"},
		"a spec":         {setup.Op{CDI: &setup.CDI{Output: "/var/run/cdi/nvidia.yaml", Tool: "/usr/bin/nvidia-ctk"}}, ""},
		"another folder": {setup.Op{CDI: &setup.CDI{Output: "/etc/docker/cdi/nvidia.yaml", Tool: "/usr/bin/nvidia-ctk"}}, ""},
		"no spec":        {setup.Op{CDI: &setup.CDI{Output: "/etc/netplan/x.yaml", Tool: "/usr/bin/nvidia-ctk"}}, "not a place"},
		"a spec's tool":  {setup.Op{CDI: &setup.CDI{Output: "/etc/cdi/nvidia.yaml", Tool: "/home/me/nvidia-ctk"}}, "not a place"},
		"a unit":         {setup.Op{Unit: &setup.Unit{Name: "docker.service", Do: "restart"}}, ""},
		"sshd":           {setup.Op{Unit: &setup.Unit{Name: "ssh.service", Do: "restart"}}, "no unit that setup knows"},
		"a mask":         {setup.Op{Unit: &setup.Unit{Name: "docker.service", Do: "mask"}}, "nothing that is done to a unit"},
		"a user's unit":  {setup.Op{Unit: &setup.Unit{Name: "docker.service", Do: "restart", User: true}}, "the user's own"},
		"a signal":       {setup.Op{Unit: &setup.Unit{Name: "docker.service", Do: "restart", PID: 7}}, "nothing but to reload"},
		"a module":       {setup.Op{Module: &setup.Module{Name: "nvidia-uvm", Nodes: true}}, ""},
		"another module": {setup.Op{Module: &setup.Module{Name: "../evil"}}, "is no module"},
		"the toolkit":    {setup.Op{Toolkit: &setup.Toolkit{Path: "/etc/nvidia-container-runtime/config.toml", Tool: "/usr/bin/nvidia-ctk", Set: map[string]string{"swarm-resource": "DOCKER_RESOURCE_GPU"}}}, ""},
		"its debug file": {setup.Op{Toolkit: &setup.Toolkit{Path: "/etc/nvidia-container-runtime/config.toml", Tool: "/usr/bin/nvidia-ctk", Set: map[string]string{"nvidia-container-runtime.debug": "/etc/passwd"}}}, "not a setting"},
		"a user's hooks": {setup.Op{Hooks: &setup.Hooks{Path: "/root/.docker/config.json"}}, "the user's own"},
		"a wait":         {setup.Op{Reboot: &setup.Reboot{}}, ""},
	} {
		s := step("it", c.op)
		s.Root = true
		err := examine(plan(s))
		if c.want == "" {
			assert.NilError(t, err, name)
			continue
		}
		assert.ErrorContains(t, err, c.want, name)
		s.Root = false
		assert.NilError(t, examine(plan(s)), "%s: what is not root's is no matter of the helper's", name)
	}
	assert.ErrorContains(t, examine(nil), "no plan")
}
