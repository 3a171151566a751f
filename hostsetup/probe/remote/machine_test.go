package remote

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/docker/cli/cli/config/configfile"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/hostsetup/probe"
	"github.com/dockergpu/docker-gpu/internal/engine"
	"github.com/dockergpu/docker-gpu/internal/worker"
	"github.com/dockergpu/docker-gpu/test/standin"
)

// dial is what talks to a stand-in for an engine.
func dial(t *testing.T, f *standin.Engine, network string) *engine.Engine {
	t.Helper()
	if f.Info == "" {
		f.Info = fmt.Sprintf(standin.Linux, "")
	}
	api, err := client.New(client.WithHost(f.Listen(t, network)), client.WithAPIVersion("1.47"))
	assert.NilError(t, err)
	t.Cleanup(func() { _ = api.Close() })
	return engine.New(api, &configfile.ConfigFile{})
}

// withGPU are parts of an engine's account of itself.
const withGPU = `,"DiscoveredDevices":[{"Source":"cdi","ID":"nvidia.com/gpu=all"}]`

// some are programs that say which they are.
func some() programs {
	say := func(name string) func(string) ([]byte, error) {
		return func(arch string) ([]byte, error) { return []byte(name + " for " + arch), nil }
	}
	return programs{func(arch string) (string, error) { return arch + "-0123456789abcdef", nil }, say("probe"), say("worker")}
}

func recording(t *testing.T, h host.Host) string {
	t.Helper()
	var b bytes.Buffer
	assert.NilError(t, probe.Record(&b, h, false))
	return b.String()
}

// a100 is the output of nvidia-smi -q -x, as far as it matters here.
const a100 = `<?xml version="1.0"?><nvidia_smi_log><driver_version>580.159.04</driver_version><cuda_version>13.0</cuda_version>
<gpu id="00000000:65:00.0"><product_name>NVIDIA A100</product_name><uuid>GPU-1</uuid></gpu></nvidia_smi_log>`

func server() host.Host {
	return host.Host{Name: "far", Arch: "amd64", Kernel: host.Kernel{Release: "6.8.0-far"}, Driver: host.Driver{Version: "580.159.04"},
		Unread: map[string]string{"klog": "the kernel log cannot be read: run with sudo"}}
}

func TestMachine(t *testing.T) {
	f := &standin.Engine{Info: fmt.Sprintf(standin.Linux, withGPU), Has: []string{"docker-gpu-worker:00", "docker-gpu-worker:01"}, Outputs: map[string]standin.Output{
		"/gpu-probe facts": {Stdout: recording(t, server())}, "nvidia-smi": {Stdout: a100},
	}}
	told, e := 0, dial(t, f, "unix")
	h, err := machine(t.Context(), e, some(), func() { told++ })
	assert.NilError(t, err)
	assert.Equal(t, told, 1)
	assert.Equal(t, h.Name+" "+h.Kernel.Release+" "+h.Driver.CUDA, "far 6.8.0-far 13.0")
	assert.Equal(t, len(h.GPUs), 1)
	assert.Equal(t, h.GPUs[0].UUID, "GPU-1")
	assert.DeepEqual(t, h.Unread, map[string]string{"klog": "the kernel log cannot be read: a container without privileges may not; look there"})
	assert.Equal(t, f.Left(), 0)

	// It was sent once what it runs, for its processor, and has the worker's image.
	assert.Equal(t, len(f.Loaded()), 1)
	assert.Assert(t, is.Contains(string(f.Loaded()[0]), "probe for amd64"))
	assert.Assert(t, is.Contains(string(f.Loaded()[0]), "worker for amd64"))
	assert.Equal(t, len(f.Created()), 2)
	for _, c := range f.Created() {
		assert.Equal(t, c.HostConfig.NetworkMode, container.NetworkMode("none"))
		assert.Assert(t, c.HostConfig.ReadonlyRootfs && !c.HostConfig.Privileged && c.HostConfig.PidMode == "")
		assert.DeepEqual(t, []string(c.HostConfig.CapDrop), []string{"ALL"})
		assert.Equal(t, len(c.HostConfig.Binds), 0, "a bind makes a folder on the host that is not there")
		if c.Image == "docker-gpu-probe:amd64-0123456789" {
			assert.Equal(t, len(c.HostConfig.Mounts), 1)
			assert.Assert(t, c.HostConfig.Mounts[0].ReadOnly && c.HostConfig.Mounts[0].Source == "/")
			assert.Equal(t, len(c.HostConfig.DeviceRequests), 0)
			assert.DeepEqual(t, append([]string(c.Entrypoint), c.Cmd...), []string{"/gpu-probe", "facts", "--root", "/host", "--data-root", "/var/lib/docker"})
		} else {
			assert.Equal(t, c.Image, "docker-gpu-worker:00")
			assert.Equal(t, len(c.HostConfig.Mounts), 0)
			assert.DeepEqual(t, c.HostConfig.DeviceRequests[0].DeviceIDs, []string{"nvidia.com/gpu=all"})
		}
	}
	// The second time there is nothing to send.
	_, err = machine(t.Context(), e, some(), func() {})
	assert.NilError(t, err)
	assert.Equal(t, len(f.Loaded()), 1)
}

