package cuda

import (
	"embed"
	"fmt"
	"regexp"
	"strconv"
)

//go:embed ptx/*.ptx
var sources embed.FS

// Kernel is one kernel and the text that it is compiled from.
type Kernel struct {
	Name   string // of the file and of the entry
	Target int    // oldest compute capability that has what it uses, 80 for 8.0
	PTX    []byte
}

var target = regexp.MustCompile(`(?m)^\.target sm_(\d+)$`)

// kernel reads one of the embedded kernels. Its own .target line says what it needs.
func kernel(name string) (Kernel, error) {
	text, err := sources.ReadFile("ptx/" + name + ".ptx")
	if err != nil {
		return Kernel{}, fmt.Errorf("kernel %s: %w", name, err)
	}
	m := target.FindSubmatch(text)
	if m == nil {
		return Kernel{}, fmt.Errorf("kernel %s: no .target", name)
	}
	sm, err := strconv.Atoi(string(m[1]))
	if err != nil {
		return Kernel{}, fmt.Errorf("kernel %s: .target: %w", name, err)
	}
	return Kernel{Name: name, Target: sm, PTX: text}, nil
}

// RunsOn says whether a device can run the kernel.
func (k Kernel) RunsOn(d Device) bool { return 10*d.Major+d.Minor >= k.Target }

// Load compiles an embedded kernel in the current context.
func (c *Context) kernel(name string) (*Module, Function, error) {
	k, err := kernel(name)
	if err != nil {
		return nil, Function{}, err
	}
	m, err := c.Load(k.PTX)
	if err != nil {
		return nil, Function{}, err
	}
	f, err := m.Function(name)
	return m, f, err
}
