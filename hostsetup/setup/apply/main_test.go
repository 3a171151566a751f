//go:build linux

package apply

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dockergpu/docker-gpu/hostsetup/setup"
)

// TestMain makes this test's own binary the setup that the kill tests kill.
func TestMain(m *testing.M) {
	if orders := os.Getenv("APPLY_TEST_CHILD"); orders != "" {
		os.Exit(child(orders))
	}
	// Each step is synced several times, and is made thousands of times here.
	if fi, err := os.Stat("/dev/shm"); err == nil && fi.IsDir() && os.Getenv("TMPDIR") == "" {
		_ = os.Setenv("TMPDIR", "/dev/shm")
	}
	os.Exit(m.Run())
}

// orders are what a child does.
type orders struct {
	Root, State string
	ID          string
	Do          string // "apply", "resume", "rollback"
	Plan        *setup.Plan
	// Kill is the point at which it kills itself, from 1; 0 never.
	Kill int
	// Slow makes it wait at every point, for a kill from outside.
	Slow time.Duration
}

func child(text string) int {
	var o orders
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 3
	}
	m := machine(o.Root, o.State)
	points := 0
	m.point = func(string) {
		if points++; points == o.Kill {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
		time.Sleep(o.Slow)
	}
	ctx, err := context.Background(), error(nil)
	switch o.Do {
	case "serve":
		if err := Serve(ctx, os.Stdin, os.Stdout, *m); err != nil {
			return 1
		}
		return 0
	case "both apply":
		_, err = joined(m, o.State+"-user").Apply(ctx, o.Plan)
	case "both resume":
		_, err = joined(m, o.State+"-user").Resume(ctx, "")
	case "both rollback":
		_, err = joined(m, o.State+"-user").Rollback(ctx, "", Back{})
	case "apply":
		_, err = m.Apply(ctx, o.ID, o.Plan)
	case "resume":
		err = m.Resume(ctx, o.ID)
	case "rollback":
		err = m.Rollback(ctx, o.ID, Back{})
	}
	fmt.Println(points)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// command is a child with orders.
func (o orders) command(t *testing.T) *exec.Cmd {
	t.Helper()
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "APPLY_TEST_CHILD="+string(text))
	return cmd
}

// carryOut runs a child and says whether it was killed, and at how many points it could have been.
func (o orders) carryOut(t *testing.T) (killed bool, points int) {
	t.Helper()
	cmd := o.command(t)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if ws, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return true, 0
	}
	if err != nil {
		t.Fatalf("%s: %v: %s", o.Do, err, stderr.String())
	}
	points, _ = strconv.Atoi(strings.TrimSpace(string(out)))
	return false, points
}
