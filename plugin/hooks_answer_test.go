package plugin

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	clihooks "github.com/docker/cli/cli-plugins/hooks"
	"github.com/spf13/cobra"
	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

func request(t *testing.T, root, text string) string {
	t.Helper()
	data, err := json.Marshal(clihooks.Request{RootCmd: root, Flags: map[string]string{"gpus": ""}, CommandError: text})
	assert.NilError(t, err)
	return string(data)
}

func answering(dir string, h host.Host) *answerer {
	return &answerer{facts: func(context.Context) host.Host { return h }, explain: knowing, checks: testChecks(), dir: dir, now: today}
}

func TestAnswersOfTheHook(t *testing.T) {
	const engineSays = `docker: Error response from daemon: could not select device driver "" with capabilities: [[gpu]]`
	gpu := projectOf(t, map[string]string{"compose.yaml": "services:\n  a:\n    gpus: all\n", "Dockerfile": "FROM x\nRUN --device=nvidia.com/gpu=all true\n"})
	none := projectOf(t, map[string]string{"compose.yaml": "services:\n  a:\n    image: x\n    # gpus: all\n", "Dockerfile": "FROM nvidia/cuda\n"})
	for name, c := range map[string]struct {
		root, text, dir string
		host            host.Host
		want            string
	}{
		"on this host":           {"run", engineSays, none, host.Host{Arch: "broken"}, "docker gpu: the toolkit was installed after dockerd started { {argValue 0}} (T001). Run: sudo systemctl restart docker"},
		"not seen here":          {"run", engineSays, none, host.Host{}, "docker gpu: The engine found no toolkit when it started (T001). Run: docker gpu explain T001"},
		"another error":          {"run", "docker: port is already allocated", gpu, machine("nomodule"), ""},
		"only resembles":         {"run", "it resembles it", none, host.Host{}, ""},
		"it went well":           {"run", "", gpu, machine("nomodule"), ""},
		"the program's own code": {"run", "exited with code 3", gpu, machine("nomodule"), ""},
		"compose, broken host":   {"compose", "exited with code 1", gpu, machine("nomodule"), "docker gpu: there is an NVIDIA GPU, but no NVIDIA kernel module is loaded (T001). Run: sudo modprobe nvidia"},
		"compose, exit status":   {"compose up", "exit status 1", gpu, machine("badconfig"), "docker gpu: daemon.json ends in the middle (T004). Run: docker gpu doctor"},
		"compose, healthy host":  {"compose", "exited with code 1", gpu, machine("hot"), ""},
		"compose without a GPU":  {"compose", "exited with code 1", none, machine("nomodule"), ""},
		"compose elsewhere":      {"compose", "exited with code 1", t.TempDir(), machine("nomodule"), ""},
		"build":                  {"buildx build", "exited with code 1", gpu, machine("nomodule"), "docker gpu: there is an NVIDIA GPU, but no NVIDIA kernel module is loaded (T001). Run: sudo modprobe nvidia"},
		"build without a GPU":    {"buildx build", "exited with code 1", none, machine("nomodule"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := answering(c.dir, c.host).answer(t.Context(), request(t, c.root, c.text))
			assert.Equal(t, got, c.want)
			assert.Assert(t, !strings.ContainsAny(got, "\n\x1b"))
			// The client's template leaves it as it is.
			lines, err := clihooks.ParseTemplate(got, &cobra.Command{Use: "run"})
			assert.NilError(t, err)
			assert.Equal(t, strings.Join(lines, "|"), got)
		})
	}
}

func TestTheHookIsSilentOnNonsense(t *testing.T) {
	a := answering(t.TempDir(), machine("nomodule"))
	for _, data := range []string{"", "{", "[]", "null", `{"RootCmd":7}`, `{"CommandError":{}}`, strings.Repeat("x", 2<<20), `{"CommandError":"` + strings.Repeat("could not select", 1<<17) + `"}`} {
		assert.Equal(t, a.answer(t.Context(), data), "", "%.40q", data)
	}
	a.explain = nil // whatever is wrong inside
	assert.Equal(t, a.answer(t.Context(), request(t, "run", "could not select")), "")
}

func TestTheHookComesBackInTime(t *testing.T) {
	released := make(chan struct{})
	defer close(released)
	a := answering(t.TempDir(), host.Host{})
	a.facts = func(context.Context) host.Host { <-released; return host.Host{} }
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	begun := time.Now()
	assert.Equal(t, a.answer(ctx, request(t, "run", "could not select device driver")), "")
	assert.Assert(t, time.Since(begun) < 5*time.Second, "%s", time.Since(begun))
}

func TestWhatTheClientReads(t *testing.T) {
	var b bytes.Buffer
	assert.NilError(t, writeAnswer(&b, ""))
	assert.Equal(t, b.String(), "")
	assert.NilError(t, writeAnswer(&b, "a <b> & c"))
	assert.Equal(t, b.String(), `{"Type":0,"Template":"a <b> & c"}`+"\n")
}

// The command starts nothing up and never fails, whatever it is called with.
func TestTheHookCommand(t *testing.T) {
	t.Setenv("DOCKER_HOST", "unix:///no/such.sock")
	for _, args := range [][]string{nil, {"nonsense"}, {"--help"}, {"{}", "more"}, {request(t, "run", "out of cheese")}} {
		r := run(t, append([]string{"docker-cli-plugin-hooks"}, args...)...)
		r.is(t, 0, "", "")
	}
	assert.Assert(t, !strings.Contains(run(t, "--help").out, "docker-cli-plugin-hooks"))
}

func TestFilesThatAskForGPUs(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "f")
	for text, want := range map[string]bool{
		"gpus: all": true, "    gpus:\n      - count: 1": true, "devices:\n - driver: nvidia\n   capabilities: [gpu]": true, "capabilities: [compute, gpu, utility]": true,
		"capabilities:\n  - gpu\n": true, "runtime: nvidia": true, `runtime: "nvidia"`: true, "devices: [nvidia.com/gpu=0]": true, "RUN --device=nvidia.com/gpu=all x": true,
		"image: nvidia/cuda": false, "# gpus: all": false, "name: gpu-lab": false, "capabilities: [net]": false, "": false,
	} {
		assert.NilError(t, os.WriteFile(file, []byte(text), 0o600))
		assert.Equal(t, asksForGPU(file), want, "%q", text)
	}
	assert.Assert(t, !asksForGPU(filepath.Join(dir, "none")))
	assert.Assert(t, !asksForGPU(dir))
}

// A text that is too long for a line ends with a sentence, where one ends in time.
func TestHookLinesEndWithASentence(t *testing.T) {
	long := strings.Repeat("word ", 24) + "end"
	for text, want := range map[string]string{
		"Short. And whole.":                "docker gpu: Short. And whole (C). Run: x",
		"First one. " + long + ". Second.": "docker gpu: First one. " + long + " (C). Run: x",
		"Kept. " + long + long + ". Cut.":  "docker gpu: Kept (C). Run: x",
		long + long:                        "docker gpu: " + (long + long)[:139] + "… (C). Run: x",
		" . ":                              "",
	} {
		assert.Equal(t, hookLine("C", text, "x"), want)
	}
}
