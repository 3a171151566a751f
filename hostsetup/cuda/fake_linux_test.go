package cuda

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

// fakeCUDA is a driver in Go: its devices run PTX with the reader and runner of this
// package. It is as strict as CUDA where this project could err: a context is current on
// one thread of the operating system only, memory belongs to a device, a kernel is
// launched with a pointer for each of its parameters.
type fakeCUDA struct {
	mu        sync.Mutex
	devices   []*fakeDevice
	current   map[int]int // thread → device+1
	modules   map[uintptr]map[string]*ptxProgram
	functions map[uintptr]*ptxProgram
	peers     map[[2]int]bool
	noPeers   bool
	fail      map[string]int32         // call → result
	hang      map[string]chan struct{} // call → until
	calls     []string
	lie       func(device int, program *ptxProgram) // after a kernel
	events    map[uintptr]time.Time
	next      uintptr
}

type fakeDevice struct {
	name         string
	major, minor int32
	memory       map[uint64][]byte
	top          uint64
	live         int // pieces of memory
	retained     int
}

func newFake(devices ...*fakeDevice) *fakeCUDA {
	f := &fakeCUDA{devices: devices, current: map[int]int{}, modules: map[uintptr]map[string]*ptxProgram{}, functions: map[uintptr]*ptxProgram{}, peers: map[[2]int]bool{},
		fail: map[string]int32{}, hang: map[string]chan struct{}{}, events: map[uintptr]time.Time{}, next: 0x1000}
	for i, d := range devices {
		d.memory, d.top = map[uint64][]byte{}, uint64(i+1)<<40
	}
	return f
}

func fakeH200() *fakeDevice { return &fakeDevice{name: "NVIDIA H200", major: 9} }

// call counts a call, hangs or fails as was asked for, and else does it.
func (f *fakeCUDA) call(name string, do func() int32) int32 {
	f.mu.Lock()
	hang := f.hang[name]
	f.mu.Unlock()
	if hang != nil {
		<-hang
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, name)
	if result := f.fail[name]; result != 0 {
		return result
	}
	return do()
}

// here is the device whose context is current on this thread, -1 for none.
func (f *fakeCUDA) here() int { return f.current[syscall.Gettid()] - 1 }

// inContext does what needs a current context.
func (f *fakeCUDA) inContext(name string, do func(*fakeDevice) int32) int32 {
	return f.call(name, func() int32 {
		if f.here() < 0 {
			return 201 // CUDA_ERROR_INVALID_CONTEXT
		}
		return do(f.devices[f.here()])
	})
}

// at is the memory behind an address, of this device or of a peer that may be used.
func (f *fakeCUDA) at(device int, address uint64, size int) ([]byte, error) {
	owner := int(address>>40) - 1
	if owner < 0 || owner >= len(f.devices) || owner != device && !f.peers[[2]int{device, owner}] {
		return nil, fmt.Errorf("device %d has no access to %#x", device, address)
	}
	for start, data := range f.devices[owner].memory {
		if address >= start && address+uint64(size) <= start+uint64(len(data)) {
			return data[address-start:][:size], nil
		}
	}
	return nil, fmt.Errorf("no memory of %d bytes at %#x", size, address)
}

func (f *fakeCUDA) open() (*Driver, error) { return &Driver{api: f.api()}, nil }

func put(buffer *byte, length int32, text string) {
	copy(unsafe.Slice(buffer, length), append([]byte(text), 0))
}

