package plugin

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/doctor"
	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/hostsetup/setup"
)

// Each kind of operation says exactly what it does.
func TestSetupOperations(t *testing.T) {
	for name, c := range map[string]struct {
		op   setup.Op
		want string
	}{
		"a file": {setup.Op{File: &setup.File{Path: "/etc/modprobe.d/a.conf", Content: "blacklist nouveau\n\noptions\tx\n"}}, `
    File:  /etc/modprobe.d/a.conf
           + blacklist nouveau
           +
           + options x`},
		"no file":      {setup.Op{File: &setup.File{Path: "/etc/cdi/nvidia.yaml", Absent: true}}, "\n    File:  /etc/cdi/nvidia.yaml is removed"},
		"a key":        {setup.Op{Key: &setup.Key{URL: "https://example.com/k", Fingerprints: []string{"AB", "CD"}, Path: "/etc/apt/keyrings/k.asc"}}, "\n    Key:   https://example.com/k\n           AB\n           CD\n    To:    /etc/apt/keyrings/k.asc"},
		"a key of rpm": {setup.Op{Key: &setup.Key{URL: "https://example.com/k", RPM: true}}, "\n    Key:   https://example.com/k\n    To:    rpm's keyring"},
		"packages": {setup.Op{Packages: &setup.Packages{Origin: "NVIDIA", Modules: []string{"nvidia-driver:580-open"}, Install: []setup.Package{{Name: "a", Version: "1"}, {Name: "b"}}, Remove: []string{"c", "d"}}}, `
    From:  NVIDIA
    Using: the module stream nvidia-driver:580-open
    Adds:  a=1 b
    Drops: c d`},
		"a hold":   {setup.Op{Hold: &setup.Hold{Packages: []string{"nvidia-*", "b"}}}, "\n    Hold:  nvidia-* b"},
		"programs": {setup.Op{Programs: &setup.Programs{From: "/opt/a", To: "/usr/bin", Names: []string{"x"}, Sums: map[string]string{"x": strings.Repeat("0123456789abcdef", 4)}}}, "\n    Copy:  /opt/a/x to /usr/bin/x (SHA-256 0123456789ab…)"},
		"a spec":   {setup.Op{CDI: &setup.CDI{Output: "/etc/cdi/nvidia.yaml", Tool: "/usr/bin/nvidia-ctk"}}, "\n    File:  /etc/cdi/nvidia.yaml, written by /usr/bin/nvidia-ctk"},
		"a unit":   {setup.Op{Unit: &setup.Unit{Name: "docker.service", Do: "restart"}}, "\n    Unit:  docker.service: restart"},
		"a user's": {setup.Op{Unit: &setup.Unit{Name: "docker.service", Do: "restart", User: true}}, "\n    Unit:  docker.service of your own systemd: restart"},
		"a signal": {setup.Op{Unit: &setup.Unit{Name: "docker.service", Do: "reload", PID: 42}}, "\n    Unit:  SIGHUP to process 42"},
		"a module": {setup.Op{Module: &setup.Module{Name: "nvidia"}}, "\n    Loads: nvidia"},
		"values":   {setup.Op{Toolkit: &setup.Toolkit{Path: "/etc/c.toml", Set: map[string]string{"b": "2", "a": "1"}}}, "\n    File:  /etc/c.toml: a = 1\n    File:  /etc/c.toml: b = 2"},
		"hooks":    {setup.Op{Hooks: &setup.Hooks{Path: "/home/me/.docker/config.json"}}, "\n    File:  /home/me/.docker/config.json"},
		"edits": {setup.Op{Daemon: &setup.Daemon{Path: "/etc/docker/daemon.json", Edits: []setup.Edit{{Key: []string{"features", "cdi"}, Value: json.RawMessage("true")}, {Key: []string{"live-restore"}}}}},
			"\n           --- /etc/docker/daemon.json\n           +++ /etc/docker/daemon.json\n           @@ -1,0 +1,5 @@\n           +{\n           +  \"features\": {\n           +    \"cdi\": true\n           +  }\n           +}"},
		"a reboot": {setup.Op{Reboot: &setup.Reboot{Why: "x"}}, ""},
		"evil":     {setup.Op{Unit: &setup.Unit{Name: "\x1b[2Ja\nb", Do: "restart"}}, "\n    Unit:  [2Ja b: restart"},
	} {
		t.Run(name, func(t *testing.T) {
			r, _ := settingUp(t, newScreen(t, false, ""), "ubuntu2404-all-right")
			var b strings.Builder
			r.operation(&b, c.op, nil)
			assert.Equal(t, strings.TrimSuffix("\n"+b.String(), "\n"), strings.TrimSuffix(c.want, "\n"))
		})
	}
}

