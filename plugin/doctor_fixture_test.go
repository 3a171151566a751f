package plugin

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/docker/cli/cli/command"
	"github.com/docker/cli/cli/config"
	"github.com/spf13/cobra"
	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/doctor"
	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// today is when tests judge.
var today = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// wrongWhere is a check that finds something where a host's processor is of a kind: a
// handle by which tests make hosts that are wrong in several ways at once.
func wrongWhere(kind string, c doctor.Check, found ...doctor.Finding) doctor.Check {
	c.Run = func(h *host.Host, _ time.Time) []doctor.Finding {
		for k := range strings.SplitSeq(h.Arch, "+") {
			if k == kind {
				return found
			}
		}
		return nil
	}
	return c
}

// testChecks are checks of the tests' own, one of each sort.
func testChecks() []doctor.Check {
	modprobe := doctor.Fix{Title: "load the module", Argv: [][]string{{"modprobe", "nvidia"}}, Root: true, Disruption: doctor.None, Undo: [][]string{{"modprobe", "-r", "nvidia"}}, Safe: true}
	return []doctor.Check{
		wrongWhere("nomodule", doctor.Check{Code: "T001", Title: "the kernel module is loaded", Group: doctor.Driver, Severity: doctor.Error,
			Cause: "The module was not loaded at boot, because the kernel that runs is newer than the one that it was built for.", Link: "https://example.com/T001"},
			doctor.Finding{Summary: "there is an NVIDIA GPU, but no NVIDIA kernel module is loaded", Evidence: []doctor.Evidence{{Source: "/proc/modules", Text: "no nvidia"}, {Source: "PCI", Text: "0000:65:00.0 10de:2335"}},
				Fixes: []doctor.Fix{modprobe, {Title: "install the driver for this kernel; the machine's documentation says how", Disruption: doctor.Reboot}}}),
		wrongWhere("nonodes", doctor.Check{Code: "T002", Title: "the device nodes are there", Group: doctor.Driver, Severity: doctor.Error, After: []string{"T001"}},
			doctor.Finding{Summary: "/dev/nvidia-uvm is missing", Fixes: []doctor.Fix{modprobe}}),
		wrongWhere("hot", doctor.Check{Code: "T003", Title: "the GPUs are cool", Group: doctor.Health, Severity: doctor.Warning, Needs: []doctor.Fact{doctor.NVML}, Cause: "Dust."},
			doctor.Finding{Summary: "GPU 0 is at 91 °C", GPU: "GPU-1", Fixes: []doctor.Fix{{Title: "clean the fans", Disruption: doctor.None}}},
			doctor.Finding{Summary: "GPU 1 is at 93 °C", GPU: "GPU-2", Fixes: []doctor.Fix{{Title: "clean the fans", Disruption: doctor.None}}}),
		wrongWhere("badconfig", doctor.Check{Code: "T004", Title: "daemon.json can be read", Group: doctor.Engine, Severity: doctor.Error, Cause: "It was edited by hand."},
			doctor.Finding{Summary: "daemon.json ends in the middle", Fixes: []doctor.Fix{{Title: "put the backup back", Argv: [][]string{{"cp", "/etc/docker/daemon json.bak", "/etc/docker/daemon.json"}, {"systemctl", "restart", "docker"}}, Root: true, Disruption: doctor.Restart}}}),
		wrongWhere("old", doctor.Check{Code: "T005", Title: "the toolkit is new enough", Group: doctor.Toolkit, Severity: doctor.Note, Needs: []doctor.Fact{doctor.Tools}},
			doctor.Finding{Summary: "a newer toolkit is out"}),
		wrongWhere("hostile", doctor.Check{Code: "T006", Title: "names are names", Group: doctor.Version, Severity: doctor.Warning, Cause: "\x1b]0;owned\x07cause \u202egnp.exe"},
			doctor.Finding{Summary: "\x1b[2J\u009b31mname\nof a container `rm -rf` <img src=x>", Evidence: []doctor.Evidence{{Source: "engine\r", Text: "```\x00]]>&"}},
				Fixes: []doctor.Fix{{Title: "remove \x1b[1mit", Argv: [][]string{{"docker", "rm", "a'b\x1b[2J $(id)", ""}}, Disruption: doctor.None}}}),
	}
}

// machine is a host with one GPU that is wrong in the ways named.
func machine(wrong string) host.Host {
	return host.Host{SchemaVersion: 1, Taken: today, Context: "default", Local: true, Arch: wrong, Kernel: host.Kernel{Release: "6.8.0-1"},
		Driver: host.Driver{Version: "580.159.03"}, GPUs: []host.GPU{{Index: 0, UUID: "GPU-1", Name: "NVIDIA H200"}}, Toolkit: host.Toolkit{Version: "1.20.1"},
		Engine: host.Engine{Version: "29.7.2", Kind: "docker"}}
}

// screen is a Docker CLI of buffers, with a terminal where asked for.
type screen struct {
	cli      *command.DockerCli
	out, err *bytes.Buffer
}

func newScreen(t *testing.T, terminal bool, typed string) screen {
	t.Helper()
	return newScreenFrom(t, terminal, strings.NewReader(typed))
}

func newScreenFrom(t *testing.T, terminal bool, keyboard io.Reader) screen {
	t.Helper()
	before := config.Dir() // the client reads DOCKER_CONFIG once in a process
	t.Cleanup(func() { config.SetDir(before) })
	config.SetDir(t.TempDir())
	t.Setenv("NO_COLOR", "")
	s := screen{out: &bytes.Buffer{}, err: &bytes.Buffer{}}
	cli, err := command.NewDockerCli(command.WithInputStream(io.NopCloser(keyboard)), command.WithOutputStream(s.out), command.WithErrorStream(s.err))
	assert.NilError(t, err)
	cli.In().SetIsTerminal(terminal)
	cli.Out().SetIsTerminal(terminal)
	s.cli = cli
	return s
}

// examining is a run of doctor on one host, with the tests' checks; ran are the commands
// of fixes.
func examining(t *testing.T, s screen, h host.Host, args ...string) (r *doctorRun, ran *[]string) {
	t.Helper()
	opts := &doctorOptions{}
	cmd := &cobra.Command{}
	opts.install(cmd)
	flags := cmd.Flags()
	assert.NilError(t, flags.Parse(args))
	opts.images = flags.Args()
	assert.NilError(t, opts.check(flags))
	ran = &[]string{}
	return &doctorRun{
		cli: s.cli, opts: opts, checks: testChecks(), now: today, paint: paintFor(s.cli),
		facts: func(context.Context, string) (host.Host, error) { return h, nil },
		image: func(_ context.Context, _, name string) (doctor.ImageFacts, error) {
			return doctor.ImageFacts{Name: name}, nil
		},
		run: func(_ context.Context, argv []string) error {
			*ran = append(*ran, shellLine(argv))
			return nil
		},
	}, ran
}
