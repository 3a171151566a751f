//go:build gpu

package gpu

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

// breakage is a way to break a machine that takes no change of its driver.
type breakage struct {
	name string
	// code is doctor's; rung is the one of smoke that breaks, "" where GPUs still work for root.
	code, rung string
	wreck      func(t *testing.T, b *bench)
	// hands does what the finding's fix says in words, where it names no command.
	hands func(t *testing.T, b *bench)
}

func breakages() []breakage {
	without := func(key string) func(map[string]any) {
		return func(config map[string]any) { delete(config, key) }
	}
	return []breakage{
		{name: "the spec is of another driver", code: "C019", rung: "gpus", wreck: func(t *testing.T, b *bench) {
			version, err := os.ReadFile("/sys/module/nvidia/version")
			assert.NilError(t, err)
			b.edit(t, func(text string) string {
				return strings.ReplaceAll(text, strings.TrimSpace(string(version)), "535.161.07")
			})
		}},
		{name: "a library of the spec is gone", code: "C019", rung: "gpus", wreck: func(t *testing.T, b *bench) {
			library := regexp.MustCompile(`(?m)^(\s*-? ?hostPath: /\S*/libcuda\.so)\.[0-9.]+$`)
			b.edit(t, func(text string) string { return library.ReplaceAllString(text, "$1.0.gone") })
		}},
		{name: "the spec has a wrong number of /dev/nvidia-uvm", code: "C016", rung: "init", wreck: func(t *testing.T, b *bench) {
			number := regexp.MustCompile(`(- path: /dev/nvidia-uvm\n(?:\s+hostPath: \S+\n)?\s+major: )\d+`)
			b.edit(t, func(text string) string { return number.ReplaceAllString(text, "${1}99") })
		}},
		{name: "two specs define the same devices", code: "C052", rung: "gpus", wreck: func(t *testing.T, b *bench) {
			text, err := os.ReadFile(b.spec)
			assert.NilError(t, err)
			assert.NilError(t, os.WriteFile(filepath.Join(filepath.Dir(b.spec), "second.yaml"), text, 0o644))
		}},
		{name: "the spec is no YAML", code: "C051", rung: "gpus", wreck: func(t *testing.T, b *bench) {
			b.edit(t, func(text string) string { return text + "\nbroken: [\n" })
		}},
		{name: "there is no spec", code: "C018", rung: "gpus", wreck: func(t *testing.T, b *bench) { assert.NilError(t, os.Remove(b.spec)) }},
		{name: "only root may open a device node", code: "G016", wreck: func(t *testing.T, _ *bench) { assert.NilError(t, os.Chmod("/dev/nvidia-uvm", 0o600)) }},
		{name: "CDI is off in daemon.json", code: "C017", rung: "gpus",
			wreck: func(t *testing.T, b *bench) {
				b.restart(t, os.Getenv("PATH"), func(c map[string]any) { c["features"].(map[string]any)["cdi"] = false })
			},
			hands: func(t *testing.T, b *bench) {
				b.restart(t, os.Getenv("PATH"), func(c map[string]any) { c["features"].(map[string]any)["cdi"] = true })
			}},
		{name: "dockerd's PATH has no hook", code: "C036", rung: "gpus",
			wreck: func(t *testing.T, b *bench) { b.restart(t, b.pathWithoutHooks(t), nil) },
			hands: func(t *testing.T, b *bench) { b.restart(t, os.Getenv("PATH"), nil) }},
		{name: "daemon.json has a runtime that is not installed", code: "C007", rung: "runtime",
			wreck: func(t *testing.T, b *bench) {
				b.restart(t, os.Getenv("PATH"), func(c map[string]any) {
					c["runtimes"] = map[string]any{"nvidia": map[string]any{"path": "/usr/bin/nvidia-container-runtime"}}
				})
			},
			hands: func(t *testing.T, b *bench) { b.restart(t, os.Getenv("PATH"), without("runtimes")) }},
	}
}

// edit changes the CDI spec; an edit that changes nothing would test nothing.
func (b *bench) edit(t *testing.T, change func(string) string) {
	t.Helper()
	text, err := os.ReadFile(b.spec)
	assert.NilError(t, err)
	changed := change(string(text))
	assert.Assert(t, changed != string(text), "the spec was not changed")
	assert.NilError(t, os.WriteFile(b.spec, []byte(changed), 0o644))
}