// An engine of another processor gets the programs for that one.
func TestMachineOfAnotherProcessor(t *testing.T) {
	f := &standin.Engine{Info: `{"OSType":"linux","Architecture":"aarch64"}`, Outputs: map[string]standin.Output{"/gpu-probe facts": {Stdout: recording(t, server())}}}
	_, err := machine(t.Context(), dial(t, f, "unix"), some(), func() {})
	assert.NilError(t, err)
	assert.Assert(t, is.Contains(string(f.Loaded()[0]), "probe for arm64"))
	assert.Assert(t, is.Contains(string(f.Loaded()[0]), `"architecture":"arm64"`))
}

// What keeps nvidia-smi from telling is said of it alone.
func TestMachineWhoseGPUsDoNotTell(t *testing.T) {
	const worker = "docker-gpu-worker:0123456789abcdef"
	specs := func(h host.Host) host.Host {
		h.CDI.Specs = []host.CDISpec{{Kind: "nvidia.com/gpu", Devices: []string{"0", "all"}}}
		return h
	}
	hooked := func(h host.Host) host.Host {
		h.Toolkit.Binaries = map[string]string{"nvidia-container-runtime-hook": "/usr/bin/nvidia-container-runtime-hook"}
		return specs(h)
	}
	unloaded := server()
	unloaded.Driver.Version = ""
	wsl := unloaded
	wsl.OS.WSL = 2
	for name, c := range map[string]struct {
		host host.Host
		info string
		smi  standin.Output
		gpus int
		why  string
		asks string // by which way the container asked for GPUs, "" for no such container
	}{
		"a broken toolkit":      {server(), withGPU, standin.Output{Refused: "nvidia-container-cli: initialization error"}, 0, "the GPU facts container cannot be started: Error response from daemon: nvidia-container-cli: initialization error", "cdi"},
		"a broken driver":       {server(), withGPU, standin.Output{Stdout: "NVIDIA-SMI has failed\n", Code: 9}, 0, "exit code 9: nvidia-smi says: NVIDIA-SMI has failed", "cdi"},
		"cut output":            {server(), withGPU, standin.Output{Stdout: a100[:205]}, 1, "nvidia-smi's output is cut or broken after 1 GPUs", "cdi"},
		"hostile words":         {server(), withGPU, standin.Output{Stdout: "\x1b[2J\x1b]0;x\x07\n", Code: 1}, 0, "exit code 1: nvidia-smi says: ", "cdi"},
		"no way to them":        {server(), "", standin.Output{}, 0, "the engine tells of no way to its GPUs, so that nvidia-smi cannot be run there", ""},
		"no driver":             {unloaded, withGPU, standin.Output{Refused: "no such device"}, 0, "", "cdi"},
		"no driver and no way":  {specs(unloaded), "", standin.Output{}, 0, "", ""},
		"a spec":                {specs(server()), "", standin.Output{Stdout: a100}, 1, "", "cdi"},
		"a hook before a spec":  {hooked(server()), "", standin.Output{Stdout: a100}, 1, "", "nvidia"},
		"the runtime":           {server(), `,"Runtimes":{"nvidia":{}}`, standin.Output{Stdout: a100}, 1, "", "nvidia"},
		"Windows' driver":       {wsl, withGPU, standin.Output{Stdout: a100}, 1, "", "cdi"},
		"Windows without a way": {wsl, "", standin.Output{}, 0, "the engine tells of no way to its GPUs, so that nvidia-smi cannot be run there", ""},
	} {
		t.Run(name, func(t *testing.T) {
			f := &standin.Engine{Info: fmt.Sprintf(standin.Linux, c.info), Has: []string{worker}, Outputs: map[string]standin.Output{
				"/gpu-probe facts": {Stdout: recording(t, c.host)}, "nvidia-smi": c.smi}}
			h, err := machine(t.Context(), dial(t, f, "unix"), some(), func() {})
			assert.NilError(t, err)
			assert.Equal(t, h.Name, "far", "the rest is there")
			assert.Equal(t, len(h.GPUs), c.gpus)
			assert.Assert(t, strings.HasPrefix(h.Unread["nvml"], c.why) && (c.why == "") == (h.Unread["nvml"] == ""), "%q", h.Unread["nvml"])
			assert.Assert(t, !strings.ContainsAny(h.Unread["nvml"], "\x1b\x07\n"))
			asks := ""
			for _, c := range f.Created() {
				for _, d := range c.HostConfig.DeviceRequests {
					asks = d.Driver
				}
			}
			assert.Equal(t, asks, c.asks)
			assert.Equal(t, f.Left(), 0)
		})
	}
}

