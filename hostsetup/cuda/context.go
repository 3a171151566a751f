package cuda

import (
	"runtime"
	"unsafe"
)

// Context is the primary context of a device. It is current on the thread that made it.
type Context struct {
	Device
	handle uintptr
	module *Module // the embedded kernels, once one was asked for
}

// Context retains the device's primary context and makes it current on this thread.
func (d Device) Context() (*Context, error) {
	c := &Context{Device: d}
	if err := d.driver.check("cuDevicePrimaryCtxRetain", d.driver.api.primaryRetain(&c.handle, d.handle)); err != nil {
		return nil, err
	}
	if err := c.Use(); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// Use makes the context current on this thread.
func (c *Context) Use() error {
	return c.driver.check("cuCtxSetCurrent", c.driver.api.ctxSetCurrent(c.handle))
}

// Close gives the context back; its memory and modules go with the last holder.
func (c *Context) Close() error {
	return c.driver.check("cuDevicePrimaryCtxRelease", c.driver.api.primaryRelease(c.Device.handle))
}

// Synchronize waits for all that was started in the current context. A kernel's failure
// is told here.
func (c *Context) Synchronize() error {
	return c.driver.check("cuCtxSynchronize", c.driver.api.ctxSynchronize())
}

// EnablePeer lets kernels of this context, which is current, use another one's memory.
func (c *Context) EnablePeer(peer *Context) error {
	const alreadyEnabled = 704 // CUDA_ERROR_PEER_ACCESS_ALREADY_ENABLED
	err := c.driver.check("cuCtxEnablePeerAccess", c.driver.api.ctxEnablePeer(peer.handle, 0))
	if code(err) == alreadyEnabled {
		return nil
	}
	return err
}

// DisablePeer takes that back.
func (c *Context) DisablePeer(peer *Context) error {
	return c.driver.check("cuCtxDisablePeerAccess", c.driver.api.ctxDisablePeer(peer.handle))
}

// Memory is a piece of a device's memory.
type Memory struct {
	Address uint64
	Size    uint64 // bytes
}

// Free says how many bytes of the device's memory are free.
func (c *Context) Free() (uint64, error) {
	var free, total uint64
	err := c.driver.check("cuMemGetInfo", c.driver.api.memGetInfo(&free, &total))
	return free, err
}

// Alloc takes memory of the current context.
func (c *Context) Alloc(size uint64) (Memory, error) {
	m := Memory{Size: size}
	err := c.driver.check("cuMemAlloc", c.driver.api.memAlloc(&m.Address, size))
	return m, err
}

// Release gives memory back. Nothing can be done about its failure but to say so.
func (c *Context) Release(m Memory) error {
	return c.driver.check("cuMemFree", c.driver.api.memFree(m.Address))
}

// Set writes a value into all 32-bit words of a memory.
func (c *Context) Set(m Memory, value uint32) error {
	return c.driver.check("cuMemsetD32", c.driver.api.memsetD32(m.Address, value, m.Size/4))
}

// Copy copies within the device.
func (c *Context) Copy(to, from Memory) error {
	return c.driver.check("cuMemcpyDtoD", c.driver.api.memcpyDtoD(to.Address, from.Address, min(to.Size, from.Size)))
}

// CopyFrom copies from another context's memory.
func (c *Context) CopyFrom(to Memory, peer *Context, from Memory) error {
	return c.driver.check("cuMemcpyPeer", c.driver.api.memcpyPeer(to.Address, c.handle, from.Address, peer.handle, min(to.Size, from.Size)))
}

// element is what memories hold here.
type element interface {
	uint16 | uint32 | uint64 | float32
}

// Upload copies values to the device, as many as the memory holds.
func Upload[T element](c *Context, to Memory, values []T) error {
	if len(values) == 0 {
		return nil
	}
	err := c.driver.check("cuMemcpyHtoD", c.driver.api.memcpyHtoD(to.Address, unsafe.Pointer(&values[0]), min(to.Size, bytesOf(values))))
	runtime.KeepAlive(values)
	return err
}

// Download fills values from the device.
func Download[T element](c *Context, values []T, from Memory) error {
	if len(values) == 0 {
		return nil
	}
	err := c.driver.check("cuMemcpyDtoH", c.driver.api.memcpyDtoH(unsafe.Pointer(&values[0]), from.Address, min(from.Size, bytesOf(values))))
	runtime.KeepAlive(values)
	return err
}

func bytesOf[T element](values []T) uint64 {
	return uint64(len(values)) * uint64(unsafe.Sizeof(values[0]))
}
