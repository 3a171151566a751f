package cuda

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"
)

// Every function is looked up, by the newest of its names, and one that is missing is
// said before anything is called.
func TestBind(t *testing.T) {
	has := func(without ...string) func(string) (uintptr, error) {
		return func(name string) (uintptr, error) {
			for _, w := range without {
				if name == w {
					return 0, errors.New("undefined symbol")
				}
			}
			return uintptr(len(name)), nil
		}
	}
	var registered []uintptr
	register := func(_ any, address uintptr) { registered = append(registered, address) }
	a := &api{}
	assert.NilError(t, a.bind("libcuda.so.1", has(), register))
	fields := reflect.TypeFor[api]().NumField() - 1 // all but the library's name
	assert.Equal(t, len(registered), fields, "a field is not looked up")
	seen := map[any]bool{}
	for _, s := range a.symbols() {
		assert.Assert(t, !seen[s.function], "%s is for a field that has another name too", s.names[0])
		seen[s.function] = true
		assert.Equal(t, reflect.TypeOf(s.function).Elem().Out(0).Kind(), reflect.Int32, "every call returns a CUresult")
	}
	registered = nil
	err := a.bind("libcuda.so.1", has("cuMemcpyPeer"), register)
	var missing *SymbolError
	assert.Assert(t, errors.As(err, &missing))
	assert.Error(t, err, "libcuda.so.1 has no function cuMemcpyPeer: the library is damaged, or its driver is older than this program knows")
	assert.NilError(t, a.bind("x", has("cuDeviceGetUuid_v2"), register), "the older name serves")
	assert.Assert(t, a.bind("x", has("cuDeviceGetUuid_v2", "cuDeviceGetUuid"), register) != nil)
}

// All the calls of the package against a driver that is strict about threads and memory.
func TestContextCalls(t *testing.T) {
	f := newFake(fakeH200())
	assert.NilError(t, onDevice(t, f, func(c *Context) error {
		m, err := c.Alloc(64)
		if err != nil {
			return err
		}
		s, err := c.Stream()
		if err != nil {
			return err
		}
		got := make([]uint16, 32)
		if err := errors.Join(c.Set(m, 0x00070003), Download(c, got, m), Upload(c, m, []uint64(nil)), c.Wait(s), c.Drop(s)); err != nil {
			return err
		}
		if got[0] != 3 || got[31] != 7 {
			return fmt.Errorf("memory holds %v", got)
		}
		// More than there is room for goes no further than the end.
		if err := Upload(c, Memory{m.Address, 8}, []uint32{1, 2, 3, 4}); err != nil {
			return err
		}
		if err := Download(c, got, m); err != nil {
			return err
		}
		if got[2] != 2 || got[4] != 3 {
			return fmt.Errorf("memory holds %v", got)
		}
		ms, err := c.Timed(Stream{}, func() error { time.Sleep(5 * time.Millisecond); return nil })
		if err != nil || ms < 5 {
			return fmt.Errorf("%v ms, %w", ms, err)
		}
		if _, err := c.Timed(Stream{}, func() error { return errors.New("no") }); err == nil || err.Error() != "no" {
			return fmt.Errorf("an error is lost: %w", err)
		}
		return c.Release(m)
	}))
	assert.Equal(t, f.devices[0].live, 0)
	assert.Equal(t, f.devices[0].retained, 0)
	assert.Equal(t, len(f.events), 0)
}

// On another thread no context is current: the fake says so, as CUDA does.
func TestContextIsOfItsThread(t *testing.T) {
	f := newFake(fakeH200())
	err := onDevice(t, f, func(c *Context) error {
		other := NewThread()
		defer other.Close()
		return other.Do("elsewhere", time.Minute, func() error {
			if _, err := c.Alloc(8); code(err) != 201 {
				return fmt.Errorf("without a context: %w", err)
			}
			if err := c.Use(); err != nil {
				return err
			}
			m, err := c.Alloc(8)
			return errors.Join(err, c.Release(m))
		})
	})
	assert.NilError(t, err)
}

// The compiler's own words come with its error.
func TestPTXThatTheDriverRefuses(t *testing.T) {
	f := newFake(fakeH200())
	assert.NilError(t, onDevice(t, f, func(c *Context) error {
		_, err := c.Load([]byte(strings.Replace(sound, "bar.sync 0;", "bar.what\x1b 0;", 1)), 4)
		var e *Error
		if !errors.As(err, &e) || e.Code != 218 {
			return fmt.Errorf("another error: %w", err)
		}
		if !strings.Contains(err.Error(), `the compiler says: ptxas: line 26: "bar.what\x1b 0;": no instruction bar.what`) {
			return fmt.Errorf("another text: %w", err)
		}
		m, err := c.Load([]byte(sound), 4)
		if err != nil {
			return err
		}
		if _, err := m.Function("sub"); code(err) != 500 {
			return fmt.Errorf("no such kernel: %w", err)
		}
		return m.Unload()
	}))
}

func TestThread(t *testing.T) {
	thread := NewThread()
	assert.NilError(t, thread.Do("a", time.Minute, func() error { return nil }))
	assert.Error(t, thread.Do("b", time.Minute, func() error { return errors.New("no") }), "no")
	assert.Error(t, thread.Do("c", time.Minute, func() error { panic("oh") }), "c: this program has a fault: oh")
	assert.Assert(t, !thread.Hung())
	until := make(chan struct{})
	defer close(until)
	err := thread.Do("d", 20*time.Millisecond, func() error { <-until; return nil })
	var hung *HungError
	assert.Assert(t, errors.As(err, &hung))
	assert.Error(t, err, "d did not end within 20ms and was given up")
	assert.Assert(t, thread.Hung())
	assert.Assert(t, is.ErrorContains(thread.Do("e", time.Minute, func() error { return nil }), "e did not"), "it takes no more work, and does not wait either")
	thread.Close()
}

func TestErrorTexts(t *testing.T) {
	for want, err := range map[string]error{
		"cuInit: CUDA_ERROR_UNKNOWN (999): unknown error":                         &Error{Call: "cuInit", Code: 999, Name: "CUDA_ERROR_UNKNOWN", Text: "unknown error"},
		"cuInit: unknown CUDA error (7)":                                          &Error{Call: "cuInit", Code: 7},
		"a and b cannot be loaded, so this place was given no NVIDIA driver: why": &LoadError{Tried: []string{"a", "b"}, Text: "why"},
		"the sum: expected 1, found 2":                                            &WrongError{"the sum", "1", "2"},
	} {
		assert.Error(t, err, want)
	}
}

func TestPlain(t *testing.T) {
	assert.Equal(t, plain("a\x1b[31m\n\tb\u0085c\xff"), "a [31m b c?")
	assert.Equal(t, len([]rune(plain(strings.Repeat("é", 3000)))), 1001)
}
