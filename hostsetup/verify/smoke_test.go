package verify

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"
	"gotest.tools/v3/golden"
)

const (
	first  = "GPU-5c06a5f3-1d2f-4a6b-9c0e-3f1b2a7d8e01"
	second = "GPU-9be1c3d4-77aa-4e10-8f42-60d1c2b3a402"
	slice  = "MIG-0f0e0d0c-1111-5222-8333-444455556666"
)

// healthy is a host with an engine that knows all routes.
func healthy(uuids ...string) *host.Host {
	h := &host.Host{Local: true, Driver: host.Driver{Version: "580.159"},
		Engine: host.Engine{Version: "29.7.2", Endpoint: "unix:///var/run/docker.sock", CDIDevices: []string{"nvidia.com/gpu=0", "nvidia.com/gpu=all"},
			Runtimes: map[string]string{"runc": "runc", "nvidia": "nvidia-container-runtime"}}}
	for i, u := range uuids {
		h.GPUs = append(h.GPUs, host.GPU{Index: i, UUID: u, Name: "NVIDIA H200"})
	}
	return h
}

// ran is a try whose output is a file of testdata.
func ran(t *testing.T, route, file string) Try {
	t.Helper()
	data, err := os.ReadFile("testdata/smoke/" + file + ".jsonl")
	assert.NilError(t, err)
	try := Try{Route: route, Output: data, Seconds: 0.61}
	if strings.Contains(string(data), `"ok":false`) {
		try.Exit = 1
	}
	return try
}

func rung(t *testing.T, r *SmokeReport, name string) Rung {
	t.Helper()
	i := slices.IndexFunc(r.Rungs, func(rung Rung) bool { return rung.Name == name })
	assert.Assert(t, i >= 0, name)
	return r.Rungs[i]
}

func TestSmokeReports(t *testing.T) {
	for name, c := range map[string]struct {
		host   *host.Host
		tries  []Try
		reload *Reload
	}{
		"healthy":     {healthy(first), []Try{ran(t, GPUs, "h200-cdi"), ran(t, CDI, "h200-cdi"), ran(t, Runtime, "h200-hook")}, &Reload{After: ran(t, CDI, "h200-cdi")}},
		"two":         {healthy(first, second), []Try{ran(t, GPUs, "h100x2"), ran(t, CDI, "h100x2")}, nil},
		"uvm-major":   {healthy(first), []Try{ran(t, GPUs, "uvm-major"), ran(t, CDI, "uvm-major")}, nil},
		"old-and-new": {healthy(first), []Try{ran(t, GPUs, "h200-hook")}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			r := JudgeSmoke(c.host, c.tries, Extra{Reload: c.reload})
			var text strings.Builder
			assert.NilError(t, r.Print(&text))
			golden.Assert(t, text.String(), "smoke/"+name+".txt")
			data, err := json.MarshalIndent(r, "", "  ")
			assert.NilError(t, err)
			golden.Assert(t, string(data)+"\n", "smoke/"+name+".json")
		})
	}
}

