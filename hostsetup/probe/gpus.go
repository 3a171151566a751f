package probe

import (
	"bytes"
	"cmp"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/hostsetup/nvml"
	"github.com/dockergpu/docker-gpu/internal/policy"
)

// GPUs gathers this machine's driver and GPUs and nothing else. Nothing that is missing is an error.
func GPUs(ctx context.Context) host.Host {
	return quick(ctx, "/", GPUSources{NVML: nvml.Read, SMI: smiList}.Read)
}

func quick(ctx context.Context, r root, read func(context.Context) (host.Driver, []host.GPU, error)) host.Host {
	h := host.Host{Driver: host.Driver{Version: driverVersion(r)}}
	if hasDriver(r) {
		driver, gpus, _ := read(ctx)
		tell(&h, driver, gpus)
	}
	return h
}

// readGPUs is the source for Local.
func readGPUs(ctx context.Context, m *machine) (fill, error) {
	if m.gpus == nil || !hasDriver(m.root) {
		return nil, nil
	}
	// NVIDIA's library sets the modes of the nodes anew where root calls it: they are looked
	// at before, as users find them.
	_, _ = m.nodes()
	driver, gpus, err := m.gpus(ctx)
	return func(h *host.Host) { tell(h, driver, gpus) }, err
}

// hasDriver says whether there is something to ask. Without a loaded driver the libraries
// can only fail, and that is told by the missing module already; WSL has Windows' driver.
func hasDriver(r root) bool {
	return driverVersion(r) != "" || r.exists("/dev/dxg") && r.exists(wslLibraries)
}

// readCUDA asks whether CUDA starts: NVML, which nvidia-smi shows, touches no unified memory.
func readCUDA(ctx context.Context, m *machine) (fill, error) {
	if m.cuda == nil || !hasDriver(m.root) {
		return nil, nil
	}
	_, _ = m.nodes() // as with NVML: root's programs open them
	answer, err := m.cuda(ctx)
	return func(h *host.Host) { h.Driver.CUDAError = answer }, err
}

// tell puts into a host what was found out about its GPUs. The kernel's word on the
// module's version stands above the library's; WSL has no module.
func tell(h *host.Host, driver host.Driver, gpus []host.GPU) {
	h.Driver.Version = cmp.Or(h.Driver.Version, driver.Version)
	h.Driver.CUDA, h.Driver.NVML, h.GPUs = driver.CUDA, driver.NVML, gpus
}

// parseSMIList reads the table that smiList asks for. An error is a text instead of it.
func parseSMIList(out []byte) (driver host.Driver, gpus []host.GPU, err error) {
	r := csv.NewReader(bytes.NewReader(out))
	r.TrimLeadingSpace, r.LazyQuotes = true, true
	r.FieldsPerRecord = -1 // what is said of a lost GPU is a row too, and must not hide the others
	for len(gpus) < smiGPUs {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return driver, gpus, fmt.Errorf("nvidia-smi's table is broken after %d GPUs: %w", len(gpus), err)
		}
		if len(row) < 5 {
			continue
		}
		index, err := strconv.Atoi(row[0])
		if err != nil {
			continue
		}
		mib, err := strconv.ParseUint(row[4], 10, 64)
		if err != nil || !policy.MemoryBounds().Hold(float64(mib)*smiMiB) {
			mib = 0
		}
		gpus = append(gpus, host.GPU{Index: index, UUID: known(row[1]), Name: known(row[2]), ComputeCapability: known(row[3]), Memory: mib * smiMiB})
		if len(row) > 5 {
			driver.Version = known(row[5])
		}
	}
	if len(gpus) == 0 {
		return driver, nil, smiText(out)
	}
	return driver, gpus, nil
}

// known is a value of nvidia-smi's, "" for one such as "[N/A]" or "[Unknown Error]".
func known(value string) string {
	if smiUnknown(value) || smiFailed(value) {
		return ""
	}
	return nvml.Cut(value)
}
