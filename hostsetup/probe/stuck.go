package probe

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// stuckFor is the time between two looks: a short wait for the disk is no wedge.
const stuckFor = 150 * time.Millisecond

// readStuck finds processes that stay in uninterruptible sleep in the driver: they
// cannot even be killed, and what asks the driver next joins them.
func readStuck(ctx context.Context, m *machine) (fill, error) {
	first := asleep(m.root)
	if len(first) == 0 {
		return nil, nil
	}
	select {
	case <-time.After(stuckFor):
	case <-ctx.Done():
		return nil, nil
	}
	var stuck []host.Process
	again := asleep(m.root)
	for _, p := range first {
		for _, q := range again {
			if p.PID == q.PID && len(stuck) < 100 {
				stuck = append(stuck, p)
			}
		}
	}
	return func(h *host.Host) { h.Stuck = stuck }, nil
}

// asleep are processes in state D with NVIDIA's name, or whose kernel stack (which
// only root sees) is in its modules.
func asleep(r root) (found []host.Process) {
	for _, pid := range processes(r) {
		s, ok := readStat(r, pid)
		if !ok || s.state != "D" {
			continue
		}
		dir := "/proc/" + strconv.Itoa(pid)
		if strings.Contains(s.name, "nvidia") || strings.HasPrefix(s.name, "nv-") || strings.HasPrefix(s.name, "nv_") ||
			containsAny(r.text(dir+"/stack"), []string{"[nvidia]", "[nvidia_uvm]", "[nvidia_modeset]"}) {
			found = append(found, host.Process{PID: pid, Name: s.name})
		}
	}
	return found
}

// processes are the numbers below /proc.
func processes(r root) (pids []int) {
	names, _ := r.list("/proc", "[1-9]*")
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// stat is what proc_pid_stat(5) says of a process.
type stat struct {
	name, state string
	started     time.Duration // after boot
}

// ticks is USER_HZ, 100 on every architecture that NVIDIA has a driver for.
const ticks = 100

func readStat(r root, pid int) (s stat, ok bool) {
	text := r.text("/proc/" + strconv.Itoa(pid) + "/stat")
	// The name is in brackets and may hold any, brackets and blanks too.
	open, end := strings.IndexByte(text, '('), strings.LastIndexByte(text, ')')
	if open < 0 || end < open {
		return s, false
	}
	f := strings.Fields(text[end+1:])
	if len(f) < 20 {
		return s, false
	}
	s.name, s.state = text[open+1:end], f[0]
	if n, err := strconv.ParseInt(f[19], 10, 64); err == nil && n >= 0 && n < 1<<40 {
		s.started = time.Duration(n) * (time.Second / ticks)
	}
	return s, true
}
