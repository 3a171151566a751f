package plugin

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/docker/cli/cli/config"
	"github.com/spf13/cobra"
	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/doctor"
	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

func TestFlagsOfDoctorThatCannotBe(t *testing.T) {
	for args, says := range map[string]string{
		"--format=yaml":                 `--format "yaml" is not one of text, json, junit, markdown`,
		"--list --format=junit":         `--format "junit" is not one of text, json`,
		"--group=dirver":                `did you mean "driver"?`,
		"--contexts=":                   "--contexts names no context",
		"--contexts=a --all-contexts":   "--contexts and --all-contexts exclude each other",
		"--replay=x --engine-only":      "--replay and --engine-only exclude each other: a recording asks nobody",
		"--list --engine-only":          "--list and --engine-only exclude each other: nothing is examined",
		"--replay=f --fix":              "a recording cannot be mended",
		"--replay=f --contexts=a":       "a recording is one host",
		"--record=f --all-contexts":     "docker --context NAME gpu doctor --record FILE",
		"--fix --contexts=a":            "--fix mends this machine",
		"--fix --record=f":              "record before or after",
		"--list --fix":                  "nothing is examined",
		"--no-redact":                   "--no-redact goes with --record only",
		"-y":                            "--yes goes with --fix only",
		"--dry-run":                     "--dry-run goes with --fix only",
		"--all-contexts img":            "images are judged for the host of one context",
		"--replay=f img":                "images are judged for the host of one context",
		"--list --replay=f --only=T001": "nothing is examined",
		// A script's variable that is not set must not mean all checks, or this host.
		"--only=":         "--only is empty; give it a value or leave it out",
		"--skip=":         "--skip is empty; give it a value or leave it out",
		"--group=":        "--group is empty; give it a value or leave it out",
		"--record=":       "--record is empty; give it a value or leave it out",
		"--replay=":       "--replay is empty; give it a value or leave it out",
		"--format=":       `--format "" is not one of text, json, junit, markdown`,
		"--only=,":        `--only "" is no code of a check`,
		"--only=x --list": `--only "x" is no code of a check`,
	} {
		t.Run(args, func(t *testing.T) {
			r := run(t, append([]string{"doctor"}, strings.Fields(args)...)...)
			assert.Equal(t, r.code, exitUsage, r.err)
			assert.Equal(t, r.out, "")
			assert.Assert(t, strings.Contains(r.err, says), "%q is not in %s", says, r.err)
		})
	}
}

func choosing(t *testing.T, args ...string) (selection, error) {
	t.Helper()
	opts := &doctorOptions{}
	cmd := &cobra.Command{}
	opts.install(cmd)
	assert.NilError(t, cmd.Flags().Parse(args))
	assert.NilError(t, opts.check(cmd.Flags()))
	return opts.choose(testChecks())
}

func TestSelections(t *testing.T) {
	for args, want := range map[string]string{
		"":                                  "T001 T002 T003 T004 T005 T006",
		"--only=T002,t004":                  "T002 T004",
		"--skip=T001 --skip=T006":           "T002 T003 T004 T005",
		"--group=driver":                    "T001 T002",
		"--group=driver,health --skip=T001": "T002 T003",
		"--group=driver --only=T002,T003":   "T002",
		"--only=T001 --skip=T001":           "",
	} {
		s, err := choosing(t, strings.Fields(args)...)
		assert.NilError(t, err, args)
		assert.Equal(t, strings.Join(codesOf(s.listed()), " "), want, args)
	}
	for args, says := range map[string]string{
		"--only=T0O1":      `--only "T0O1" is no code of a check; did you mean "T001"?`,
		"--skip=T001,nope": `--skip "nope" is no code of a check` + "\nSee 'docker gpu doctor --list'",
	} {
		_, err := choosing(t, args)
		isUsage(t, err, says)
	}
}

func TestTheFileOfIgnoredFindings(t *testing.T) {
	codes := []string{"T001", "T002", "T003"}
	rules, err := parseIgnore(strings.NewReader("# known\n\n T001\nt002 until=2026-12-31\r\nT003 until=2026-11-24 ticket #7,  fans come on Friday\x1b[2J"), "f", codes)
	assert.NilError(t, err)
	assert.DeepEqual(t, rules, []ignoreRule{{Code: "T001"}, {Code: "T002", Until: "2026-12-31"}, {"T003", "2026-11-24", "ticket #7, fans come on Friday [2J"}})
	for text, says := range map[string]string{
		"T001\nT009 x":                `f:2: "T009" is no code of a check; did you mean "T001"?`,
		"T001\nT001 until=2026-12-31": "f:2: T001 is there twice",
		"T001 until=31.12.2026":       "f:1: until=31.12.2026 is no date; write until=2026-12-31",
		"T001 until=2026-02-30":       "f:1: until=2026-02-30 is no date",
		strings.Repeat("#", 2<<20):    "f cannot be read: it is larger than 1MiB",
	} {
		_, err := parseIgnore(strings.NewReader(text), "f", codes)
		assert.ErrorContains(t, err, says)
	}
	for until, want := range map[string]bool{"": false, "2026-11-23": true, "2026-11-24": false, "2027-01-01": false} {
		assert.Equal(t, ignoreRule{Until: until}.expired(today), want, until)
	}
}

