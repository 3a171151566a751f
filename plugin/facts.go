package plugin

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/docker/cli/cli/command"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/hostsetup/probe"
	"github.com/dockergpu/docker-gpu/hostsetup/probe/remote"
	"github.com/dockergpu/docker-gpu/internal/engine"
)

// factsPatience bounds all that is asked of an engine and of this machine, reachPatience
// what is done on another one: the first time, programs are sent there.
const (
	factsPatience = 12 * time.Second
	reachPatience = 30 * time.Second
	// removal is how long is waited for a container on another machine to be gone.
	removal = 3 * time.Second
)

// gatherer gets the facts of the machines behind Docker contexts.
type gatherer struct {
	cli      command.Cli
	err      io.Writer                                      // where it says what it starts
	local    func(context.Context, probe.Options) host.Host // this machine
	client   func(context.Context) string                   // the CLI's version
	patience time.Duration
	// remote looks at the machine of an engine elsewhere, by containers there.
	remote func(ctx context.Context, e *engine.Engine, starting func()) (host.Host, error)
	// engineOnly leaves other machines alone and asks their engines. instead is how a user
	// has that, for the line that says what is started: "--engine-only asks the engine alone".
	engineOnly bool
	instead    string
	talk       sync.Mutex
}

const engineOnlyUsage = "Of a machine elsewhere, ask the engine alone: start no container there"

func newGatherer(cli command.Cli) *gatherer {
	return &gatherer{cli: cli, err: cli.Err(), local: probe.Local, client: engine.ClientVersion, patience: factsPatience, remote: remote.Machine,
		instead: "--engine-only asks the engine alone"}
}

// open is the engine of a context; "" is the current one.
func (g *gatherer) open(contextName string) (*engine.Engine, error) {
	if contextName == "" {
		contextName = g.cli.CurrentContext()
	}
	return engine.OpenContext(g.cli.ContextStore(), g.cli.ConfigFile(), contextName)
}

// machineAnswer is a machine, and why it was not looked at.
type machineAnswer struct {
	host host.Host
	why  string
}

// facts are the host facts of a context; "" is the current one. Where its engine runs on
// this machine, this machine is looked at too; else that one is, through its engine, and
// Host.Unread says of what nobody looked at why. An error is a context that cannot be used;
// a machine that does not answer is none.
func (g *gatherer) facts(ctx context.Context, contextName string) (host.Host, error) {
	if contextName == "" {
		contextName = g.cli.CurrentContext()
	}
	e, err := g.open(contextName)
	if err != nil {
		return host.Host{}, err
	}
	defer e.API.Close()
	asked, cancel := context.WithTimeout(ctx, g.patience)
	defer cancel()
	looked, stop := asked, context.CancelFunc(func() {})
	if !e.Local {
		looked, stop = context.WithTimeout(ctx, reach(ctx))
		defer stop()
	}
	machine := make(chan machineAnswer, 1)
	go func() { machine <- g.look(looked, e, contextName) }()
	version := make(chan string, 1)
	go func() { version <- g.client(asked) }()
	answer := e.Facts(asked)
	answer.Client = <-version
	if answer.Version == "" {
		stop() // nobody is there
	}
	m := g.await(looked, machine, e.Local)
	if ctx.Err() == context.Canceled {
		return host.Host{}, ctx.Err()
	}
	return merge(m, answer, contextName, e.Local), nil
}

// reach is how long containers on another machine may take, so that they are removed, and
// what the engine said is told, before whoever waits for it goes away.
func reach(ctx context.Context) time.Duration {
	until, ok := ctx.Deadline()
	if !ok {
		return reachPatience
	}
	return min(reachPatience, time.Until(until)-removal-time.Second)
}

// look looks at the machine of an engine, and says before what it starts there.
func (g *gatherer) look(ctx context.Context, e *engine.Engine, contextName string) machineAnswer {
	switch {
	case e.Local:
		return machineAnswer{host: g.local(ctx, probe.Options{Endpoint: e.Endpoint(), CUDA: cudaAnswer})}
	case g.engineOnly:
		return machineAnswer{why: onlyEngine(contextName)}
	}
	h, err := g.remote(ctx, e, func() {
		g.say("Looking at the machine behind context %q by a container with its files mounted read-only; %s.\n", clean(contextName, 80), g.instead)
	})
	if err != nil {
		return machineAnswer{h, fmt.Sprintf("the machine behind context %q could not be looked at: %s", contextName, clean(err.Error(), 400))}
	}
	return machineAnswer{host: h}
}

// say writes a line of talk; contexts are looked at side by side.
func (g *gatherer) say(format string, args ...any) {
	g.talk.Lock()
	defer g.talk.Unlock()
	fmt.Fprintf(g.err, format, args...)
}

// workerImage makes sure that the current context's engine has the worker's image.
func (g *gatherer) workerImage(ctx context.Context) (string, error) {
	e, err := g.open("")
	if err != nil {
		return "", err
	}
	defer e.API.Close()
	return remote.WorkerImage(ctx, e, func() {}) // that containers are started there was said by facts, or goes without saying
}

func onlyEngine(contextName string) string {
	return fmt.Sprintf("the machine behind context %q was not looked at, only its engine was asked", contextName)
}

// await waits for a machine, and for a container on another one to be removed.
func (g *gatherer) await(ctx context.Context, machine <-chan machineAnswer, local bool) machineAnswer {
	late := machineAnswer{why: fmt.Sprintf("this machine did not answer within %s", g.patience)}
	if !local {
		late.why = "the machine did not answer in time"
	}
	select {
	case m := <-machine:
		return m
	case <-ctx.Done():
	}
	if local {
		return late
	}
	select {
	case m := <-machine:
		return m
	case <-time.After(removal):
		return late
	}
}

// machineFacts are the facts (doctor.Fact) that an engine does not tell of its machine.
func machineFacts() []string {
	return []string{"local", "pci", "module", "nvml", "klog", "cdi", "toolkit", "systemd"}
}

// merge lays what an engine says over what was seen of its machine.
func merge(m machineAnswer, e host.Engine, contextName string, local bool) host.Host {
	h := probe.Merge(m.host, e)
	h.SchemaVersion, h.Context = host.SchemaVersion, contextName
	if h.Taken.IsZero() {
		h.Taken = time.Now().UTC().Truncate(time.Second)
	}
	// Docker Desktop's socket is here, its engine in a virtual machine.
	h.Local = local && e.Kind != "desktop"
	if !local {
		h.Arch = cmp.Or(e.Arch, h.Arch)
	} else if h.Arch == "" {
		h.Arch = runtime.GOARCH
	}
	if h.Unread == nil {
		h.Unread = map[string]string{}
	}
	if m.why != "" {
		for _, fact := range machineFacts() {
			if fact != "nvml" || len(h.GPUs) == 0 {
				h.Unread[fact] = m.why
			}
		}
	}
	if e.Skipped > 0 {
		h.Unread["containers"] = fmt.Sprintf("%d containers were not looked at: it would have taken too long", e.Skipped)
	}
	// A socket that does not exist is an engine that is not there: nothing went unread.
	if e.Error != "" && e.Version == "" && !(local && strings.Contains(e.Error, "no such file")) {
		h.Unread["engine"] = "the engine does not answer: " + e.Error
	}
	if len(h.Unread) == 0 {
		h.Unread = nil
	}
	return h
}
