package probe

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/hostsetup/nvml"
)

// GPUSources are the ways to ask for this machine's GPUs; Health's are used where one is nil.
type GPUSources struct {
	// Root is the file system whose /proc tells of processes, "/" if empty.
	Root string
	// NVML asks the library, SMI the program, where the library fails.
	NVML, SMI func(context.Context) (host.Driver, []host.GPU, error)
	// Patience bounds each of the two, 5 s if zero.
	Patience time.Duration
}

// patience bounds each way of asking: NVML and nvidia-smi hang on a broken driver.
const patience = 5 * time.Second

// Health reads all that is known of this machine's GPUs: from NVML, or from nvidia-smi
// where that fails, hangs or is not built in. The error says what could not be read;
// what is returned beside it holds. A library that hangs is left behind.
func Health(ctx context.Context) (host.Driver, []host.GPU, error) { return GPUSources{}.Read(ctx) }

// Read reads GPUs as Health does. Its texts are fit for a terminal.
func (s GPUSources) Read(ctx context.Context) (host.Driver, []host.GPU, error) {
	driver, gpus, err := s.read(ctx)
	h := host.Host{Driver: driver, GPUs: gpus}
	Clean(&h)
	return h.Driver, h.GPUs, err
}

func (s GPUSources) read(ctx context.Context) (host.Driver, []host.GPU, error) {
	if s.NVML == nil {
		s.NVML = nvml.Health
	}
	if s.SMI == nil {
		s.SMI = smiHealth
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
	told, gpus, failed := s.SMI(limited)
	if len(gpus) == 0 {
		return driver, nil, errors.Join(err, failed)
	}
	for i := range gpus {
		for j := range gpus[i].Processes {
			p := &gpus[i].Processes[j]
			p.Container = nvml.ContainerOf(root(filepath.Join("/", s.Root)).text(fmt.Sprintf("/proc/%d/cgroup", p.PID)))
		}
	}
	return told, gpus, failed // NVML's failure is made good
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

// smiHealth asks nvidia-smi for all that it knows.
func smiHealth(ctx context.Context) (host.Driver, []host.GPU, error) {
	out, err := output(ctx, "nvidia-smi", "-q", "-x")
	return smiSaid(out, err, ParseSMI)
}

// smiList asks nvidia-smi for what builds need.
func smiList(ctx context.Context) (host.Driver, []host.GPU, error) {
	out, err := output(ctx, "nvidia-smi", "--query-gpu=index,uuid,name,compute_cap,memory.total,driver_version", "--format=csv,noheader,nounits")
	return smiSaid(out, err, parseSMIList)
}

// smiSaid takes what nvidia-smi wrote, on a failure too: it says why there, and has often
// listed the GPUs that still answer.
func smiSaid(out []byte, failed error, parse func([]byte) (host.Driver, []host.GPU, error)) (host.Driver, []host.GPU, error) {
	if failed != nil && len(bytes.TrimSpace(out)) == 0 {
		return host.Driver{}, nil, fmt.Errorf("nvidia-smi: %w", failed)
	}
	return parse(out)
}
