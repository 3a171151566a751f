package plugin

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"time"

	"github.com/docker/cli/cli/command"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/hostsetup/probe"
	"github.com/dockergpu/docker-gpu/internal/engine"
)

// factsPatience bounds all that is asked of one machine.
const factsPatience = 12 * time.Second

// gatherer gets the facts of the machines behind Docker contexts.
type gatherer struct {
	cli      command.Cli
	local    func(context.Context, probe.Options) host.Host // this machine
	client   func(context.Context) string                   // the CLI's version
	patience time.Duration
}

func newGatherer(cli command.Cli) *gatherer {
	return &gatherer{cli, probe.Local, engine.ClientVersion, factsPatience}
}

// open is the engine of a context; "" is the current one.
func (g *gatherer) open(contextName string) (*engine.Engine, error) {
	if contextName == "" {
		contextName = g.cli.CurrentContext()
	}
	return engine.OpenContext(g.cli.ContextStore(), g.cli.ConfigFile(), contextName)
}

// facts are the host facts of a context; "" is the current one. Where its engine runs on
// this machine, this machine is looked at too; else only the engine is asked, and
// Host.Unread says of everything else that nobody looked. An error is a context that
// cannot be used; a machine that does not answer is none.
func (g *gatherer) facts(ctx context.Context, contextName string) (host.Host, error) {
	if contextName == "" {
		contextName = g.cli.CurrentContext()
	}
	e, err := g.open(contextName)
	if err != nil {
		return host.Host{}, err
	}
	defer e.API.Close()
	ctx, cancel := context.WithTimeout(ctx, g.patience)
	defer cancel()
	machine := make(chan host.Host, 1)
	go func() {
		var h host.Host
		if e.Local {
			h = g.local(ctx, probe.Options{Endpoint: e.Endpoint()})
		}
		machine <- h
	}()
	version := make(chan string, 1)
	go func() { version <- g.client(ctx) }()
	answer := e.Facts(ctx)
	answer.Client = <-version
	var h host.Host
	select {
	case h = <-machine:
	case <-ctx.Done():
		if ctx.Err() == context.Canceled {
			return host.Host{}, ctx.Err()
		}
		h.Unread = map[string]string{}
		for _, fact := range machineFacts() {
			h.Unread[fact] = fmt.Sprintf("this machine did not answer within %s", g.patience)
		}
	}
	return merge(h, answer, contextName, e.Local), nil
}

// machineFacts are the facts (doctor.Fact) that an engine does not tell of its machine.
func machineFacts() []string {
	return []string{"local", "pci", "module", "nvml", "klog", "cdi", "toolkit", "systemd"}
}

// merge lays what an engine says over what was seen of its machine.
func merge(h host.Host, e host.Engine, contextName string, local bool) host.Host {
	h = probe.Merge(h, e)
	h.SchemaVersion, h.Context = host.SchemaVersion, contextName
	if h.Taken.IsZero() {
		h.Taken = time.Now().UTC().Truncate(time.Second)
	}
	// Docker Desktop's socket is here, its engine in a virtual machine.
	h.Local = local && e.Kind != "desktop"
	if !local {
		h.Arch = e.Arch
	} else if h.Arch == "" {
		h.Arch = runtime.GOARCH
	}
	if h.Unread == nil {
		h.Unread = map[string]string{}
	}
	if !local {
		for _, fact := range machineFacts() {
			h.Unread[fact] = fmt.Sprintf("the machine behind context %q was not looked at, only its engine was asked", contextName)
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