// What breaks is named by the lowest rung, with the layer and the catalogue's row.
func TestBrokenRungs(t *testing.T) {
	cut := func(file string, lines int) Try {
		try := ran(t, GPUs, file)
		all := strings.SplitAfter(string(try.Output), "\n")
		try.Output, try.Exit = []byte(strings.Join(all[:lines], "")), 137
		return try
	}
	errors := func(try Try, text string) Try { try.Errors = []byte(text); return try }
	late := func(try Try) Try { try.Late, try.Seconds = true, 60; return try }
	lost := healthy(first)
	lost.GPUs[0].Lost, lost.GPUs[0].PCI = true, "0000:65:00.0"
	without := &host.Host{Local: true, Engine: host.Engine{Version: "29.7.2"}, PCI: []host.PCI{{Address: "0000:65:00.0"}}}
	bare := &host.Host{Engine: host.Engine{Version: "29.7.2"}} // whether it is here or not
	crash := "SIGABRT: abort\nPC=0x7f m=3\n\ngoroutine 10 [syscall]:\nruntime.cgocall()\n\ngs     0x0\n"
	unread := &host.Host{Local: true, Driver: host.Driver{Version: "580.159"}, Engine: host.Engine{Version: "29.7.2"}, Unread: map[string]string{"nvml": "NVML did not answer within 5s"}}
	refused := `could not select device driver "" with capabilities: [[gpu]]`
	for name, c := range map[string]struct {
		host               *host.Host
		tries              []Try
		reload             *Reload
		broken, layer, see string
		detail             string
	}{
		"no engine":              {&host.Host{Local: true, GPUs: healthy(first).GPUs, Engine: host.Engine{Error: "connection refused"}}, nil, nil, "engine", "Docker Engine", "", "connection refused"},
		"no driver":              {without, []Try{{Route: GPUs, Refused: refused}}, nil, "host", "NVIDIA driver", "G001", "no NVIDIA driver is loaded"},
		"no GPU at all":          {bare, []Try{{Route: GPUs, Refused: refused}}, nil, "host", "NVIDIA driver", "", "no NVIDIA driver is loaded, and no NVIDIA GPU is on the PCI bus"},
		"NVML hangs":             {unread, nil, nil, "host", "NVIDIA driver", "", "NVML did not answer within 5s"},
		"a lost GPU":             {lost, []Try{ran(t, GPUs, "h200-cdi")}, nil, "host", "NVIDIA driver", "G012", "GPU 0 (0000:65:00.0) is lost: the driver cannot reach it"},
		"nothing was tried":      {healthy(first), nil, nil, "gpus", "Docker Engine and NVIDIA Container Toolkit", "", "no container was started"},
		"refused":                {healthy(first), []Try{{Route: GPUs, Refused: refused}, ran(t, CDI, "h200-cdi")}, nil, "gpus", "Docker Engine and NVIDIA Container Toolkit", "", refused},
		"CDI refused":            {healthy(first), []Try{ran(t, GPUs, "h200-hook"), {Route: CDI, Refused: "unresolvable CDI devices"}}, nil, "cdi", "CDI spec", "", "unresolvable CDI devices"},
		"no libraries":           {healthy(first), []Try{ran(t, GPUs, "no-libcuda")}, nil, "gpus", "Docker Engine and NVIDIA Container Toolkit", "", "libcuda.so.1 cannot be loaded, so this place was given no NVIDIA driver: libcuda.so.1: cannot open shared object file: No such file or directory"},
		"no loader":              {healthy(first), []Try{errors(Try{Route: GPUs, Exit: 127}, "x\nexec /gpu-worker: no such file or directory\n")}, nil, "gpus", "Docker Engine and NVIDIA Container Toolkit", "", "the worker ended with exit code 127 and without a verdict: exec /gpu-worker: no such file or directory; does the image have a GNU C library, as those of Debian, Ubuntu and Red Hat do?"},
		"uvm":                    {healthy(first), []Try{ran(t, GPUs, "uvm-major")}, nil, "init", "device nodes and unified memory (nvidia-uvm)", "C016", "with --gpus all: cuInit: CUDA_ERROR_UNKNOWN (999): unknown error"},
		"another GPU inside":     {healthy(second), []Try{ran(t, GPUs, "h200-cdi")}, nil, "uuids", "NVIDIA Container Toolkit", "C021", "with --gpus all a container has " + first + ", which the host does not show"},
		"a GPU fewer inside":     {healthy(first, second), []Try{ran(t, GPUs, "h200-cdi")}, nil, "uuids", "NVIDIA Container Toolkit", "C018", "with --gpus all a container lacks " + second},
		"one route of two":       {healthy(first), []Try{ran(t, GPUs, "h200-cdi"), ran(t, CDI, "uvm-major")}, nil, "init", "device nodes and unified memory (nvidia-uvm)", "C016", "with a CDI device: cuInit: CUDA_ERROR_UNKNOWN (999): unknown error"},
		"a context hangs":        {healthy(first), []Try{ran(t, GPUs, "hung-context")}, nil, "context", "NVIDIA driver", "G019", "with --gpus all, on " + first + ": context did not end within 30s and was given up"},
		"a wrong product":        {healthy(first), []Try{ran(t, GPUs, "wrong-bf16")}, nil, "bf16", "GPU hardware", "", "with --gpus all, on " + first + ": 3 of 1048576 elements of a product in bf16 are wrong, the first at row 12, column 40: expected 11.0712891, found no number (NaN)"},
		"peers":                  {healthy(first, second), []Try{ran(t, GPUs, "h200x2-iommu")}, nil, "peers", "PCIe, NVLink and the IOMMU", "", "with --gpus all, " + first + " reading from " + second + ": the checksum of the other GPU's memory, read over the link between them: expected 0x6c1b219209454509, found 0x0"},
		"killed after init":      {healthy(first), []Try{cut("h200-cdi", 4)}, nil, "context", "NVIDIA driver", "", "with --gpus all: the worker ended with exit code 137 and without a verdict"},
		"killed at the kernel":   {healthy(first), []Try{cut("h200-cdi", 6)}, nil, "kernel", "GPU hardware", "", "with --gpus all: the worker ended with exit code 137 and without a verdict"},
		"crashed at the kernel":  {healthy(first), []Try{errors(cut("h200-cdi", 6), crash)}, nil, "kernel", "GPU hardware", "", "with --gpus all: the worker ended with exit code 137 and without a verdict: SIGABRT: abort"},
		"late":                   {healthy(first), []Try{late(cut("h200-cdi", 8))}, nil, "tf32", "GPU hardware", "", "with --gpus all: the container did not end within 60 s"},
		"killed before the end":  {healthy(first, second), []Try{cut("h100x2", 21)}, nil, "peers", "PCIe, NVLink and the IOMMU", "", "with --gpus all: the worker ended with exit code 137 and without a verdict"},
		"reload":                 {healthy(first), []Try{ran(t, GPUs, "h200-hook")}, &Reload{After: ran(t, GPUs, "uvm-major")}, "reload", "systemd and cgroups", "C010", "after the reload cuInit: CUDA_ERROR_UNKNOWN (999): unknown error"},
		"nothing after a reload": {healthy(first), []Try{ran(t, GPUs, "h200-hook")}, &Reload{After: Try{Exit: 1}}, "reload", "systemd and cgroups", "C010", "after the reload the worker ended with exit code 1 and without a verdict"},
	} {
		t.Run(name, func(t *testing.T) {
			r := JudgeSmoke(c.host, c.tries, Extra{Reload: c.reload})
			assert.Assert(t, !r.OK)
			assert.Equal(t, r.Broken, c.broken)
			assert.Equal(t, r.Layer, c.layer)
			assert.Equal(t, r.See, c.see)
			assert.Equal(t, rung(t, r, c.broken).Detail, c.detail)
			for _, below := range r.Rungs[:slices.IndexFunc(r.Rungs, func(rung Rung) bool { return rung.Name == c.broken })] {
				assert.Assert(t, below.OK || below.Skipped != "", below.Name)
			}
			assert.Assert(t, is.Contains(r.Verdict(), c.layer))
		})
	}
}