func TestIgnoredFindings(t *testing.T) {
	s := newScreen(t, false, "")
	file := filepath.Join(t.TempDir(), "mine")
	assert.NilError(t, os.WriteFile(file, []byte("T001 until=2026-12-31 the kernel is mended on Friday\nT003 until=2026-11-01 summer\n"), 0o600))
	r, _ := examining(t, s, machine("nomodule+nonodes+hot"), "--ignore-file="+file, "--strict")
	assert.Equal(t, status(t, r.do(t.Context())), exitWarnings, "the error is ignored, the warning is not any more")
	out := strings.Join(strings.Fields(s.out.String()), " ")
	assert.Assert(t, strings.Contains(out, "Ignored: T001, there is an NVIDIA GPU, but no NVIDIA kernel module is loaded (the kernel is mended on Friday), until 2026-12-31."), out)
	assert.Assert(t, strings.Contains(out, "No longer ignored: T003, since 2026-11-01 is over (summer)."), out)
	assert.Assert(t, !strings.Contains(out, "T002"), "what follows from a known cause is known")

	r, _ = examining(t, s, host.Host{}, "--ignore-file=/no/such")
	assert.ErrorContains(t, r.do(t.Context()), "/no/such")
	// The one beside the client's configuration, and none at all.
	assert.NilError(t, os.WriteFile(filepath.Join(config.Dir(), ignoreName), []byte("T001"), 0o600))
	r, _ = examining(t, s, machine("nomodule"))
	assert.NilError(t, r.do(t.Context()))
	r, _ = examining(t, s, machine("nomodule"), "--ignore-file=")
	assert.Equal(t, status(t, r.do(t.Context())), exitFailed)
}

func TestRecordAndReplay(t *testing.T) {
	s := newScreen(t, false, "")
	file := filepath.Join(t.TempDir(), "host.json")
	r, _ := examining(t, s, machine("hot"), "--record="+file)
	assert.NilError(t, r.do(t.Context()))
	assert.Assert(t, strings.Contains(s.err.String(), "without serial numbers"), s.err)
	first := s.out.String()
	info, err := os.Stat(file)
	assert.NilError(t, err)
	assert.Equal(t, info.Mode().Perm(), os.FileMode(0o600))

	s = newScreen(t, false, "")
	r, _ = examining(t, s, host.Host{}, "--replay="+file, "--strict")
	r.facts = func(context.Context, string) (host.Host, error) {
		return host.Host{}, errors.New("a recording is asked for")
	}
	assert.Equal(t, status(t, r.do(t.Context())), exitWarnings)
	assert.Equal(t, s.out.String(), first)

	s = newScreen(t, false, "")
	r, _ = examining(t, s, machine("hot"), "--record=-", "--no-redact")
	assert.NilError(t, r.do(t.Context()))
	assert.Assert(t, strings.HasPrefix(s.out.String(), "{") && !strings.Contains(s.out.String(), "WARNING"), "the facts alone")

	r, _ = examining(t, s, machine(""), "--record=/no/such/dir/f")
	assert.ErrorContains(t, r.do(t.Context()), "--record: ")
	r, _ = examining(t, s, machine(""), "--replay=/no/such")
	assert.ErrorContains(t, r.do(t.Context()), "--replay: open /no/such")
	assert.NilError(t, os.WriteFile(file, []byte(`{"schemaVersion":`), 0o600))
	r, _ = examining(t, s, machine(""), "--replay="+file)
	assert.ErrorContains(t, r.do(t.Context()), "--replay "+file+": ")
}

func TestImagesAreAskedForByName(t *testing.T) {
	s := newScreen(t, false, "")
	r, _ := examining(t, s, machine(""), "--format=json", "a:1", "b")
	assert.NilError(t, r.do(t.Context()))
	assert.Assert(t, strings.Contains(s.out.String(), `"images": [`+"\n    \"a:1\",\n    \"b\"\n"), s.out)
	r.image = func(context.Context, string, string) (doctor.ImageFacts, error) {
		return doctor.ImageFacts{}, errors.New("the engine has no image a:1")
	}
	assert.Error(t, r.do(t.Context()), "the engine has no image a:1")
}

func TestListOfChecks(t *testing.T) {
	s := newScreen(t, false, "")
	r, _ := examining(t, s, host.Host{}, "--list", "--group=driver,health")
	assert.NilError(t, r.do(t.Context()))
	assert.Equal(t, s.out.String(), `CODE  GROUP   SEVERITY  WHEN ALL IS WELL
T001  driver  error     the kernel module is loaded
T002  driver  error     the device nodes are there
T003  health  warning   the GPUs are cool
`)
	s.out.Reset()
	r, _ = examining(t, s, host.Host{}, "--list", "--only=T002", "--format=json")
	assert.NilError(t, r.do(t.Context()))
	assert.Equal(t, s.out.String(), `{"code":"T002","title":"the device nodes are there","group":"driver","severity":"error","after":["T001"]}`+"\n")
}