// What a machine says is bounded, and its GPUs are told all the same.
func TestMachineThatCannotBeRead(t *testing.T) {
	for name, c := range map[string]struct {
		facts standin.Output
		says  string
	}{
		"refused":     {standin.Output{Refused: "Mounts denied: the path / is not shared"}, "the machine facts container cannot be started: Error response from daemon: Mounts denied"},
		"fails":       {standin.Output{Code: 1, Stderr: "the host cannot be recorded\n"}, "the machine facts container exited with code 1: the host cannot be recorded"},
		"nothing":     {standin.Output{}, "what the container says of its machine: the recording cannot be used: it is empty"},
		"nonsense":    {standin.Output{Stdout: "hello \x1b[31m"}, "the recording cannot be used: byte 0: "},
		"another one": {standin.Output{Stdout: `{"schemaVersion": 99}`}, "it has schema version 99"},
		"huge":        {standin.Output{Stdout: strings.Repeat(" ", 17<<20)}, "it is larger than 16 MiB"},
		"deep":        {standin.Output{Stdout: strings.Repeat(`{"a":`, 100)}, "it is nested deeper than 32"},
	} {
		t.Run(name, func(t *testing.T) {
			f := &standin.Engine{Info: fmt.Sprintf(standin.Linux, withGPU), Has: []string{"docker-gpu-worker:0"}, Outputs: map[string]standin.Output{
				"/gpu-probe facts": c.facts, "nvidia-smi": {Stdout: a100}}}
			h, err := machine(t.Context(), dial(t, f, "unix"), some(), func() {})
			assert.ErrorContains(t, err, c.says)
			assert.Assert(t, !strings.Contains(err.Error(), "\x1b"))
			assert.Equal(t, len(h.GPUs), 1)
			assert.Equal(t, f.Left(), 0)
		})
	}
	// Control characters in a text that is no error.
	h := server()
	h.OS.Pretty = "a\x1b[2Jb"
	text, err := json.Marshal(h)
	assert.NilError(t, err)
	f := &standin.Engine{Outputs: map[string]standin.Output{"/gpu-probe facts": {Stdout: strings.Replace(string(text), "{", `{"schemaVersion":1,`, 1)}}}
	h, err = machine(t.Context(), dial(t, f, "unix"), some(), func() {})
	assert.NilError(t, err)
	assert.Equal(t, h.OS.Pretty, "a\ufffd[2Jb")
}