// What does not apply is no failure, and says why.
func TestSkippedRungs(t *testing.T) {
	noCDI := healthy(first)
	noCDI.Engine.CDIDevices, noCDI.Engine.Runtimes = nil, nil
	split := healthy("GPU-whole")
	split.GPUs[0].MIG = &host.MIG{On: true, Devices: []host.MIGDevice{{UUID: slice}, {UUID: "MIG-other"}}}
	desktop := healthy()
	desktop.Local, desktop.Engine.Kind = false, "desktop"
	unseen := healthy()
	unseen.Local, unseen.Driver, unseen.Unread = false, host.Driver{}, map[string]string{"nvml": "the machine could not be looked at"}
	for name, c := range map[string]struct {
		host *host.Host
		try  Try
		want map[string]string
	}{
		"an old card":    {noCDI, ran(t, GPUs, "p40"), map[string]string{"cdi": "this engine does not offer it", "tf32": "needs compute capability 8.0, this GPU has 6.1", "peers": "there is one GPU"}},
		"a MIG device":   {split, ran(t, GPUs, "mig"), map[string]string{"uuids": "", "peers": "there is one GPU"}},
		"Docker Desktop": {desktop, ran(t, GPUs, "h200-cdi"), map[string]string{"host": "the engine runs in a virtual machine, whose own tools were not asked", "uuids": "the engine runs in a virtual machine, whose own tools were not asked"}},
		"another host":   {unseen, ran(t, GPUs, "h200-cdi"), map[string]string{"host": "the machine could not be looked at", "uuids": "the machine could not be looked at"}},
		"no such reload": {healthy(first), ran(t, GPUs, "h200-cdi"), map[string]string{"reload": "not asked for"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := JudgeSmoke(c.host, []Try{c.try}, Extra{})
			assert.Assert(t, r.OK, r.Verdict())
			for name, why := range c.want {
				assert.Equal(t, rung(t, r, name).Skipped, why, name)
			}
		})
	}
}

