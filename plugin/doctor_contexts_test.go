package plugin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	dockercontext "github.com/docker/cli/cli/context/docker"
	"github.com/docker/cli/cli/context/store"
	cliflags "github.com/docker/cli/cli/flags"
	"gotest.tools/v3/assert"
	"gotest.tools/v3/golden"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// fleet is a run over contexts of these names; hosts answer by name.
func fleet(t *testing.T, names []string, hosts func(context.Context, string) (host.Host, error), args ...string) (screen, *doctorRun) {
	t.Helper()
	for _, name := range []string{"DOCKER_HOST", "DOCKER_CONTEXT"} {
		t.Setenv(name, "")
	}
	s := newScreen(t, false, "")
	assert.NilError(t, s.cli.Initialize(cliflags.NewClientOptions()))
	for _, name := range names {
		assert.NilError(t, s.cli.ContextStore().CreateOrUpdate(store.Metadata{Name: name, Endpoints: map[string]any{dockercontext.DockerEndpoint: dockercontext.EndpointMeta{Host: "tcp://127.0.0.1:1"}}}))
	}
	r, _ := examining(t, s, host.Host{}, args...)
	r.facts = hosts
	return s, r
}

func someHosts(_ context.Context, name string) (host.Host, error) {
	h := machine(map[string]string{"broken": "nomodule+hot", "warm": "hot", "noted": "old"}[name])
	switch name {
	case "dead":
		return host.Host{Context: name, Engine: host.Engine{Error: "dial tcp 10.0.0.9:2376: \x1b[31mconnection refused"}}, nil
	case "odd":
		return host.Host{}, errors.New("its certificates cannot be read")
	case "default":
		h.Engine, h.GPUs = host.Engine{Error: "no such file"}, nil // no Docker here, which is no dead host
	case "far":
		h.Unread = map[string]string{"local": "only its engine was asked"}
		h.Local, h.GPUs, h.Engine.CDIDevices = false, nil, []string{"nvidia.com/gpu=0", "nvidia.com/gpu=1", "nvidia.com/gpu=GPU-1", "nvidia.com/gpu=all", "x.com/y=2"}
	}
	return h, nil
}

func TestManyHosts(t *testing.T) {
	names := []string{"broken", "warm", "noted", "dead", "odd", "far"}
	s, r := fleet(t, names, someHosts, "--all-contexts")
	assert.Equal(t, status(t, r.do(t.Context())), 1)
	golden.Assert(t, s.out.String(), "doctor-contexts.txt")

	for args, want := range map[string]int{"warm,noted,warm": 0, "warm,noted --strict": 2, "noted,dead": 1, "default": 0, "far": 0} {
		s, r := fleet(t, names, someHosts, strings.Fields("--contexts="+args)...)
		assert.Equal(t, status(t, r.do(t.Context())), want, args)
		assert.Equal(t, strings.Count(s.out.String(), "\n"), 1+min(2, len(strings.Split(args, ","))), s.out.String())
	}
}

func TestManyHostsAsData(t *testing.T) {
	s, r := fleet(t, []string{"broken", "dead"}, someHosts, "--contexts=broken,dead", "--format=json")
	assert.Equal(t, status(t, r.do(t.Context())), 1)
	var doc struct {
		SchemaVersion int
		Contexts      []struct {
			Context, Error string
			Findings       []struct{ Code string }
		}
	}
	assert.NilError(t, json.Unmarshal(s.out.Bytes(), &doc))
	assert.Equal(t, doc.SchemaVersion, 1)
	assert.Equal(t, doc.Contexts[0].Context+" "+doc.Contexts[0].Findings[0].Code, "broken T001")
	assert.Equal(t, doc.Contexts[1].Context, "dead")
	assert.Assert(t, strings.Contains(doc.Contexts[1].Error, "connection refused") && !strings.Contains(doc.Contexts[1].Error, "\x1b"))
	for format, says := range map[string]string{"junit": `<testsuite name="broken.driver"`, "markdown": "#### T001 (error)"} {
		s, r := fleet(t, []string{"broken", "dead"}, someHosts, "--contexts=broken,dead", "--format="+format)
		assert.Equal(t, status(t, r.do(t.Context())), 1)
		assert.Assert(t, strings.Contains(s.out.String(), says), s.out.String())
		assert.Assert(t, strings.Contains(s.out.String(), "connection refused"), "a host that does not answer is told in %s: %s", format, s.out.String())
	}
}

func TestContextsThatDoNotExist(t *testing.T) {
	_, r := fleet(t, []string{"lab1", "lab2"}, someHosts, "--contexts=lab1,labb2")
	isUsage(t, r.do(t.Context()), `--contexts: there is no Docker context "labb2"; the contexts are default, lab1, lab2; did you mean "lab2"?`)
}

// Fifty contexts of which five are dead take as long as the patience with one, not five times that.
func TestDeadHostsCostTheirPatienceOnce(t *testing.T) {
	released := make(chan struct{})
	defer close(released)
	var names []string
	for i := range 50 {
		names = append(names, fmt.Sprintf("c%02d", i))
	}
	_, r := fleet(t, nil, func(_ context.Context, name string) (host.Host, error) {
		if name[2] == '0' {
			<-released // and does not end when it is told to
		}
		return machine(""), nil
	}, "--all-contexts")
	chosen, err := r.opts.choose(r.checks)
	assert.NilError(t, err)
	begun := time.Now()
	rows := r.examine(t.Context(), names, 200*time.Millisecond, chosen, nil)
	assert.Assert(t, time.Since(begun) < 20*time.Second, "%s", time.Since(begun))
	dead := 0
	for _, row := range rows {
		if row.Error != "" {
			assert.Equal(t, row.Error, "no answer within 200ms")
			dead++
		}
	}
	assert.Equal(t, dead, 5)
}

// Who interrupts waits until what was started elsewhere is removed.
func TestManyHostsInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	removed := false
	_, r := fleet(t, []string{"far"}, func(ctx context.Context, _ string) (host.Host, error) {
		cancel()
		<-ctx.Done()
		time.Sleep(100 * time.Millisecond)
		removed = true
		return host.Host{}, ctx.Err()
	}, "--contexts=far")
	assert.ErrorIs(t, r.do(ctx), context.Canceled)
	assert.Assert(t, removed)
}
