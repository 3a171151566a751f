package probe

import (
	"context"
	"errors"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

func TestSourcesAreMergedAndFailAlone(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	name := func(s string) fill { return func(h *host.Host) { h.Name += s } }
	h := gather(t.Context(), fake(t, nil), []source{
		{"a", "a", time.Minute, func(context.Context, *machine) (fill, error) {
			time.Sleep(20 * time.Millisecond) // slower, and yet the first in the order
			return name("a"), nil
		}},
		{"b", "b", time.Minute, func(context.Context, *machine) (fill, error) { return name("b"), errors.New("half of b") }},
		{"c", "the log", 10 * time.Millisecond, func(context.Context, *machine) (fill, error) { <-release; return name("c"), nil }},
		{"d", "d's file", time.Minute, func(context.Context, *machine) (fill, error) { panic("index out of range") }},
		{"e", "e", time.Minute, func(context.Context, *machine) (fill, error) {
			return nil, errors.Join(errors.New("one"), errors.New("two"))
		}},
		{"f", "f", time.Minute, func(context.Context, *machine) (fill, error) { return nil, nil }},
	})
	assert.Equal(t, h.Name, "ab")
	assert.DeepEqual(t, h.Unread, map[string]string{
		"b": "half of b", "c": "the log did not answer within 10ms", "d": "d's file cannot be understood: index out of range", "e": "one; two",
	})
}

// What a source does after its time is up must not reach the host: it is read by then.
func TestALateSourceWritesNothing(t *testing.T) {
	wrote := make(chan struct{})
	h := gather(t.Context(), fake(t, nil), []source{{"slow", "slow", time.Millisecond, func(ctx context.Context, _ *machine) (fill, error) {
		<-ctx.Done()
		time.Sleep(10 * time.Millisecond)
		close(wrote)
		return func(h *host.Host) { h.Name = "late" }, nil
	}}})
	<-wrote
	assert.Equal(t, h.Name, "")
}

func TestSourcesAreAskedSideBySide(t *testing.T) {
	var list []source
	meet := make(chan struct{})
	for range 2 {
		list = append(list, source{"x", "x", time.Minute, func(ctx context.Context, _ *machine) (fill, error) {
			select { // each waits for the other: one after the other they never end
			case meet <- struct{}{}:
			case <-meet:
			}
			return nil, nil
		}})
	}
	assert.Equal(t, len(gather(t.Context(), fake(t, nil), list).Unread), 0)
}

func TestAnInterruptEndsEverySource(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	release := make(chan struct{})
	defer close(release)
	h := gather(ctx, fake(t, nil), []source{{"x", "NVML", time.Minute, func(context.Context, *machine) (fill, error) {
		cancel()
		<-release
		return nil, nil
	}}})
	assert.DeepEqual(t, h.Unread, map[string]string{"x": "NVML: interrupted"})
}

func TestNamesOfSourcesAreUnique(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range sources() {
		assert.Assert(t, !seen[s.name], s.name)
		assert.Assert(t, s.what != "" && s.timeout > 0 && s.read != nil, s.name)
		seen[s.name] = true
	}
	// Checks say by these names what they need (doctor.Fact).
	for _, name := range []string{"pci", "module", "nvml", "klog", "cdi", "toolkit", "systemd"} {
		assert.Assert(t, seen[name], name)
	}
}

// An empty folder is a machine of which nothing is known; nothing about it is an error.
func TestAnEmptyRoot(t *testing.T) {
	h := Local(t.Context(), Options{Root: t.TempDir()})
	assert.Equal(t, h.SchemaVersion, host.SchemaVersion)
	assert.Assert(t, !h.Taken.IsZero() && h.Arch != "")
	h.SchemaVersion, h.Taken, h.Arch, h.Disks = 0, time.Time{}, "", nil
	assert.DeepEqual(t, h, host.Host{})
}

// The machine that runs the test, whatever it is: no source may fail to end, and the
// facts survive a recording.
func TestThisMachine(t *testing.T) {
	start := time.Now()
	h := Local(t.Context(), Options{})
	assert.Assert(t, time.Since(start) < time.Minute)
	for name, why := range h.Unread {
		t.Logf("%s: %s", name, why)
	}
	assert.Assert(t, h.Name != "" && h.Arch != "")
}
