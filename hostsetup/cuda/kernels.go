package cuda

import (
	"embed"
	"fmt"
	"regexp"
	"strconv"
	"strings"
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

// program is one PTX text of all embedded kernels that a device can run. In one piece they
// compile in the time of one: the driver takes some 25 ms for each piece, however short,
// and one at a time (H100, driver 580.159, 2026-11-27).
func program(d Device) ([]byte, error) {
	files, err := sources.ReadDir("ptx")
	if err != nil {
		return nil, err
	}
	var version, target int
	var bodies []byte
	for _, f := range files {
		k, err := kernel(strings.TrimSuffix(f.Name(), ".ptx"))
		if err != nil {
			return nil, err
		}
		if k.RunsOn(d) {
			version, target = max(version, k.Version), max(target, k.Target)
			bodies = append(bodies, k.body()...)
		}
	}
	return append(fmt.Appendf(nil, ".version %d.%d\n.target sm_%d\n.address_size 64\n", version/10, version%10, target), bodies...), nil
}

// compile has the driver compile what the current context's device can run.
func (c *Context) compile() error {
	text, err := program(c.Device)
	if err == nil {
		c.module, err = c.Load(text)
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
