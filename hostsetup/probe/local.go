// Package probe gathers the facts of a machine.
package probe

import (
	"context"
	"encoding/csv"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/hostsetup/nvml"
)

// patience bounds each source: NVML and nvidia-smi hang on a broken driver.
const patience = 5 * time.Second

// sources are where facts come from; tests replace them.
type sources struct {
	root string
	nvml func() (string, []host.GPU, error)
	smi  func(context.Context) ([]byte, error)
}

// GPUs gathers this machine's driver and GPUs and nothing else. Nothing that is missing is an error.
func GPUs(ctx context.Context) host.Host {
	return sources{root: "/", nvml: nvml.Read, smi: smi}.read(ctx)
}

func (s sources) read(ctx context.Context) host.Host {
	h := host.Host{Driver: host.Driver{Version: s.driver()}}
	if h.Driver.Version == "" {
		return h // without a kernel driver the libraries can only fail
	}
	type answer struct {
		gpus []host.GPU
		err  error
	}
	// NVML is C code that may never return; the goroutine is then left behind.
	done := make(chan answer, 1)
	go func() {
		_, gpus, err := s.nvml()
		done <- answer{gpus, err}
	}()
	select {
	case a := <-done:
		if len(a.gpus) > 0 {
			h.GPUs = a.gpus
			return h
		}
	case <-time.After(patience):
	case <-ctx.Done():
		return h
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if out, err := s.smi(ctx); err == nil {
		h.GPUs = parseSMI(out)
	}
	return h
}

var version = regexp.MustCompile(`\b\d{3}\.\d{1,3}(\.\d{1,3})?\b`)

// driver is the loaded kernel module's version.
func (s sources) driver() string {
	for _, name := range []string{"sys/module/nvidia/version", "proc/driver/nvidia/version"} {
		if data, err := os.ReadFile(filepath.Join(s.root, name)); err == nil {
			if v := version.FindString(string(data)); v != "" {
				return v
			}
		}
	}
	return ""
}

func smi(ctx context.Context) ([]byte, error) {
	return exec.CommandContext(ctx, "nvidia-smi", "--query-gpu=index,uuid,name,compute_cap,memory.total", "--format=csv,noheader,nounits").Output()
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