func (f *fakeCUDA) api() *api {
	names := map[int32]string{1: "CUDA_ERROR_INVALID_VALUE", 2: "CUDA_ERROR_OUT_OF_MEMORY", 100: "CUDA_ERROR_NO_DEVICE", 201: "CUDA_ERROR_INVALID_CONTEXT",
		209: "CUDA_ERROR_NO_BINARY_FOR_GPU", 218: "CUDA_ERROR_INVALID_PTX", 700: "CUDA_ERROR_ILLEGAL_ADDRESS", 999: "CUDA_ERROR_UNKNOWN"}
	handle := func(p *uintptr) { f.next++; *p = f.next }
	return &api{
		library: "fake",
		getErrorName: func(result int32, text **byte) int32 {
			if names[result] == "" {
				return 1
			}
			*text = cString(names[result])
			return 0
		},
		getErrorString: func(result int32, text **byte) int32 {
			if names[result] == "" {
				return 1
			}
			*text = cString(fmt.Sprintf("what %d means", result))
			return 0
		},
		init:             func(uint32) int32 { return f.call("cuInit", func() int32 { return 0 }) },
		driverGetVersion: func(v *int32) int32 { return f.call("cuDriverGetVersion", func() int32 { *v = 13010; return 0 }) },
		deviceGetCount: func(n *int32) int32 {
			return f.call("cuDeviceGetCount", func() int32 { *n = int32(len(f.devices)); return 0 })
		},
		deviceGet: func(d *int32, i int32) int32 { return f.call("cuDeviceGet", func() int32 { *d = i; return 0 }) },
		deviceGetName: func(name *byte, n, d int32) int32 {
			return f.call("cuDeviceGetName", func() int32 { put(name, n, f.devices[d].name); return 0 })
		},
		deviceGetUUID: func(id *[16]byte, d int32) int32 {
			return f.call("cuDeviceGetUuid", func() int32 { *id = [16]byte{0xab, 15: byte(d)}; return 0 })
		},
		deviceGetPCIBusID: func(id *byte, n, d int32) int32 {
			return f.call("cuDeviceGetPCIBusId", func() int32 { put(id, n, fmt.Sprintf("0000:%dA:00.0", d)); return 0 })
		},
		deviceGetAttribute: func(v *int32, a, d int32) int32 {
			return f.call("cuDeviceGetAttribute", func() int32 {
				*v = map[int32]int32{75: f.devices[d].major, 76: f.devices[d].minor}[a]
				return 0
			})
		},
		deviceTotalMem: func(n *uint64, d int32) int32 {
			return f.call("cuDeviceTotalMem", func() int32 { *n = 8 << 30; return 0 })
		},
		deviceCanAccessPeer: func(can *int32, d, peer int32) int32 {
			return f.call("cuDeviceCanAccessPeer", func() int32 { *can = int32(truth(!f.noPeers)); return 0 })
		},
		primaryRetain: func(c *uintptr, d int32) int32 {
			return f.call("cuDevicePrimaryCtxRetain", func() int32 { f.devices[d].retained++; *c = uintptr(d) + 1; return 0 })
		},
		primaryRelease: func(d int32) int32 {
			return f.call("cuDevicePrimaryCtxRelease", func() int32 { f.devices[d].retained--; return 0 })
		},
		ctxSetCurrent: func(c uintptr) int32 {
			return f.call("cuCtxSetCurrent", func() int32 { f.current[syscall.Gettid()] = int(c); return 0 })
		},
		ctxSynchronize: func() int32 { return f.inContext("cuCtxSynchronize", func(*fakeDevice) int32 { return 0 }) },
		ctxEnablePeer: func(peer uintptr, _ uint32) int32 {
			return f.inContext("cuCtxEnablePeerAccess", func(*fakeDevice) int32 {
				pair := [2]int{f.here(), int(peer) - 1}
				if f.peers[pair] {
					return 704
				}
				f.peers[pair] = true
				return 0
			})
		},
		ctxDisablePeer: func(peer uintptr) int32 {
			return f.inContext("cuCtxDisablePeerAccess", func(*fakeDevice) int32 {
				delete(f.peers, [2]int{f.here(), int(peer) - 1})
				return 0
			})
		},
		moduleLoadDataEx: func(m *uintptr, image *byte, options uint32, keys *int32, values *jitValues) int32 {
			return f.inContext("cuModuleLoadDataEx", func(d *fakeDevice) int32 {
				all, err := readPTXModule(goBytes(image))
				if err != nil {
					if k := unsafe.Slice(keys, options); slices.Equal(k, []int32{5, 6, 7}) {
						copy(unsafe.Slice(values.log, values.size), append([]byte("ptxas: "+err.Error()), 0))
					}
					return 218
				}
				for _, p := range all {
					if int(10*d.major+d.minor) < p.target {
						return 209
					}
				}
				handle(m)
				f.modules[*m] = all
				return 0
			})
		},
		moduleUnload: func(m uintptr) int32 {
			return f.inContext("cuModuleUnload", func(*fakeDevice) int32 { delete(f.modules, m); return 0 })
		},
		moduleGetFunc: func(fn *uintptr, m uintptr, name *byte) int32 {
			return f.inContext("cuModuleGetFunction", func(*fakeDevice) int32 {
				p := f.modules[m][goString(name)]
				if p == nil {
					return 500 // CUDA_ERROR_NOT_FOUND
				}
				handle(fn)
				f.functions[*fn] = p
				return 0
			})
		},
		memGetInfo: func(free, total *uint64) int32 {
			return f.inContext("cuMemGetInfo", func(*fakeDevice) int32 { *free, *total = 4<<30, 8<<30; return 0 })
		},
		memAlloc: func(address *uint64, n uint64) int32 {
			return f.inContext("cuMemAlloc", func(d *fakeDevice) int32 {
				*address = d.top
				d.memory[d.top] = make([]byte, n)
				d.top += (n + 511) &^ 255 // with a gap, so that what is over the end is seen
				d.live++
				return 0
			})
		},
		memFree: func(address uint64) int32 {
			return f.inContext("cuMemFree", func(d *fakeDevice) int32 {
				if d.memory[address] == nil {
					return 1
				}
				delete(d.memory, address)
				d.live--
				return 0
			})
		},
		memsetD32: func(address uint64, v uint32, n uint64) int32 {
			return f.inContext("cuMemsetD32", func(*fakeDevice) int32 {
				b, err := f.at(f.here(), address, int(n)*4)
				for i := range b {
					b[i] = byte(v >> (8 * (i % 4)))
				}
				return illegal(err)
			})
		},
		memcpyHtoD: func(to uint64, from unsafe.Pointer, n uint64) int32 {
			return f.inContext("cuMemcpyHtoD", func(*fakeDevice) int32 {
				b, err := f.at(f.here(), to, int(n))
				copy(b, unsafe.Slice((*byte)(from), n))
				return illegal(err)
			})
		},
		memcpyDtoH: func(to unsafe.Pointer, from uint64, n uint64) int32 {
			return f.inContext("cuMemcpyDtoH", func(*fakeDevice) int32 {
				b, err := f.at(f.here(), from, int(n))
				copy(unsafe.Slice((*byte)(to), n), b)
				return illegal(err)
			})
		},
		memcpyDtoD: func(to, from, n uint64) int32 {
			return f.inContext("cuMemcpyDtoD", func(*fakeDevice) int32 {
				a, err := f.at(f.here(), to, int(n))
				b, err2 := f.at(f.here(), from, int(n))
				copy(a, b)
				return illegal(errors.Join(err, err2))
			})
		},
		memcpyPeer: func(to uint64, toContext uintptr, from uint64, fromContext uintptr, n uint64) int32 {
			return f.call("cuMemcpyPeer", func() int32 {
				a, err := f.at(int(toContext)-1, to, int(n))
				b, err2 := f.at(int(fromContext)-1, from, int(n))
				copy(a, b)
				return illegal(errors.Join(err, err2))
			})
		},
		launchKernel: func(fn uintptr, gx, gy, gz, bx, by, bz, shared uint32, stream uintptr, parameters, _ *unsafe.Pointer) int32 {
			return f.inContext("cuLaunchKernel", func(*fakeDevice) int32 {
				p, device := f.functions[fn], f.here()
				if p == nil || gx*gy*gz == 0 || bx*by*bz == 0 || bx*by*bz > 1024 || gz*bz != 1 || shared != 0 {
					return 1
				}
				g := &ptxGrid{program: p, grid: Size{gx, gy, gz}, block: Size{bx, by, bz},
					memory: func(address uint64, n int) ([]byte, error) { return f.at(device, address, n) }}
				for i := range p.params {
					g.arguments = append(g.arguments, *(*uint64)(unsafe.Slice(parameters, len(p.params))[i]))
				}
				if g.run() != nil {
					return 700
				}
				if f.lie != nil {
					f.lie(device, p)
				}
				return 0
			})
		},
		streamCreate: func(s *uintptr, _ uint32) int32 {
			return f.inContext("cuStreamCreate", func(*fakeDevice) int32 { handle(s); return 0 })
		},
		streamSynchronize: func(uintptr) int32 { return f.inContext("cuStreamSynchronize", func(*fakeDevice) int32 { return 0 }) },
		streamDestroy:     func(uintptr) int32 { return f.inContext("cuStreamDestroy", func(*fakeDevice) int32 { return 0 }) },
		eventCreate: func(e *uintptr, _ uint32) int32 {
			return f.inContext("cuEventCreate", func(*fakeDevice) int32 { handle(e); return 0 })
		},
		eventRecord: func(e, _ uintptr) int32 {
			return f.inContext("cuEventRecord", func(*fakeDevice) int32 { f.events[e] = time.Now(); return 0 })
		},
		eventSynchronize: func(uintptr) int32 { return f.inContext("cuEventSynchronize", func(*fakeDevice) int32 { return 0 }) },
		eventElapsedTime: func(ms *float32, a, b uintptr) int32 {
			return f.inContext("cuEventElapsedTime", func(*fakeDevice) int32 {
				*ms = float32(f.events[b].Sub(f.events[a]).Seconds() * 1000)
				return 0
			})
		},
		eventDestroy: func(e uintptr) int32 {
			return f.inContext("cuEventDestroy", func(*fakeDevice) int32 { delete(f.events, e); return 0 })
		},
	}
}

func illegal(err error) int32 {
	if err != nil {
		return 1
	}
	return 0
}

// goBytes is a C string of any length.
func goBytes(text *byte) string {
	n := 0
	for *(*byte)(unsafe.Add(unsafe.Pointer(text), n)) != 0 {
		n++
	}
	return string(unsafe.Slice(text, n))
}

// onDevice runs a test with a context of the first device, on one thread.
func onDevice(t *testing.T, f *fakeCUDA, do func(*Context) error) error {
	t.Helper()
	thread := NewThread()
	defer thread.Close()
	return thread.Do("test", time.Minute, func() error {
		d, err := f.open()
		if err != nil {
			return err
		}
		devices, err := d.Devices()
		if err != nil {
			return err
		}
		c, err := devices[0].Context()
		if err != nil {
			return err
		}
		return errors.Join(do(c), c.Close())
	})
}
