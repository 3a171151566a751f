package remote

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/hostsetup/probe"
	"github.com/dockergpu/docker-gpu/internal/worker"
)

// load takes an image archive, packed or not, and keeps the names in it.
func (f *fake) load(data []byte) {
	if z, err := gzip.NewReader(bytes.NewReader(data)); err == nil {
		data, _ = io.ReadAll(z)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.loaded = append(f.loaded, data)
	for r := tar.NewReader(bytes.NewReader(data)); ; {
		h, err := r.Next()
		if err != nil {
			return
		}
		if h.Name == "manifest.json" {
			var images []struct{ RepoTags []string }
			_ = json.NewDecoder(r).Decode(&images)
			for _, i := range images {
				f.images = append(f.images, i.RepoTags...)
			}
		}
	}
}

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
	f := &fake{info: fmt.Sprintf(linux, withGPU), images: []string{"docker-gpu-worker:00", "docker-gpu-worker:01"}, outputs: map[string]output{
		"/gpu-probe facts": {stdout: recording(t, server())}, "nvidia-smi": {stdout: a100},
	}}
	told := 0
	h, err := machine(t.Context(), f.engine(t), some(), func() { told++ })
	assert.NilError(t, err)
	assert.Equal(t, told, 1)
	assert.Equal(t, h.Name+" "+h.Kernel.Release+" "+h.Driver.CUDA, "far 6.8.0-far 13.0")
	assert.Equal(t, len(h.GPUs), 1)
	assert.Equal(t, h.GPUs[0].UUID, "GPU-1")
	assert.DeepEqual(t, h.Unread, map[string]string{"klog": "the kernel log cannot be read: a container without privileges may not; look there"})
	assert.Equal(t, f.left(), 0)

	// It was sent once what it runs, for its processor, and has the worker's image.
	assert.Equal(t, len(f.loaded), 1)
	assert.Assert(t, is.Contains(string(f.loaded[0]), "probe for amd64"))
	assert.Assert(t, is.Contains(string(f.loaded[0]), "worker for amd64"))
	assert.Equal(t, len(f.created), 2)
	for _, c := range f.created {
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
	_, err = machine(t.Context(), f.engine(t), some(), func() {})
	assert.NilError(t, err)
	assert.Equal(t, len(f.loaded), 1)
}

// An engine of another processor gets the programs for that one.
func TestMachineOfAnotherProcessor(t *testing.T) {
	f := &fake{info: `{"OSType":"linux","Architecture":"aarch64"}`, outputs: map[string]output{"/gpu-probe facts": {stdout: recording(t, server())}}}
	_, err := machine(t.Context(), f.engine(t), some(), func() {})
	assert.NilError(t, err)
	assert.Assert(t, is.Contains(string(f.loaded[0]), "probe for arm64"))
	assert.Assert(t, is.Contains(string(f.loaded[0]), `"architecture":"arm64"`))
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
		smi  output
		gpus int
		why  string
		asks string // by which way the container asked for GPUs, "" for no such container
	}{
		"a broken toolkit":      {server(), withGPU, output{refused: "nvidia-container-cli: initialization error"}, 0, "the GPU facts container cannot be started: Error response from daemon: nvidia-container-cli: initialization error", "cdi"},
		"a broken driver":       {server(), withGPU, output{stdout: "NVIDIA-SMI has failed\n", code: 9}, 0, "exit code 9: nvidia-smi says: NVIDIA-SMI has failed", "cdi"},
		"cut output":            {server(), withGPU, output{stdout: a100[:205]}, 1, "nvidia-smi's output is cut or broken after 1 GPUs", "cdi"},
		"hostile words":         {server(), withGPU, output{stdout: "\x1b[2J\x1b]0;x\x07\n", code: 1}, 0, "exit code 1: nvidia-smi says: ", "cdi"},
		"no way to them":        {server(), "", output{}, 0, "the engine tells of no way to its GPUs, so that nvidia-smi cannot be run there", ""},
		"no driver":             {unloaded, withGPU, output{refused: "no such device"}, 0, "", "cdi"},
		"no driver and no way":  {specs(unloaded), "", output{}, 0, "", ""},
		"a spec":                {specs(server()), "", output{stdout: a100}, 1, "", "cdi"},
		"a hook before a spec":  {hooked(server()), "", output{stdout: a100}, 1, "", "nvidia"},
		"the runtime":           {server(), `,"Runtimes":{"nvidia":{}}`, output{stdout: a100}, 1, "", "nvidia"},
		"Windows' driver":       {wsl, withGPU, output{stdout: a100}, 1, "", "cdi"},
		"Windows without a way": {wsl, "", output{}, 0, "the engine tells of no way to its GPUs, so that nvidia-smi cannot be run there", ""},
	} {
		t.Run(name, func(t *testing.T) {
			f := &fake{info: fmt.Sprintf(linux, c.info), images: []string{worker}, outputs: map[string]output{
				"/gpu-probe facts": {stdout: recording(t, c.host)}, "nvidia-smi": c.smi}}
			h, err := machine(t.Context(), f.engine(t), some(), func() {})
			assert.NilError(t, err)
			assert.Equal(t, h.Name, "far", "the rest is there")
			assert.Equal(t, len(h.GPUs), c.gpus)
			assert.Assert(t, strings.HasPrefix(h.Unread["nvml"], c.why) && (c.why == "") == (h.Unread["nvml"] == ""), "%q", h.Unread["nvml"])
			assert.Assert(t, !strings.ContainsAny(h.Unread["nvml"], "\x1b\x07\n"))
			asks := ""
			for _, c := range f.created {
				for _, d := range c.HostConfig.DeviceRequests {
					asks = d.Driver
				}
			}
			assert.Equal(t, asks, c.asks)
			assert.Equal(t, f.left(), 0)
		})
	}
}

