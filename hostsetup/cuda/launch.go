package cuda

import (
	"runtime"
	"unsafe"
)

// Module is compiled PTX in a context.
type Module struct {
	context *Context
	handle  uintptr
}

// Values of CUjit_option, of cuda.h.
const (
	jitErrorLog     = 5 // CU_JIT_ERROR_LOG_BUFFER
	jitErrorLogSize = 6 // CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES
	jitLevel        = 7 // CU_JIT_OPTIMIZATION_LEVEL, 0 to 4
)

// Load has the driver compile PTX for the current context's device, with an optimization
// level of 0 to 4. Its error holds what the compiler said.
func (c *Context) Load(ptx []byte, level int) (*Module, error) {
	image := append(append([]byte(nil), ptx...), 0)
	log := make([]byte, 2048)
	names := []int32{jitErrorLog, jitErrorLogSize, jitLevel}
	values := &jitValues{&log[0], uintptr(len(log)), uintptr(level)}
	m := &Module{context: c}
	result := c.driver.api.moduleLoadDataEx(&m.handle, &image[0], uint32(len(names)), &names[0], values)
	runtime.KeepAlive(image)
	if err := c.driver.check("cuModuleLoadDataEx", result); err != nil {
		err.(*Error).Log = plain(upToZero(log))
		return nil, err
	}
	return m, nil
}

// Unload gives the module back.
func (m *Module) Unload() error {
	return m.context.driver.check("cuModuleUnload", m.context.driver.api.moduleUnload(m.handle))
}

// Function is a kernel of a module.
type Function struct {
	context *Context
	handle  uintptr
}

// Function finds a kernel by its name.
func (m *Module) Function(name string) (Function, error) {
	f := Function{context: m.context}
	err := m.context.driver.check("cuModuleGetFunction", m.context.driver.api.moduleGetFunc(&f.handle, m.handle, cString(name)))
	return f, err
}

// Size is a grid's size in blocks, or a block's in threads.
type Size struct{ X, Y, Z uint32 }

// Stream is a queue of work on a device; the zero value is the context's own.
type Stream struct{ handle uintptr }

// Launch starts a kernel and does not wait for it. Parameters of 32 bits are the low half
// of their argument: both processors that CUDA runs on are little-endian.
func (f Function) Launch(grid, block Size, stream Stream, arguments ...uint64) error {
	values := append([]uint64(nil), arguments...)
	pointers := make([]unsafe.Pointer, len(values)+1)
	for i := range values {
		pointers[i] = unsafe.Pointer(&values[i])
	}
	result := f.context.driver.api.launchKernel(f.handle, grid.X, max(grid.Y, 1), max(grid.Z, 1),
		block.X, max(block.Y, 1), max(block.Z, 1), 0, stream.handle, &pointers[0], nil)
	runtime.KeepAlive(pointers)
	return f.context.driver.check("cuLaunchKernel", result)
}

// Stream makes a stream of the current context that does not wait for its own one.
func (c *Context) Stream() (Stream, error) {
	const nonBlocking = 1 // CU_STREAM_NON_BLOCKING
	var s Stream
	err := c.driver.check("cuStreamCreate", c.driver.api.streamCreate(&s.handle, nonBlocking))
	return s, err
}

// Wait waits for all that was put into a stream.
func (c *Context) Wait(s Stream) error {
	return c.driver.check("cuStreamSynchronize", c.driver.api.streamSynchronize(s.handle))
}

// Drop gives a stream back.
func (c *Context) Drop(s Stream) error {
	return c.driver.check("cuStreamDestroy", c.driver.api.streamDestroy(s.handle))
}

// Timed runs what work puts into a stream, waits for it, and says how many milliseconds
// the device took.
func (c *Context) Timed(s Stream, work func() error) (milliseconds float64, err error) {
	var events [2]uintptr
	for i := range events {
		if err := c.driver.check("cuEventCreate", c.driver.api.eventCreate(&events[i], 0)); err != nil {
			return 0, err
		}
		defer c.driver.api.eventDestroy(events[i])
	}
	if err := c.driver.check("cuEventRecord", c.driver.api.eventRecord(events[0], s.handle)); err != nil {
		return 0, err
	}
	if err := work(); err != nil {
		return 0, err
	}
	if err := c.driver.check("cuEventRecord", c.driver.api.eventRecord(events[1], s.handle)); err != nil {
		return 0, err
	}
	if err := c.driver.check("cuEventSynchronize", c.driver.api.eventSynchronize(events[1])); err != nil {
		return 0, err
	}
	var took float32
	err = c.driver.check("cuEventElapsedTime", c.driver.api.eventElapsedTime(&took, events[0], events[1]))
	return float64(took), err
}
