package probe

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// Options say which machine to look at.
type Options struct {
	// Root is where its root file system is, "/" if empty. On any other, no program of
	// the machine is run: what only programs tell stays empty.
	Root string
	// Endpoint is the engine's, "unix:///run/user/1000/docker.sock": where several
	// dockerd run, the one that listens there is meant. Empty: the system's.
	Endpoint string
	// DataRoot is where the engine that is meant keeps its data, for who sees its dockerd
	// and not its socket. Empty: Endpoint says which.
	DataRoot string
	// GPUs reads driver and GPUs; nil asks NVML in this process and then nvidia-smi. A
	// caller that must end whatever NVML does hands in one that asks in a child process.
	GPUs func(context.Context) (host.Driver, []host.GPU, error)
	// CUDA starts CUDA in another process, since it may hang or bring one down, and returns
	// cuInit's answer as Driver.CUDAError has it, "" where CUDA starts; nil leaves it out.
	CUDA func(context.Context) (string, error)
}

// machine is what sources read from; tests replace its parts.
type machine struct {
	root     root
	itself   bool // the root is this machine's own: its programs may be run
	endpoint string
	data     string // where the engine that is meant keeps its data, "" if unknown
	node     func(path string) (host.Node, error)
	changed  func(os.FileInfo) time.Time // the inode's change time
	owner    func(os.FileInfo) int
	space    func(path string) (size, free uint64, err error)
	kmsg     func(context.Context, *klog) error
	run      func(ctx context.Context, name string, args ...string) ([]byte, error)
	gpus     func(context.Context) (host.Driver, []host.GPU, error)
	cuda     func(context.Context) (string, error)

	// What more than one source needs is read once.
	daemon    func() dockerd
	installed func() (packages, error)
	kernels   func() (kernels, error)
	nodes     func() ([]host.Node, error)
	cdi       func() foundCDI
}

func newMachine(o Options) *machine {
	if o.Root == "" {
		o.Root = "/"
	}
	m := &machine{
		root: root(filepath.Clean(o.Root)), endpoint: o.Endpoint, data: o.DataRoot, node: statNode, changed: changeTime, owner: owner, space: diskSpace, gpus: o.GPUs, cuda: o.CUDA,
	}
	m.itself = m.root == "/" && runtime.GOOS == "linux"
	m.run = m.program
	m.kmsg = m.readKmsg
	if m.gpus == nil && m.itself {
		m.gpus = Health
	}
	m.once()
	return m
}

// once makes what is shared lazy; it is called again after a test changed parts.
func (m *machine) once() {
	m.daemon = sync.OnceValue(m.findDockerd)
	m.installed = sync.OnceValues(m.findPackages)
	m.kernels = sync.OnceValues(m.findKernels)
	m.nodes = sync.OnceValues(m.findNodes)
	m.cdi = sync.OnceValue(m.findCDI)
}

// errOutside says that only a program of the machine would know, where none may be run.
func errOutside(program string) error {
	return fmt.Errorf("%s cannot be asked from outside of the machine", program)
}

// program runs a program of this machine; exec.ErrNotFound where there is none, or
// where the machine is not this one.
func (m *machine) program(ctx context.Context, name string, args ...string) ([]byte, error) {
	if !m.itself && name != "rpm" { // which takes --root
		return nil, exec.ErrNotFound
	}
	return output(ctx, name, args...)
}
