package probe

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/hostsetup/nvml"
)

// patience bounds each way of asking: NVML and nvidia-smi hang on a broken driver.
const patience = 5 * time.Second

// asker are the ways to ask for GPUs; tests replace them.
type asker struct {
	nvml func() (string, []host.GPU, error)
	smi  func(context.Context) ([]byte, error)
}

// GPUs gathers this machine's driver and GPUs and nothing else. Nothing that is missing is an error.
func GPUs(ctx context.Context) host.Host {
	return quick(ctx, "/", asker{nvml.Read, smi})
}

func quick(ctx context.Context, r root, a asker) host.Host {
	h := host.Host{Driver: host.Driver{Version: driverVersion(r)}}
	if h.Driver.Version == "" {
		return h // without a kernel driver the libraries can only fail
	}
	h.GPUs, _ = a.ask(ctx)
	return h
}

// readGPUs is the source for Local. Without a loaded driver nothing is asked: the
// libraries can only fail, and that is told by the missing module already.
func readGPUs(ctx context.Context, m *machine) (fill, error) {
	wsl := m.root.exists("/dev/dxg") && m.root.exists(wslLibraries)
	if m.gpus == nil || driverVersion(m.root) == "" && !wsl {
		return nil, nil
	}
	driver, gpus, err := m.gpus(ctx)
	return func(h *host.Host) {
		// The kernel's word on the module stands above the library's; WSL has no module.
		if h.Driver.Version == "" {
			h.Driver.Version = driver.Version
		}
		h.Driver.CUDA, h.Driver.NVML, h.GPUs = driver.CUDA, driver.NVML, gpus
	}, err
}

// ask returns GPUs, those that one of the ways could name, and why there are none or not all.
func (a asker) ask(ctx context.Context) ([]host.GPU, error) {
	type answer struct {
		gpus []host.GPU
		err  error
	}
	// NVML is C code that may never return; the goroutine is then left behind.
	done := make(chan answer, 1)
	go func() {
		_, gpus, err := a.nvml()
		done <- answer{gpus, err}
	}()
	var failed error
	select {
	case a := <-done:
		if len(a.gpus) > 0 {
			return a.gpus, a.err
		}
		failed = a.err
	case <-time.After(patience):
		failed = fmt.Errorf("NVML did not answer within %s", patience)
	case <-ctx.Done():
		return nil, errors.New("NVML: interrupted")
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	out, err := a.smi(ctx)
	if err != nil {
		return nil, failed
	}
	// Its rows are as good as NVML's first facts; health stays unknown.
	return parseSMI(out), failed
}

func smi(ctx context.Context) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "nvidia-smi", "--query-gpu=index,uuid,name,compute_cap,memory.total", "--format=csv,noheader,nounits")
	cmd.WaitDelay = 100 * time.Millisecond
	return cmd.Output()
}

func parseSMI(out []byte) []host.GPU {
	r := csv.NewReader(strings.NewReader(string(out)))
	r.TrimLeadingSpace = true
	r.FieldsPerRecord = -1 // what is said of a lost GPU is a row too, and must not hide the others
	rows, err := r.ReadAll()
	if err != nil {
		return nil
	}
	var gpus []host.GPU
	for _, row := range rows {
		if len(row) < 5 {
			continue
		}
		index, err := strconv.Atoi(row[0])
		if err != nil {
			continue
		}
		mib, _ := strconv.ParseUint(row[4], 10, 64)
		gpus = append(gpus, host.GPU{Index: index, UUID: known(row[1]), Name: row[2], ComputeCapability: known(row[3]), Memory: mib << 20})
	}
	return gpus
}

// known is a value of nvidia-smi's, "" for one such as "[N/A]" or "[Unknown Error]".
func known(value string) string {
	if strings.HasPrefix(value, "[") {
		return ""
	}
	return value
}