// Text out of a container may be hostile; it reaches a terminal without control characters.
func TestHostileLines(t *testing.T) {
	evil := "\x1b[2J\x07\u202e" + strings.Repeat("A", 5000) + "\nsecond line"
	data, err := json.Marshal(map[string]any{"stage": "load", "ok": false, "error": map[string]string{"text": evil}})
	assert.NilError(t, err)
	for name, try := range map[string]Try{
		"in a line":     {Route: GPUs, Output: append(data, '\n')},
		"in its words":  {Route: GPUs, Errors: []byte(evil)},
		"of the engine": {Route: GPUs, Refused: evil},
		"as a name":     {Route: evil, Output: append(data, '\n')},
		"a UUID":        {Route: GPUs, Output: []byte(`{"stage":"load","ok":true}` + "\n" + `{"stage":"device","ok":true,"gpu":` + quoted(t, evil) + "}\n")},
	} {
		t.Run(name, func(t *testing.T) {
			r := JudgeSmoke(healthy(first), []Try{try}, Extra{})
			assert.Assert(t, !r.OK)
			var text strings.Builder
			assert.NilError(t, r.Print(&text))
			for _, c := range text.String() {
				assert.Assert(t, c == '\n' || !unicode.IsControl(c) && c != 0x202e, "%q", text.String())
			}
			for line := range strings.Lines(text.String()) {
				assert.Assert(t, len(line) < 1000, line)
			}
		})
	}
}

func quoted(t *testing.T, text string) string {
	t.Helper()
	data, err := json.Marshal(text)
	assert.NilError(t, err)
	return string(data)
}

// A worker that contradicts itself is not believed.
func TestContradiction(t *testing.T) {
	try := ran(t, GPUs, "h200-cdi")
	try.Output = []byte(strings.Replace(string(try.Output), `{"stage":"end","ok":true`, `{"stage":"end","ok":false`, 1))
	r := JudgeSmoke(healthy(first), []Try{try}, Extra{})
	assert.Assert(t, !r.OK)
	assert.Assert(t, is.Contains(rung(t, r, r.Broken).Detail, "the line that says what is lost"))
	// Lines of routes alone, without any computation, prove nothing.
	r = JudgeSmoke(healthy(first), []Try{{Route: GPUs, Output: []byte(`{"stage":"load","ok":true}` + "\n" + `{"stage":"end","ok":true}`)}}, Extra{})
	assert.Assert(t, !r.OK)
	assert.Equal(t, r.Broken, "kernel")
}

func TestRoutes(t *testing.T) {
	names := func(h *host.Host) (all []string) {
		for _, r := range Routes(h) {
			all = append(all, r.Name+" "+strings.Join(r.Flags, " "))
		}
		return all
	}
	assert.DeepEqual(t, names(healthy()), []string{"gpus --gpus all", "cdi --device nvidia.com/gpu=all", "runtime --runtime nvidia --env NVIDIA_VISIBLE_DEVICES=all"})
	assert.DeepEqual(t, names(&host.Host{}), []string{"gpus --gpus all"})
	assert.DeepEqual(t, names(&host.Host{Engine: host.Engine{CDIDevices: []string{"vendor.com/net=all", "nvidia.com/gpu=0", "nvidia.com/gpu=1"}}}),
		[]string{"gpus --gpus all", "cdi --device nvidia.com/gpu=0"})
}

// Every rung is told apart and can be found in the ladder's order.
func TestLadder(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range Ladder() {
		assert.Assert(t, s.Name != "" && s.Title != "" && s.Layer != "" && !seen[s.Name], s.Name)
		seen[s.Name] = true
	}
	for _, route := range []string{GPUs, CDI, Runtime} {
		assert.Assert(t, seen[route])
		assert.Assert(t, flag(route) != route)
	}
}
