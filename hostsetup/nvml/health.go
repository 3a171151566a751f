//go:build linux && cgo

package nvml

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/NVIDIA/go-nvml/pkg/nvml"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// Health returns all that NVML knows of the driver and the GPUs. An error tells of
// what could not be read at all; what is returned beside it holds. When ctx ends no
// further call is made, but a call that hangs is not ended: bound the time outside.
// GPU.Errors has the calls that failed though the GPU supports them.
func Health(ctx context.Context) (host.Driver, []host.GPU, error) {
	one.Lock()
	defer one.Unlock()
	return health(ctx, cgroupOf, libraries()...)
}

func health(ctx context.Context, cgroup func(int) string, libs ...nvml.Interface) (host.Driver, []host.GPU, error) {
	return ask(ctx, func(c *card) {
		c.cgroup = cgroup
		c.all()
	}, libs...)
}

// cgroupOf is the text of a process's cgroup file, "" where there is none.
func cgroupOf(pid int) string {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	if err != nil {
		return ""
	}
	return string(data)
}

// session is a library that has started.
type session struct {
	ctx  context.Context
	lib  nvml.Interface
	part func(*card) // reads what is wanted of a GPU
	// fabric is nvmlDeviceGetGpuFabricInfoV; go-nvml hands out no interface for it.
	fabric func(nvml.Device) (nvml.GpuFabricInfo_v3, nvml.Return)

	lock  sync.Mutex
	knows map[string]bool // functions that were looked up
}

// ask reads the driver and, by part, each GPU.
func ask(ctx context.Context, part func(*card), libs ...nvml.Interface) (driver host.Driver, gpus []host.GPU, err error) {
	lib, err := start(libs...)
	if err != nil {
		return driver, nil, err
	}
	defer lib.Shutdown()
	s := &session{ctx: ctx, lib: lib, part: part, fabric: fabricInfo, knows: map[string]bool{}}
	return s.read()
}

func (s *session) read() (driver host.Driver, gpus []host.GPU, err error) {
	driver, err = s.driver()
	n, ret := s.lib.DeviceGetCount()
	if ret != nvml.SUCCESS {
		return driver, nil, errors.Join(err, fmt.Errorf("NVML counts no GPUs: %w", ret))
	}
	if n < 0 || n > 1024 {
		return driver, nil, errors.Join(err, fmt.Errorf("NVML counts %d GPUs", n))
	}
	gpus = make([]host.GPU, n)
	var all sync.WaitGroup
	for i := range gpus {
		// Most of the time goes by in the driver, one GPU beside the other.
		all.Go(func() { s.gpu(i, &gpus[i]) })
	}
	all.Wait()
	return driver, gpus, errors.Join(err, s.ctx.Err())
}

func (s *session) driver() (driver host.Driver, err error) {
	var ret nvml.Return
	if driver.Version, ret = s.lib.SystemGetDriverVersion(); ret != nvml.SUCCESS {
		err = fmt.Errorf("NVML gives no driver version: %w", ret)
	}
	driver.Version = Cut(driver.Version)
	if v, ret := s.lib.SystemGetNVMLVersion(); ret == nvml.SUCCESS {
		driver.NVML = Cut(v)
	}
	// 13000 is CUDA 13.0, 12080 is 12.8.
	if v, ret := s.lib.SystemGetCudaDriverVersion(); ret == nvml.SUCCESS && v >= 1000 && v < 1000_000 {
		driver.CUDA = fmt.Sprintf("%d.%d", v/1000, v%1000/10)
	}
	return driver, err
}

// has says whether the library has a function: the driver may be older than go-nvml.
func (s *session) has(function string) bool {
	s.lock.Lock()
	defer s.lock.Unlock()
	known, looked := s.knows[function]
	if !looked {
		known = s.lib.Extensions().LookupSymbol(function) == nil
		s.knows[function] = known
	}
	return known
}

// handle is the call that gives a GPU; without it nothing can be asked of one.
const handle = "GetHandleByIndex"

func (s *session) gpu(i int, g *host.GPU) {
	g.Index = i
	c := &card{session: s, g: g}
	if s.ctx.Err() != nil {
		return
	}
	d, ret := s.lib.DeviceGetHandleByIndex(i)
	if !c.ok(handle, ret) {
		return
	}
	c.d = d
	s.part(c)
}

// all reads all that is known of a GPU.
func (c *card) all() {
	// A GPU that is lost still has the name and the address that the driver remembers.
	c.insist = true
	c.identity()
	c.insist = false
	for _, part := range []func(){c.board, c.memory, c.temperature, c.power, c.clocks, c.fans, c.utilization,
		c.ecc, c.remap, c.pcie, c.nvlinks, c.fabricState, c.recovery, c.mig, c.processes} {
		part()
	}
}