// What a machine says is bounded, and its GPUs are told all the same.
func TestMachineThatCannotBeRead(t *testing.T) {
	for name, c := range map[string]struct {
		facts output
		says  string
	}{
		"refused":     {output{refused: "Mounts denied: the path / is not shared"}, "the machine facts container cannot be started: Error response from daemon: Mounts denied"},
		"fails":       {output{code: 1, stderr: "the host cannot be recorded\n"}, "the machine facts container exited with code 1: the host cannot be recorded"},
		"nothing":     {output{}, "what the container says of its machine: the recording cannot be used: it is empty"},
		"nonsense":    {output{stdout: "hello \x1b[31m"}, "the recording cannot be used: byte 0: "},
		"another one": {output{stdout: `{"schemaVersion": 99}`}, "it has schema version 99"},
		"huge":        {output{stdout: strings.Repeat(" ", 17<<20)}, "it is larger than 16 MiB"},
		"deep":        {output{stdout: strings.Repeat(`{"a":`, 100)}, "it is nested deeper than 32"},
	} {
		t.Run(name, func(t *testing.T) {
			f := &fake{info: fmt.Sprintf(linux, withGPU), images: []string{"docker-gpu-worker:0"}, outputs: map[string]output{
				"/gpu-probe facts": c.facts, "nvidia-smi": {stdout: a100}}}
			h, err := machine(t.Context(), f.engine(t), some(), func() {})
			assert.ErrorContains(t, err, c.says)
			assert.Assert(t, !strings.Contains(err.Error(), "\x1b"))
			assert.Equal(t, len(h.GPUs), 1)
			assert.Equal(t, f.left(), 0)
		})
	}
	// Control characters in a text that is no error.
	h := server()
	h.OS.Pretty = "a\x1b[2Jb"
	text, err := json.Marshal(h)
	assert.NilError(t, err)
	f := &fake{outputs: map[string]output{"/gpu-probe facts": {stdout: strings.Replace(string(text), "{", `{"schemaVersion":1,`, 1)}}}
	h, err = machine(t.Context(), f.engine(t), some(), func() {})
	assert.NilError(t, err)
	assert.Equal(t, h.OS.Pretty, "a\ufffd[2Jb")
}

func TestMachineThatIsNotLookedAt(t *testing.T) {
	never := func() { t.Error("it says that something is started") }
	f := &fake{info: `{"OSType":"windows","Architecture":"x86_64"}`}
	_, err := machine(t.Context(), f.engine(t), some(), never)
	assert.Error(t, err, `the engine's machine runs "windows", and only Linux can be looked at`)
	unbuilt := some()
	unbuilt.sum = func(string) (string, error) { return "", worker.ErrNotBuilt }
	f = &fake{}
	_, err = machine(t.Context(), f.engine(t), unbuilt, never)
	assert.ErrorIs(t, err, worker.ErrNotBuilt)
	f = &fake{info: "<html>"}
	_, err = machine(t.Context(), f.engine(t), some(), never)
	assert.ErrorContains(t, err, "the engine does not answer: ")
	assert.Equal(t, len(f.created)+len(f.loaded), 0)
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
				f := &fake{info: fmt.Sprintf(linux, withGPU), outputs: map[string]output{
					"/gpu-probe facts": {stdout: recording(t, server())}, "/gpu-probe image": {stdout: "none"}, "nvidia-smi": {stdout: a100}}}
				if at == "nvidia-smi" {
					f.images = []string{"docker-gpu-worker:0"}
				}
				f.outputs[at] = output{hangs: true}
				if how == "cancelled" {
					f.onStart = func(command string) {
						if strings.HasPrefix(command, at) {
							cancel()
						}
					}
				}
				begun := time.Now()
				h, err := machine(ctx, f.engine(t), some(), func() {})
				assert.Assert(t, time.Since(begun) < 5*time.Second)
				assert.Equal(t, f.left(), 0)
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
	f := &fake{info: fmt.Sprintf(linux, withGPU), images: []string{"docker-gpu-worker:0"}, stuck: true, outputs: map[string]output{
		"/gpu-probe facts": {stdout: recording(t, server())}, "nvidia-smi": {hangs: true}}}
	begun := time.Now()
	h, err := machine(ctx, f.engine(t), some(), func() {})
	assert.NilError(t, err)
	assert.Assert(t, time.Since(begun) < 2*grace)
	assert.Equal(t, h.Name, "far")
	assert.Equal(t, h.Unread["nvml"], "nvidia-smi hangs in its container, which cannot be ended")
}
