package plugin

import (
	"encoding/json"
	"encoding/xml"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/docker/cli/cli"
	"gotest.tools/v3/assert"
	"gotest.tools/v3/golden"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// status is the exit code that an error of do comes to; words are a failure of the test.
func status(t *testing.T, err error) int {
	t.Helper()
	if err == nil {
		return 0
	}
	assert.Equal(t, err.Error(), cli.StatusError{StatusCode: exitCode(err, false)}.Error(), "the report has said it all")
	return exitCode(err, false)
}

func TestReportsOfDoctor(t *testing.T) {
	remote := machine("hot")
	remote.Local, remote.Context, remote.GPUs, remote.Driver = false, "lab", nil, host.Driver{}
	remote.Unread = map[string]string{"nvml": `the machine behind context "lab" was not looked at`}
	empty := host.Host{Local: true}
	for name, c := range map[string]struct {
		host     host.Host
		args     []string
		terminal bool
		code     int
	}{
		"doctor-healthy.txt":          {host: machine("")},
		"doctor-broken.txt":           {host: machine("nomodule+nonodes+hot+badconfig+old"), code: 1},
		"doctor-broken-verbose.txt":   {host: machine("nomodule+nonodes+hot+badconfig+old"), args: []string{"-v"}, code: 1},
		"doctor-broken-colours.txt":   {host: machine("nomodule+hot+old"), terminal: true, code: 1},
		"doctor-warning.txt":          {host: machine("hot"), code: 0},
		"doctor-warning-strict.txt":   {host: machine("hot"), args: []string{"--strict"}, code: 2},
		"doctor-note.txt":             {host: machine("old"), args: []string{"--strict"}},
		"doctor-remote.txt":           {host: remote},
		"doctor-nothing.txt":          {host: empty},
		"doctor-only.txt":             {host: machine("nomodule+nonodes+badconfig"), args: []string{"--only=t002"}, code: 1},
		"doctor-skip.txt":             {host: machine("nomodule+nonodes"), args: []string{"--skip=T001"}, code: 1},
		"doctor-group.txt":            {host: machine("nomodule+hot"), args: []string{"--group=health,toolkit"}},
		"doctor-hostile.txt":          {host: machine("hostile"), args: []string{"-v"}},
		"doctor-hostile.json":         {host: machine("hostile"), args: []string{"--format=json"}},
		"doctor-hostile.xml":          {host: machine("hostile"), args: []string{"--format=junit"}},
		"doctor-hostile.md":           {host: machine("hostile"), args: []string{"--format=markdown"}},
		"doctor-broken.json":          {host: machine("nomodule+nonodes+hot"), args: []string{"--format=json"}, code: 1},
		"doctor-broken.xml":           {host: machine("nomodule+nonodes+hot+old"), args: []string{"--format=junit"}, code: 1},
		"doctor-broken.md":            {host: machine("nomodule+nonodes+hot"), args: []string{"--format=markdown"}, code: 1},
		"doctor-healthy-verbose.txt":  {host: machine(""), args: []string{"-v"}},
		"doctor-healthy-terminal.txt": {host: machine(""), terminal: true},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScreen(t, c.terminal, "")
			r, _ := examining(t, s, c.host, c.args...)
			assert.Equal(t, status(t, r.do(t.Context())), c.code)
			assert.Equal(t, s.err.String(), "")
			golden.Assert(t, s.out.String(), name)
			for line := range strings.Lines(s.out.String()) {
				if strings.HasSuffix(name, ".txt") && !c.terminal && !strings.Contains(line, "cp '") {
					assert.Assert(t, utf8.RuneCountInString(line) <= width+1, "%q is wider than %d", line, width)
				}
			}
			if !c.terminal {
				assert.Assert(t, !strings.ContainsAny(s.out.String(), "\x1b\x00\x07\r\u009b\u202e"), "%q", s.out.String())
			}
			switch {
			case strings.HasSuffix(name, ".json"):
				var doc map[string]any
				assert.NilError(t, json.Unmarshal(s.out.Bytes(), &doc))
				assert.Equal(t, doc["schemaVersion"], 1.0)
			case strings.HasSuffix(name, ".xml"):
				assert.NilError(t, xml.Unmarshal(s.out.Bytes(), &junitSuites{}))
			}
		})
	}
}

func TestNoColorIsKept(t *testing.T) {
	s := newScreen(t, true, "")
	t.Setenv("NO_COLOR", "1")
	r, _ := examining(t, s, machine("nomodule"))
	assert.Equal(t, status(t, r.do(t.Context())), 1)
	assert.Assert(t, !strings.Contains(s.out.String(), "\x1b"))
}

// Root on the machine itself needs no sudo; a recording and another machine say nothing
// of who will type the command.
func TestSudoWhereItIsNeeded(t *testing.T) {
	for name, c := range map[string]struct {
		root, local bool
		want        string
	}{
		"a user":        {false, true, " sudo modprobe nvidia"},
		"root":          {true, true, " modprobe nvidia"},
		"root, but far": {true, false, " sudo modprobe nvidia"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScreen(t, false, "")
			h := machine("nomodule")
			h.Local = c.local
			r, _ := examining(t, s, h)
			r.root = c.root
			assert.Equal(t, status(t, r.do(t.Context())), 1)
			assert.Assert(t, strings.Contains(s.out.String(), c.want), s.out.String())
			assert.Equal(t, strings.Contains(s.out.String(), "sudo"), strings.Contains(c.want, "sudo"))
		})
	}
}

func TestSubjects(t *testing.T) {
	two := machine("")
	two.GPUs = append(two.GPUs, two.GPUs[0], host.GPU{Name: "Tesla T4"})
	podman := machine("")
	podman.Engine = host.Engine{Kind: "podman", Version: "5.6.0"}
	none := machine("")
	none.GPUs, none.Driver, none.Engine = nil, host.Driver{}, host.Engine{}
	for want, h := range map[string]host.Host{
		"context default, 2 × NVIDIA H200 and Tesla T4, driver 580.159.03, Docker 29.7.2": two,
		"context default, NVIDIA H200, driver 580.159.03, Podman 5.6.0":                   podman,
		"context default, no GPU seen, no engine answers":                                 none,
	} {
		assert.Equal(t, subject(&h), want)
	}
}
