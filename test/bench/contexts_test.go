//go:build bench

package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dockergpu/docker-gpu/test/relay"
	"github.com/dockergpu/docker-gpu/test/standin"
)

const (
	contexts = 50
	dead     = 5
	patience = 10 * time.Second // what doctor waits for one context among many
)

// TestContexts measures `doctor --all-contexts` over 50 contexts of which 5 are dead, beside
// the slowest live one alone. One machine cannot run the containers of 45 at once, so 44
// engines are stand-ins whose containers take as long as those of the private engine do; the
// default context is this machine.
func TestContexts(t *testing.T) {
	facts, err := os.ReadFile("../../hostsetup/doctor/testdata/healthy-dgx-h100.json")
	if err != nil {
		t.Fatal(err)
	}
	smi, err := os.ReadFile("../../hostsetup/probe/testdata/smi/h200.xml")
	if err != nil {
		t.Fatal(err)
	}
	var live []string
	for range contexts - dead - 1 {
		e := &standin.Engine{
			Info: fmt.Sprintf(standin.Linux, `,"DiscoveredDevices":[{"Source":"cdi","ID":"nvidia.com/gpu=all"}]`),
			Has:  []string{"docker-gpu-worker:0"},
			Outputs: map[string]standin.Output{
				"/gpu-probe": {Stdout: string(facts), Takes: 300 * time.Millisecond}, "nvidia-smi": {Stdout: string(smi), Takes: time.Second},
			},
		}
		live = append(live, e.Listen(t, "tcp"))
	}
	measure(t, live, "--engine-only")
	measure(t, live)
}

// TestContextsOfEngines measures the same with the private engines that run in the place of
// the live ones: what is waited for is real.
func TestContextsOfEngines(t *testing.T) {
	var live []string
	for _, socket := range sockets(t) {
		live = append(live, relay.Listen(t, socket))
	}
	measure(t, live, "--engine-only")
	measure(t, live)
}

// measure examines the live contexts one by one, and then all with the dead ones.
func measure(t *testing.T, live []string, mode ...string) {
	env := append(os.Environ(), "DOCKER_CONFIG="+t.TempDir(), "DOCKER_HOST=", "DOCKER_CONTEXT=")
	var names []string
	create := func(name, address string) {
		c := exec.Command("docker", "context", "create", name, "--docker", "host="+address)
		c.Env = env
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	for i, address := range live {
		names = append(names, fmt.Sprintf("live%02d", i))
		create(names[i], address)
	}
	for i := range dead - 2 {
		create(fmt.Sprintf("dead-silent%d", i), silent(t))
	}
	create("dead-refused", "tcp://127.0.0.1:1")
	create("dead-nameless", "tcp://no-such-host.invalid:2376")

	for some := range slices.Chunk(names, 5) { // what is sent once is there from then on
		doctor(t, env, append(mode, "--contexts="+strings.Join(some, ","))...)
	}
	var alone, all []time.Duration
	for _, one := range names {
		took, _ := doctor(t, env, append(mode, "--contexts="+one)...)
		alone = append(alone, took)
	}
	for range 3 {
		took, unreachable := doctor(t, env, append(mode, "--all-contexts")...)
		all = append(all, took)
		if unreachable != dead {
			t.Errorf("%d contexts did not answer, and %d are dead", unreachable, dead)
		}
	}
	slowest := slices.Max(alone)
	slices.Sort(alone)
	slices.Sort(all)
	t.Logf("doctor %s: a live one alone %v (median; slowest %v), all %d with %d dead %v (%v to %v)", strings.Join(mode, " "),
		ms(alone[len(alone)/2]), ms(slowest), len(live)+dead+1, dead, ms(all[1]), ms(all[0]), ms(all[2]))
	if most := 2*slowest + patience; all[1] > most {
		t.Errorf("%v is more than %v", ms(all[1]), ms(most))
	}
}

// doctor runs it to its end and counts the contexts that could not be examined, and those
// whose machine could not be looked at.
func doctor(t *testing.T, env []string, args ...string) (took time.Duration, unreachable int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, binary(t), append([]string{"doctor", "--format=json"}, args...)...)
	c.Env = env
	begun := time.Now()
	out, err := c.Output()
	took = time.Since(begun)
	var report struct {
		Contexts []struct {
			Context, Error string
			Unread         []struct{ Code, Why string }
		}
	}
	if json.Unmarshal(out, &report) != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, c := range report.Contexts {
		if c.Error != "" {
			unreachable++
		}
		for _, u := range c.Unread {
			if strings.Contains(u.Why, "could not be looked at") {
				t.Errorf("%s: %s", c.Context, u.Why)
				break
			}
		}
	}
	return took, unreachable
}

// silent accepts connections and never answers.
func silent(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			if _, err := l.Accept(); err != nil {
				return
			}
		}
	}()
	return "tcp://" + l.Addr().String()
}

// sockets are those of the private engines that run.
func sockets(t *testing.T) (all []string) {
	for _, variant := range []string{"containerd", "graphdriver", "old"} {
		out, err := exec.Command("bash", "-c", `eval "$(../engine/engine env --variant "$1")" && printf %s "$DOCKER_HOST"`, "bash", variant).Output()
		if err != nil {
			continue
		}
		socket := strings.TrimPrefix(string(out), "unix://")
		if conn, err := net.Dial("unix", socket); err == nil {
			_ = conn.Close()
			all = append(all, socket)
		}
	}
	if len(all) == 0 {
		t.Skip("no private engine runs; start one with `make engine-start`")
	}
	return all
}
