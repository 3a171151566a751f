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
	Name    string // of the file and of the entry
	Version int    // of the PTX language, 70 for 7.0
	Target  int    // oldest compute capability that has what it uses, 80 for 8.0
	PTX     []byte
}

// head is how a kernel's code begins: the version of its language and the oldest card.
var head = regexp.MustCompile(`(?m)^\.version (\d)\.(\d)\n\.target sm_(\d+)\n\.address_size 64\n`)

// kernel reads one of the embedded kernels. Its own head says what it needs.
func kernel(name string) (Kernel, error) {
	text, err := sources.ReadFile("ptx/" + name + ".ptx")
	if err != nil {
		return Kernel{}, fmt.Errorf("kernel %s: %w", name, err)
	}
	m := head.FindSubmatch(text)
	if m == nil {
		return Kernel{}, fmt.Errorf("kernel %s: its head is not .version, .target, .address_size 64", name)
	}
	number := func(digits ...byte) int { // the expression lets only digits through
		n, _ := strconv.Atoi(string(digits))
		return n
	}
	return Kernel{Name: name, Version: number(m[1][0], m[2][0]), Target: number(m[3]...), PTX: text}, nil
}

// body is the kernel's code behind its head.
func (k Kernel) body() []byte { return k.PTX[head.FindIndex(k.PTX)[1]:] }

// RunsOn says whether a device can run the kernel.
func (k Kernel) RunsOn(d Device) bool { return 10*d.Major+d.Minor >= k.Target }

// program is one PTX text of the embedded kernels that a device is tested with.
func program(d Device) ([]byte, error) {
	names := []string{"fill", "checksum"}
	for _, f := range Formats() {
		name, _, err := f.on(d)
		if err != nil {
			return nil, err
		}
		if name != "" {
			names = append(names, name)
		}
	}
	var version, target int
	var bodies []byte
	for _, name := range names {
		k, err := kernel(name)
		if err != nil {
			return nil, err
		}
		version, target = max(version, k.Version), max(target, k.Target)
		bodies = append(bodies, k.body()...)
	}
	return append(fmt.Appendf(nil, ".version %d.%d\n.target sm_%d\n.address_size 64\n", version/10, version%10, target), bodies...), nil
}

// compile has the driver compile what the current context's device is tested with. That it
// is quick counts here, not that its code is: the compiler takes one text at a time, and
// with its usual care some 20 ms for each kernel (H200, driver 580.159, 2026-11-27).
func (c *Context) compile() error {
	text, err := program(c.Device)
	if err == nil {
		c.module, err = c.Load(text, 0)
	}
	return err
}

// kernel finds an embedded kernel among those that were compiled.
func (c *Context) kernel(name string) (Function, error) {
	if c.module == nil {
		if err := c.compile(); err != nil {
			return Function{}, err
		}
	}
	return c.module.Function(name)
}
