package cuda

import (
	"bytes"
	"fmt"
	"unsafe"
)

// Driver is a loaded driver library.
type Driver struct{ api *api }

// Init starts CUDA in this process. It is the first call that touches /dev/nvidia-uvm.
func (d *Driver) Init() error { return d.check("cuInit", d.api.init(0)) }

// Version is the newest CUDA version that the driver supports, "13.0".
func (d *Driver) Version() (string, error) {
	var v int32
	if err := d.check("cuDriverGetVersion", d.api.driverGetVersion(&v)); err != nil {
		return "", err
	}
	return fmt.Sprintf("%d.%d", v/1000, v%1000/10), nil
}

// check makes an error of a result that is not CUDA_SUCCESS.
func (d *Driver) check(call string, result int32) error {
	if result == 0 {
		return nil
	}
	e := &Error{Call: call, Code: int(result)}
	var text *byte
	if d.api.getErrorName(result, &text) == 0 {
		e.Name = goString(text)
	}
	text = nil
	if d.api.getErrorString(result, &text) == 0 {
		e.Text = goString(text)
	}
	return e
}

// goString copies a C string, or as much of it as any text of the driver's has.
func goString(text *byte) string {
	if text == nil {
		return ""
	}
	const most = 512
	n := 0
	for n < most && *(*byte)(unsafe.Add(unsafe.Pointer(text), n)) != 0 {
		n++
	}
	return string(unsafe.Slice(text, n))
}

// cString is text as C wants it.
func cString(text string) *byte { return &append([]byte(text), 0)[0] }

// upToZero is what lies in a buffer that C wrote a string into.
func upToZero(buffer []byte) string {
	text, _, _ := bytes.Cut(buffer, []byte{0})
	return string(text)
}
