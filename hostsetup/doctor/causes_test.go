package doctor

import (
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// One cause hides what follows from it, across groups.
func TestWhatFollowsFromWhat(t *testing.T) {
	for _, c := range []struct {
		of, cause string
		make      func(*host.Host)
		hidden    []string
	}{
		{"broken-cdi-stale", "G001", func(h *host.Host) { h.Driver, h.GPUs = host.Driver{}, nil }, []string{"C001", "C008", "C010", "C016", "C017", "C018", "C019", "C054"}},
		{"broken-cdi-stale", "G002", func(h *host.Host) { h.Driver.Libraries[0].Version = "570.1" }, []string{"C010", "C012", "C013", "C014", "C016", "C019", "C021", "C037", "C054", "C055"}},
		{"broken-toolkit-missing", "C001", nil, []string{"C007", "C010", "C018"}},
		{"broken-runtime-dangling", "C001", nil, []string{"C007"}},
		{"broken-daemon-json-cut", "C006", nil, []string{"C001", "C005", "C018", "C050", "C063"}},
		{"broken-socket-denied", "C039", nil, []string{"C001", "C005", "C050"}},
		{"broken-desktop-linux", "C002", nil, []string{"C001", "C005", "C008", "C036", "C018"}},
		{"broken-snap", "C003", nil, []string{"C001", "C036", "C017"}},
		{"broken-cdi-duplicates", "C052", nil, []string{"C018"}},
		{"broken-cdi-cut-file", "C051", nil, []string{"C018", "C019"}},
		{"broken-cdi-unknown-field-docker25", "C020", nil, []string{"C018", "C053"}},
		{"broken-swarm-default-runtime", "C063", nil, []string{"C061", "C064"}},
		{"broken-driver-in-image", "C028", nil, []string{"C059"}},
	} {
		h := recorded(t, c.of)
		if c.make != nil {
			c.make(h)
		}
		r := Examine(h, All(), judgedAt())
		assert.Assert(t, slices.Contains(codes(r.Findings), c.cause), "%s: %v", c.of, codes(r.Findings))
		for _, code := range c.hidden {
			assert.Assert(t, slices.Contains(r.Hidden, Hidden{code, c.cause}), "%s: %s is not hidden by %s: %v", c.of, code, c.cause, r.Hidden)
		}
	}
}

// What looks like a failure and is none.
func TestNothingIsSaidWithoutNeed(t *testing.T) {
	const docker29, debian = "healthy-docker29-cdi", "healthy-debian12-docker20"
	for name, c := range map[string]struct {
		of, code string
		make     func(*host.Host)
	}{
		"the toolkit was upgraded, containers run": {docker29, "C001", func(h *host.Host) { h.Toolkit.Installed = judgedAt() }},
		"base package alone is enough for 29.2":    {docker29, "C001", func(h *host.Host) { delete(h.Toolkit.Binaries, runtimeHook) }},
		"no runtime registered, none asked for":    {docker29, "C005", func(h *host.Host) { delete(h.Engine.Runtimes, "nvidia") }},
		"a runtime of somebody else":               {docker29, "C007", func(h *host.Host) { h.Engine.Runtimes["kata"] = "/opt/kata/bin/containerd-shim-kata-v2" }},
		"cgroupfs knows no daemon-reload":          {debian, "C010", func(h *host.Host) {}},
		"SELinux without Docker's labels":          {docker29, "C011", func(h *host.Host) { h.OS.SELinux = "enforcing" }},
		"a spec without majors":                    {docker29, "C016", func(h *host.Host) { h.CDI.Specs[0].Nodes[1].Major = nil }},
		"WSL has no uvm":                           {docker29, "C016", func(h *host.Host) { h.OS.WSL, h.Nodes = 2, h.Nodes[:1] }},
		"an engine that does not tell its devices": {docker29, "C018", func(h *host.Host) { h.Engine.Version, h.Engine.CDIDevices = "27.5.1", nil }},
		"a spec of others":                         {docker29, "C019", func(h *host.Host) { h.CDI.Specs[0].Kind, h.CDI.Specs[0].DriverVersion = "amd.com/gpu", "1" }},
		"gids known since 26.1":                    {docker29, "C020", func(h *host.Host) { h.Engine.Version = "26.1.4" }},
		"an engine built from source":              {docker29, "C020", func(h *host.Host) { h.Engine.Version = "2.0.0-beta.24" }},
		"an engine built from source reads specs":  {docker29, "C053", func(h *host.Host) { h.Engine.Version, h.CDI.Specs[0].Schema = "dev", "1.1.0" }},
		"one device, two directories": {docker29, "C052", func(h *host.Host) {
			s := h.CDI.Specs[0]
			s.Path = "/etc/cdi/nvidia.yaml"
			h.CDI.Specs = append(h.CDI.Specs, s)
		}},
		"one source, two architectures": {docker29, "C024", func(h *host.Host) { h.Toolkit.Repositories = append(h.Toolkit.Repositories, h.Toolkit.Repositories[0]) }},
		"two files, one key": {docker29, "C024", func(h *host.Host) {
			r := h.Toolkit.Repositories[0]
			r.File = "/etc/apt/sources.list.d/x.list"
			h.Toolkit.Repositories = append(h.Toolkit.Repositories, r)
		}},
		"the CUDA repository with its key": {docker29, "C025", func(h *host.Host) {
			h.Toolkit.Repositories = append(h.Toolkit.Repositories, host.Repository{URI: "https://developer.download.nvidia.com/compute/cuda/repos/ubuntu2404/x86_64", SignedBy: "/usr/share/keyrings/cuda-archive-keyring.gpg"})
		}},
		"shared memory of the host":            {docker29, "C030", func(h *host.Host) { c := &h.Engine.Containers[0]; c.Shm, c.IPC = 64<<20, "host" }},
		"the file is newer and says what runs": {docker29, "C056", func(h *host.Host) { h.Engine.Config, h.Engine.ConfigChanged = `{"live-restore": false}`, judgedAt() }},
		"no-cgroups for a rootless engine":     {"healthy-rootless", "C058", func(h *host.Host) {}},
		"exit 128 without a restart policy":    {docker29, "C059", func(h *host.Host) { c := &h.Engine.Containers[0]; c.State, c.Exit = "exited", 128 }},
		"the swarm's short UUIDs":              {"healthy-swarm-node", "C062", func(h *host.Host) {}},
		"two who name their GPUs": {docker29, "C065", func(h *host.Host) {
			h.GPUs = append(h.GPUs, h.GPUs[0])
			h.Engine.Containers = append(h.Engine.Containers, h.Engine.Containers[0])
		}},
		"no CLI was asked": {docker29, "C066", func(h *host.Host) { h.Engine.Client, h.Engine.Hooks = "", nil }},
		"a container from before the engine's upgrade": {docker29, "C067", func(h *host.Host) { h.Engine.Containers[0].Route = byHook; h.Engine.Started = judgedAt() }},
		"the file names a flag's neighbour":            {docker29, "C006", func(h *host.Host) { h.Engine.Config = `{"debug": true}` }},
		"MIG's administration is for root": {docker29, "C040", func(h *host.Host) {
			h.Engine.UserNS, h.Nodes = true, append(h.Nodes, host.Node{Path: "/dev/nvidia-caps/nvidia-cap1", Mode: 0o400}, host.Node{Path: "/dev/nvidia-caps/nvidia-cap2", Mode: 0o444})
		}},
		"runtimes from both, which dockerd joins": {docker29, "C006", func(h *host.Host) {
			h.Engine.Config, h.Engine.Args = `{"runtimes": {"nvidia": {"path": "nvidia-container-runtime"}}}`, []string{"dockerd", "--add-runtime", "crun=/usr/bin/crun"}
		}},
		"an open device": {docker29, "C040", func(h *host.Host) { h.Engine.UserNS = true }},
	} {
		t.Run(name, func(t *testing.T) {
			h := recorded(t, c.of)
			c.make(h)
			i := slices.IndexFunc(All(), func(x Check) bool { return x.Code == c.code })
			assert.Equal(t, len(alone(h, All()[i]).Findings), 0, "%+v", alone(h, All()[i]).Findings)
		})
	}
}

// A fix is for the host's distribution and disturbs as little as its engine allows.
func TestFixesFitTheHost(t *testing.T) {
	line := func(f Fix) string {
		var out []string
		for _, a := range f.Argv {
			out = append(out, strings.Join(a, " "))
		}
		return strings.Join(out, "; ")
	}
	install := func(id, like, version string, sources ...string) string {
		return line(toolkitInstall(&host.Host{OS: host.OS{ID: id, Like: like, Version: version}, Toolkit: host.Toolkit{Sources: sources}}))
	}
	assert.Assert(t, strings.HasSuffix(install("linuxmint", "ubuntu debian", "22"), "apt-get install -y nvidia-container-toolkit=1.20.1-1 nvidia-container-toolkit-base=1.20.1-1 libnvidia-container-tools=1.20.1-1 libnvidia-container1=1.20.1-1"))
	assert.Assert(t, strings.Contains(install("debian", "", "12"), "signed-by="))
	assert.Assert(t, !strings.Contains(install("debian", "", "12", "/etc/apt/sources.list.d/nvidia-container-toolkit.list"), "curl"))
	assert.Assert(t, strings.Contains(install("rocky", "rhel centos fedora", "9"), "dnf install -y nvidia-container-toolkit-1.20.1-1"))
	assert.Assert(t, strings.Contains(install("amzn", "fedora", "2"), "yum install"))
	assert.Assert(t, strings.Contains(install("opensuse-leap", "suse opensuse", "15.6"), "zypper --non-interactive install nvidia-container-toolkit=1.20.1-1"))
	assert.Equal(t, install("arch", "", ""), "", "no commands that were never tried")

	for _, c := range []struct {
		engine host.Engine
		want   string
		root   bool
	}{
		{host.Engine{}, "systemctl restart docker", true}, {host.Engine{Rootless: true}, "systemctl --user restart docker", false},
		{host.Engine{Kind: "snap"}, "snap restart docker", true}, {host.Engine{Kind: "desktop"}, "docker desktop restart", false},
	} {
		f := engineRestart(&host.Host{Engine: c.engine})
		assert.Equal(t, line(f), c.want)
		assert.Equal(t, f.Root, c.root)
		assert.Equal(t, f.Disruption, Restart)
	}
	assert.Assert(t, strings.Contains(engineRestart(&host.Host{Engine: host.Engine{LiveRestore: true, Running: 3}}).Title, "stay up"))
	assert.Assert(t, strings.Contains(engineRestart(&host.Host{Engine: host.Engine{Running: 3}}).Title, "3 running containers stop"))

	// From 28.2 on, GPUs come without a restart; before, there is none without.
	find := func(name, version, code string) []Fix {
		h := recorded(t, name)
		h.Engine.Version = version
		for _, f := range Examine(h, All(), judgedAt()).Findings {
			if f.Code == code {
				return f.Fixes
			}
		}
		t.Fatalf("%s on %s: no %s", name, version, code)
		return nil
	}
	assert.Equal(t, find("broken-toolkit-missing", "28.2.0", "C001")[0].Disruption, None)
	assert.Equal(t, find("broken-toolkit-missing", "28.1.1", "C001")[0].Disruption, Restart)
	assert.Equal(t, find("broken-docker-not-restarted", "29.7.2", "C001")[0].Disruption, None)
	assert.Equal(t, find("broken-runtime-not-reloaded", "29.7.2", "C005")[0].Disruption, Reload)
	assert.Equal(t, find("broken-cdi-switched-off", "29.7.2", "C017")[0].Disruption, Restart)
	stale := find("broken-cdi-stale", "29.7.2", "C019")
	assert.Equal(t, line(stale[0]), "cp -a -- /etc/cdi/nvidia.yaml /etc/cdi/nvidia.yaml.before; nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml")
	assert.Assert(t, stale[0].Safe && len(stale[0].Undo) == 1)
	assert.Equal(t, line(find("broken-cdi-stale-shadowed", "29.7.2", "C019")[0]), "mv -- /etc/cdi/nvidia.yaml /etc/cdi/nvidia.yaml.aside")
	assert.Equal(t, line(find("broken-cdi-wrong-uvm-major", "29.7.2", "C016")[0]), "nvidia-ctk cdi generate --output=/var/run/cdi/nvidia.yaml")
}
