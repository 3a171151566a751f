package probe

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/hostsetup/nvml"
)

// GPUSources are where the state of this machine's GPUs comes from; Health's are used
// where one is nil.
type GPUSources struct {
	// Root is the file system whose /proc tells of processes, "/" if empty.
	Root string
	NVML func(context.Context) (host.Driver, []host.GPU, error)
	// SMI is the output of nvidia-smi -q -x.
	SMI func(context.Context) ([]byte, error)
	// Patience bounds each of the two, 5 s if zero.
	Patience time.Duration
}

// Health reads all that is known of this machine's GPUs: from NVML, or from nvidia-smi
// where that fails, hangs or is not built in. The error says what could not be read;
// what is returned beside it holds. A library that hangs is left behind.
func Health(ctx context.Context) (host.Driver, []host.GPU, error) { return GPUSources{}.Read(ctx) }

// Read reads GPUs as Health does.
func (s GPUSources) Read(ctx context.Context) (host.Driver, []host.GPU, error) {
	if s.NVML == nil {
		s.NVML = nvml.Health
	}
	if s.SMI == nil {
		s.SMI = smiXML
	}
	if s.Patience == 0 {
		s.Patience = patience
	}
	driver, gpus, err := s.library(ctx)
	if len(gpus) > 0 || err == nil || ctx.Err() != nil {
		return driver, gpus, err
	}
	limited, cancel := context.WithTimeout(ctx, s.Patience)
	defer cancel()
	out, failed := s.SMI(limited)
	if failed != nil && len(bytes.TrimSpace(out)) == 0 {
		return driver, nil, errors.Join(err, fmt.Errorf("nvidia-smi: %w", failed))
	}
	driver, gpus, parsed := ParseSMI(out)
	for i := range gpus {
		for j := range gpus[i].Processes {
			p := &gpus[i].Processes[j]
			if text, err := os.ReadFile(filepath.Join("/", s.Root, "proc", fmt.Sprint(p.PID), "cgroup")); err == nil {
				p.Container = nvml.ContainerOf(string(text))
			}
		}
	}
	if len(gpus) > 0 {
		return driver, gpus, parsed // NVML's failure is made good
	}
	return driver, nil, errors.Join(err, parsed)
}

// library asks NVML in a goroutine: it is C code that may never return.
func (s GPUSources) library(ctx context.Context) (host.Driver, []host.GPU, error) {
	type answer struct {
		driver host.Driver
		gpus   []host.GPU
		err    error
	}
	done := make(chan answer, 1)
	limited, cancel := context.WithTimeout(ctx, s.Patience)
	defer cancel()
	go func() {
		driver, gpus, err := s.NVML(limited)
		done <- answer{driver, gpus, err}
	}()
	select {
	case a := <-done:
		return a.driver, a.gpus, a.err
	case <-limited.Done():
	}
	if err := ctx.Err(); err != nil {
		return host.Driver{}, nil, err
	}
	return host.Driver{}, nil, fmt.Errorf("NVML did not answer within %s", s.Patience)
}

// smiXML runs nvidia-smi. What it writes on a failure says why, so it comes back, too.
func smiXML(ctx context.Context) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "nvidia-smi", "-q", "-x")
	cmd.WaitDelay = time.Second // a child of its that keeps the pipe open must not hold us
	var out capped
	cmd.Stdout = &out
	err := cmd.Run()
	return out.data, err
}

// capped takes a little more than is read; who writes on gets an error and ends. It is no
// bytes.Buffer with a Write of its own: copying would go past that, to its ReadFrom.
type capped struct{ data []byte }

func (b *capped) Write(p []byte) (int, error) {
	if left := smiMost + 1 - len(b.data); len(p) > left {
		b.data = append(b.data, p[:left]...)
		return left, io.ErrShortWrite
	}
	b.data = append(b.data, p...)
	return len(p), nil
}