// pathWithoutHooks has all of the engine's programs but the toolkit's.
func (b *bench) pathWithoutHooks(t *testing.T) string {
	t.Helper()
	// A package would have put them into /usr/bin, which is not on this path.
	for _, name := range []string{"nvidia-ctk", "nvidia-cdi-hook"} {
		link := filepath.Join("/usr/bin", name)
		assert.NilError(t, os.Symlink(filepath.Join(b.dir, "bin", name), link))
		t.Cleanup(func() { _ = os.Remove(link) })
	}
	dir := t.TempDir()
	for _, name := range []string{"dockerd", "containerd", "containerd-shim-runc-v2", "runc", "docker"} {
		assert.NilError(t, os.Symlink(filepath.Join(b.dir, "bin", name), filepath.Join(dir, name)))
	}
	path := dir
	for _, d := range filepath.SplitList(os.Getenv("PATH")) {
		if d != filepath.Join(b.dir, "bin") && d != "/usr/bin" && d != "/bin" {
			path += ":" + d
		}
	}
	return path
}

// TestBreakages breaks the machine in each way, and takes what doctor names as the fix to
// mend it. It ends with the machine as it was.
func TestBreakages(t *testing.T) {
	b := theMachine(t)
	spec, err := os.ReadFile(b.spec)
	assert.NilError(t, err)
	config, err := os.ReadFile(filepath.Join(b.dir, "daemon.json"))
	assert.NilError(t, err)
	// Everything is put back after each, also where a test fails in the middle.
	tidy := func() {
		files, err := filepath.Glob(filepath.Join(filepath.Dir(b.spec), "*"))
		assert.NilError(t, err)
		for _, f := range files { // copies that fixes keep
			assert.NilError(t, os.Remove(f))
		}
		assert.NilError(t, os.WriteFile(b.spec, spec, 0o644))
		assert.NilError(t, os.Chmod("/dev/nvidia-uvm", 0o666))
		assert.NilError(t, os.WriteFile(filepath.Join(b.dir, "daemon.json"), config, 0o644))
	}
	for _, k := range breakages() {
		t.Run(strings.ReplaceAll(k.name, " ", "_"), func(t *testing.T) {
			t.Cleanup(func() {
				tidy()
				if k.hands != nil {
					b.restart(t, os.Getenv("PATH"), nil)
				}
			})
			k.wreck(t, b)
			found, code := b.doctor(t)
			i := slices.IndexFunc(found, func(f finding) bool { return f.Code == k.code })
			if i < 0 {
				t.Fatalf("%s is not among what doctor found: %v", k.code, found)
			}
			if want := map[string]int{"error": 1, "warning": 0}[found[i].Severity]; code != want {
				t.Errorf("doctor exits with %d, want %d", code, want)
			}
			for _, f := range found {
				if f.Code != k.code && f.Severity != "note" {
					t.Errorf("beside %s, doctor found %s: %s", k.code, f.Code, f.Summary)
				}
			}
			broken, see, _ := b.smoke(t)
			t.Logf("smoke breaks at %q, which it knows as %q", broken, see)
			if broken != k.rung {
				t.Errorf("smoke breaks at %q, want %q", broken, k.rung)
			}

			b.mend(t, k, found[i])
			after, code := b.doctor(t)
			if code != 0 || slices.ContainsFunc(after, func(f finding) bool { return f.Severity != "note" }) {
				t.Errorf("doctor exits with %d after the fix, and finds %v", code, after)
			}
			if broken, _, code = b.smoke(t); code != 0 {
				t.Errorf("smoke breaks at %q after the fix", broken)
			}
		})
	}
}

// mend makes the first fix that doctor names: by --fix where that is safe, else its
// commands as they are printed. This machine has no systemd: restarting Docker means the
// test's own engine there.
func (b *bench) mend(t *testing.T, k breakage, f finding) {
	t.Helper()
	assert.Assert(t, len(f.Fixes) > 0, "no fix is named")
	fix := f.Fixes[0]
	t.Logf("the fix: %s", fix.Title)
	switch {
	case fix.Safe && len(fix.Argv) > 0:
		_, code := b.run(t, b.plugin, "doctor", "--fix", "-y")
		assert.Equal(t, code, 0)
	case k.hands != nil:
		t.Logf("by hand: %s", fmt.Sprint(fix.Argv))
		k.hands(t, b)
	default:
		for _, argv := range fix.Argv {
			out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput()
			t.Logf("$ %s\n%s", strings.Join(argv, " "), out)
			assert.NilError(t, err)
		}
	}
}