func TestMachineThatIsNotLookedAt(t *testing.T) {
	never := func() { t.Error("it says that something is started") }
	f := &standin.Engine{Info: `{"OSType":"windows","Architecture":"x86_64"}`}
	_, err := machine(t.Context(), dial(t, f, "unix"), some(), never)
	assert.Error(t, err, `the engine's machine runs "windows", and only Linux can be looked at`)
	unbuilt := some()
	unbuilt.sum = func(string) (string, error) { return "", worker.ErrNotBuilt }
	f = &standin.Engine{}
	_, err = machine(t.Context(), dial(t, f, "unix"), unbuilt, never)
	assert.ErrorIs(t, err, worker.ErrNotBuilt)
	f = &standin.Engine{Info: "<html>"}
	_, err = machine(t.Context(), dial(t, f, "unix"), some(), never)
	assert.ErrorContains(t, err, "the engine does not answer: ")
	assert.Equal(t, len(f.Created())+len(f.Loaded()), 0)
}

// Whenever it is interrupted, and whatever hangs, nothing is left and nobody waits for long.
func TestMachineInterrupted(t *testing.T) {
	for _, at := range []string{"/gpu-probe facts", "/gpu-probe image", "nvidia-smi"} {
		for _, how := range []string{"cancelled", "late"} {
			t.Run(at+" "+how, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				if how == "late" {
					ctx, cancel = context.WithTimeout(t.Context(), 500*time.Millisecond)
				}
				defer cancel()
				f := &standin.Engine{Info: fmt.Sprintf(standin.Linux, withGPU), Outputs: map[string]standin.Output{
					"/gpu-probe facts": {Stdout: recording(t, server())}, "/gpu-probe image": {Stdout: "none"}, "nvidia-smi": {Stdout: a100}}}
				if at == "nvidia-smi" {
					f.Has = []string{"docker-gpu-worker:0"}
				}
				f.Outputs[at] = standin.Output{Hangs: true}
				if how == "cancelled" {
					f.OnStart = func(command string) {
						if strings.HasPrefix(command, at) {
							cancel()
						}
					}
				}
				begun := time.Now()
				h, err := machine(ctx, dial(t, f, "unix"), some(), func() {})
				assert.Assert(t, time.Since(begun) < 5*time.Second)
				assert.Equal(t, f.Left(), 0)
				if how == "late" && at == "/gpu-probe facts" {
					assert.Error(t, err, "the engine's machine did not answer in time")
				} else if how == "late" {
					assert.NilError(t, err)
					assert.Equal(t, h.Unread["nvml"], "the engine's machine did not answer in time")
				}
			})
		}
	}
}

// A program that hangs in the driver cannot be killed, and its container not be removed.
func TestNvidiaSMIThatCannotBeEnded(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	f := &standin.Engine{Info: fmt.Sprintf(standin.Linux, withGPU), Has: []string{"docker-gpu-worker:0"}, Stuck: true, Outputs: map[string]standin.Output{
		"/gpu-probe facts": {Stdout: recording(t, server())}, "nvidia-smi": {Hangs: true}}}
	begun := time.Now()
	h, err := machine(ctx, dial(t, f, "unix"), some(), func() {})
	assert.NilError(t, err)
	assert.Assert(t, time.Since(begun) < 2*grace)
	assert.Equal(t, h.Name, "far")
	assert.Equal(t, h.Unread["nvml"], "nvidia-smi hangs in its container, which cannot be ended")
}