// A daemon.json that cannot be edited is said to be so, and the plan is shown all the same.
func TestSetupEditThatCannotBe(t *testing.T) {
	r, _ := settingUp(t, newScreen(t, false, ""), "ubuntu2404-all-right")
	r.edit = func([]byte, []setup.Edit) ([]byte, error) {
		return nil, errors.New("line 3, column 1: \x1b[2Ja comment")
	}
	var b strings.Builder
	after := r.daemonDiff(&b, &setup.Daemon{Path: "/etc/docker/daemon.json"}, []byte("{}"))
	assert.Equal(t, string(after), "{}")
	assert.Equal(t, b.String(), "    File:  /etc/docker/daemon.json: line 3, column 1: [2Ja comment\n")
}

func TestSetupSubject(t *testing.T) {
	for name, c := range map[string]struct {
		host host.Host
		want string
	}{
		"nothing":       {host.Host{}, "this machine, no driver, no Docker that answers"},
		"a driver":      {host.Host{OS: host.OS{Pretty: "Debian 12"}, Driver: host.Driver{Version: "580.95.05"}, Engine: host.Engine{Version: "29.4.0"}}, "Debian 12, driver 580.95.05, Docker 29.4.0"},
		"by the driver": {host.Host{GPUs: []host.GPU{{Name: "NVIDIA H200"}, {Name: "NVIDIA H200"}}, PCI: []host.PCI{{Class: "0302", Device: "2335"}}}, "this machine, 2 × NVIDIA H200, no driver, no Docker that answers"},
		"by the bus": {host.Host{PCI: []host.PCI{{Class: "0302", Device: "2335"}, {Class: "0302", Device: "2335"}, {Class: "0300", Device: "1b38"}, {Class: "0680", Device: "22a3"}}},
			"this machine, 2 Hopper GPUs, 1 Pascal GPU, no driver, no Docker that answers"},
		"unknown": {host.Host{PCI: []host.PCI{{Class: "0302", Device: "ffff"}}}, "this machine, 1 unknown GPU, no driver, no Docker that answers"},
		"evil":    {host.Host{OS: host.OS{Pretty: "\x1b[31mx"}, Driver: host.Driver{Version: "1\n2"}, Engine: host.Engine{Version: "\u202e3"}}, "[31mx, driver 1 2, Docker 3"},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, setupSubject(&c.host), c.want) })
	}
}

func TestSetupTotal(t *testing.T) {
	step := func(root bool, d doctor.Disruption) setup.Step { return setup.Step{Root: root, Disruption: d} }
	for want, steps := range map[string][]setup.Step{
		"Nothing to do.\n":                                                  nil,
		"1 step, as root; nothing stops.\n":                                 {step(true, doctor.None)},
		"1 step; nothing stops.\n":                                          {step(false, doctor.None)},
		"2 steps, as root; nothing stops.\n":                                {step(true, doctor.Reload), step(true, doctor.None)},
		"2 steps, 1 of them as root; Docker restarts.\n":                    {step(true, doctor.Restart), step(false, doctor.None)},
		"3 steps, 2 of them as root; you restart the machine in between.\n": {step(true, doctor.Restart), step(false, doctor.Reboot), step(true, doctor.None)},
	} {
		r, _ := settingUp(t, newScreen(t, false, ""), "ubuntu2404-all-right")
		var b strings.Builder
		r.total(&b, &setup.Plan{Steps: steps})
		assert.Equal(t, b.String(), want)
	}
}

func TestSetupFirstLetters(t *testing.T) {
	for text, want := range map[string]string{
		"install it": "Install it", "--gpus works": "--gpus works", "`docker run` works": "`docker run` works", "/etc/cdi is": "/etc/cdi is", "": "",
		"nvidia-docker2 is left": "nvidia-docker2 is left", "libnvidia-container1 is held": "libnvidia-container1 is held", "live-restore counts": "live-restore counts", "Docker is": "Docker is",
	} {
		assert.Equal(t, upperFirst(text), want)
	}
}

// On a terminal the titles are bold, and disruptions yellow; NO_COLOR keeps them plain.
func TestSetupColours(t *testing.T) {
	show := func() string {
		s := newScreen(t, true, "")
		r, _ := settingUp(t, s, "ubuntu2404-docker283-idle", "--dry-run")
		r.paint = paint{true}
		assert.NilError(t, r.do(t.Context()))
		return s.out.String()
	}
	coloured := show()
	for _, want := range []string{"\x1b[1mInstall the NVIDIA Container Toolkit 1.20.1\x1b[0m", "\x1b[33mDocker is away for a moment, and builds stop.\x1b[0m", "\x1b[1mRight already\x1b[0m"} {
		assert.Assert(t, strings.Contains(coloured, want), "%q in %q", want, coloured)
	}
}
