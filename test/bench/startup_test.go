//go:build bench

package bench

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// Docker starts the plugin twice for each command, so starting has a budget.
const (
	runs       = 51
	budget     = 25 * time.Millisecond // median of all runs
	initBudget = 3.0                   // milliseconds, for the init of one package
)

// binary is what `make build` left.
func binary(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs("../../bin/docker-gpu")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("%v; run `make build` first", err)
	}
	return path
}

func TestStartup(t *testing.T) {
	path := binary(t)
	var took []time.Duration
	for range runs + 1 {
		start := time.Now()
		if out, err := exec.Command(path, "--help").CombinedOutput(); err != nil {
			t.Fatalf("%s --help: %v\n%s", path, err, out)
		}
		took = append(took, time.Since(start))
	}
	took = took[1:] // the first reads the file from disk
	slices.Sort(took)
	median := took[runs/2]
	t.Logf("docker-gpu --help, %d runs: median %v, p90 %v, fastest %v", runs, ms(median), ms(took[runs*9/10]), ms(took[0]))
	if median > budget {
		t.Errorf("median %v is more than %v; TestInit says which package", ms(median), budget)
	}
}

func ms(d time.Duration) time.Duration { return d.Round(100 * time.Microsecond) }

// TestInit names what the time before main goes into.
func TestInit(t *testing.T) {
	cmd := exec.Command(binary(t), "--version")
	cmd.Env = append(os.Environ(), "GODEBUG=inittrace=1")
	var trace bytes.Buffer
	cmd.Stderr = &trace
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	inits := parse(&trace)
	if len(inits) == 0 {
		t.Fatal("no trace of init")
	}
	slices.SortFunc(inits, func(a, b initTime) int { return int(1000 * (b.ms - a.ms)) })
	sum := 0.0
	for _, in := range inits {
		sum += in.ms
		if in.ms > initBudget {
			t.Errorf("init of %s takes %.1f ms, more than %.0f", in.name, in.ms, initBudget)
		}
	}
	t.Logf("init of %d packages: %.1f ms", len(inits), sum)
	for _, in := range inits[:min(5, len(inits))] {
		t.Logf("%6.2f ms  %s", in.ms, in.name)
	}
}

type initTime struct {
	name string
	ms   float64
}

// parse reads lines like: init regexp/syntax @0.33 ms, 0.026 ms clock, 1024 bytes, 2 allocs.
func parse(r io.Reader) (inits []initTime) {
	for lines := bufio.NewScanner(r); lines.Scan(); {
		var in initTime
		var at float64
		line := strings.ReplaceAll(lines.Text(), "@", "")
		if n, _ := fmt.Sscanf(line, "init %s %f ms, %f ms clock", &in.name, &at, &in.ms); n == 3 {
			inits = append(inits, in)
		}
	}
	return inits
}

func TestParse(t *testing.T) {
	got := parse(strings.NewReader("init runtime @0.33 ms, 0.026 ms clock, 0 bytes, 0 allocs\nnoise\ninit a.b/c-d/v2 @4 ms, 6.9 ms clock, 1 bytes, 1 allocs\n"))
	if !slices.Equal(got, []initTime{{"runtime", 0.026}, {"a.b/c-d/v2", 6.9}}) {
		t.Errorf("got %v", got)
	}
}
