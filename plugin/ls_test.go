package plugin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/golden"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// ls lists the GPUs of a host that is handed in.
func ls(t *testing.T, h *host.Host, opts lsOptions) (out, talk string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if opts.format == "" {
		opts.format = "table"
	}
	err := runLs(t.Context(), lsDeps{func(context.Context) (*host.Host, error) { return h, nil }, &stdout, &stderr}, opts)
	assert.NilError(t, err)
	return stdout.String(), stderr.String()
}

func h200(i int) host.GPU {
	return host.GPU{Index: i, UUID: fmt.Sprintf("GPU-%08d-2222-3333-4444-555555555555", i), Name: "NVIDIA H200", PCI: fmt.Sprintf("0000:%02x:00.0", 16+i),
		Memory: 143771 << 20, MemoryUsed: 4 << 20, Temperature: &host.Temperature{GPU: 30 + i}, Utilization: &host.Utilization{}}
}

func id64(c string) string { return strings.Repeat(c, 64) }

func ref[T any](v T) *T { return &v }

func lsHosts() map[string]*host.Host {
	driver := host.Driver{Version: "580.159"}
	eight := &host.Host{Driver: driver, Engine: host.Engine{Version: "29.7.2", Containers: []host.Container{
		{ID: id64("a"), Name: "train", Image: "pytorch/pytorch:2.14.0-cuda13.0", State: "running", GPUs: []string{"GPU-00000000-2222-3333-4444-555555555555"}},
		{ID: id64("b"), Name: "/ml-serve-1", Image: "vllm:1", State: "running", Project: "ml", Service: "serve", GPUs: []string{"nvidia.com/gpu=1"}},
		{ID: id64("c"), Name: "waits", Image: "cuda", State: "running", GPUs: []string{"nvidia.com/gpu=2"}},
		{ID: id64("d"), Name: "gone", Image: "cuda", State: "exited", GPUs: []string{"all"}},
		{ID: id64("e"), Name: "counted", Image: "cuda", State: "running", GPUs: []string{"2"}},
	}}}
	for i := range 8 {
		eight.GPUs = append(eight.GPUs, h200(i))
	}
	use := func(i int, p ...host.Process) {
		eight.GPUs[i].Processes, eight.GPUs[i].MemoryUsed, eight.GPUs[i].Utilization.GPU = p, 70<<30, 97
	}
	use(0, host.Process{PID: 1, Container: id64("a")}, host.Process{PID: 2, Container: id64("a")})
	use(1, host.Process{PID: 3, Container: id64("b")}, host.Process{PID: 4, Name: "/usr/bin/python3"})
	use(3, host.Process{PID: 5, Container: id64("f")}, host.Process{PID: 6})
	use(4, host.Process{PID: 7, Name: "a"}, host.Process{PID: 8, Name: "b"}, host.Process{PID: 9, Name: "c"}, host.Process{PID: 10, Name: "d"}, host.Process{PID: 11, Name: "e"})

	mig := h200(0)
	mig.Utilization = nil
	mig.MIG = &host.MIG{On: true, Devices: []host.MIGDevice{
		{Index: 0, UUID: "MIG-aaaaaaaa-2222-3333-4444-555555555555", Profile: "1g.18gb", Memory: 16384 << 20, MemoryUsed: 12 << 20, GI: 7},
		{Index: 1, UUID: "MIG-bbbbbbbb-2222-3333-4444-555555555555", Profile: "3g.71gb", Memory: 70000 << 20, MemoryUsed: 60000 << 20, GI: 2},
		{Index: 2, UUID: "MIG-cccccccc-2222-3333-4444-555555555555", GI: 3},
	}}
	mig.Processes = []host.Process{{PID: 21, Container: id64("a"), MIG: ref(1)}, {PID: 22, Name: "mps-server"}}
	divided := &host.Host{Driver: driver, GPUs: []host.GPU{mig, h200(1)}, Engine: host.Engine{Containers: []host.Container{
		{ID: id64("a"), Name: "train", Image: "torch", State: "running", GPUs: []string{"nvidia.com/gpu=0:1"}},
		{ID: id64("b"), Name: "slice", Image: "cuda", State: "running", GPUs: []string{"nvidia.com/gpu=0:0"}},
		{ID: id64("c"), Name: "by-uuid", Image: "cuda", State: "running", GPUs: []string{"MIG-cccccccc-2222-3333-4444-555555555555"}},
	}}}

	lost := h200(1)
	lost = host.GPU{Index: 1, UUID: lost.UUID, Name: lost.Name, PCI: lost.PCI, Lost: true, Errors: map[string]string{"GetTemperature": "GPU is lost"}}

	hostile := h200(0)
	hostile.Name, hostile.UUID = "\x1b[31mred\x07\u202egpj.exe\n"+strings.Repeat("x", 2000), "GPU-\x1b]0;title\x07"
	hostile.Processes = []host.Process{{PID: 7, Name: "/bin/\x1b[2Jclear\tme"}, {PID: 8, Container: id64("a")}}
	evil := &host.Host{Driver: driver, GPUs: []host.GPU{hostile}, Unread: map[string]string{"nvml": "\x1b[1mbold\nline"}, Engine: host.Engine{Containers: []host.Container{
		{ID: id64("a"), Name: "na\u009bme", Image: "im\x00age", Project: "p\r", Service: "s\xff", State: "running"}}}}
	return map[string]*host.Host{
		"nothing":  {},
		"no-gpu":   {Driver: driver},
		"unread":   {Driver: driver, Unread: map[string]string{"nvml": "NVML did not answer within 5s"}},
		"one-idle": {Driver: driver, GPUs: []host.GPU{h200(0)}},
		"eight":    eight,
		"mig":      divided,
		"lost":     {Driver: driver, GPUs: []host.GPU{h200(0), lost, {Index: 2, Lost: true, Errors: map[string]string{"GetHandleByIndex": "GPU is lost"}}}},
		"hostile":  evil,
	}
}

func TestLs(t *testing.T) {
	for name, h := range lsHosts() {
		t.Run(name, func(t *testing.T) {
			out, talk := ls(t, h, lsOptions{})
			golden.Assert(t, out+"--- stderr\n"+talk, filepath.Join("ls", name+".txt"))
			// One line each, below the header; nothing that a terminal acts on.
			rows := len(h.GPUs)
			for _, g := range h.GPUs {
				if g.MIG != nil {
					rows += len(g.MIG.Devices)
				}
			}
			assert.Equal(t, strings.Count(out, "\n"), 1+rows)
			assert.Assert(t, !strings.ContainsAny(out+talk, "\x1b\x07\x00\r\u009b\u202e"), "%q", out+talk)
		})
	}
}

func TestLsInFull(t *testing.T) {
	for _, name := range []string{"eight", "mig"} {
		out, _ := ls(t, lsHosts()[name], lsOptions{noTrunc: true})
		golden.Assert(t, out, filepath.Join("ls", name+"-no-trunc.txt"))
	}
}

func TestLsQuiet(t *testing.T) {
	out, talk := ls(t, lsHosts()["mig"], lsOptions{quiet: true})
	assert.Equal(t, out, "GPU-00000000-2222-3333-4444-555555555555\nMIG-aaaaaaaa-2222-3333-4444-555555555555\nMIG-bbbbbbbb-2222-3333-4444-555555555555\n"+
		"MIG-cccccccc-2222-3333-4444-555555555555\nGPU-00000001-2222-3333-4444-555555555555\n")
	assert.Equal(t, talk, "")
	// One without a UUID is no empty line; that it is lost is told all the same.
	out, talk = ls(t, lsHosts()["lost"], lsOptions{quiet: true})
	assert.Equal(t, out, "GPU-00000000-2222-3333-4444-555555555555\nGPU-00000001-2222-3333-4444-555555555555\n")
	assert.Assert(t, strings.Contains(talk, "GPU 2 (address unknown) is lost"), talk)
	out, _ = ls(t, &host.Host{}, lsOptions{quiet: true})
	assert.Equal(t, out, "")
}

func TestLsJSON(t *testing.T) {
	for name, h := range lsHosts() {
		out, _ := ls(t, h, lsOptions{format: "json", noTrunc: true})
		golden.Assert(t, out, filepath.Join("ls", name+".json"))
		for line := range strings.Lines(out) {
			var row map[string]string
			assert.NilError(t, json.Unmarshal([]byte(line), &row), line)
			assert.Equal(t, len(row), 14, line)
		}
	}
}

func TestLsTemplates(t *testing.T) {
	h := lsHosts()["eight"]
	h.GPUs = h.GPUs[:2]
	for format, want := range map[string]string{
		"{{.Index}} {{.Containers}} {{.Images}} {{.Services}} {{.Processes}}": "0 train pytorch/pytorch:2.14.0-cuda13.0  \n1 ml-serve-1 vllm:1 ml/serve python3[4]\n",
		"{{.MemoryUsed}} of {{.MemoryTotal}}":                                 "70GiB of 140.4GiB\n70GiB of 140.4GiB\n",
		"table {{.Index}}\t{{.State}}":                                        "GPU       STATE\n0         ok\n1         ok\n",
		"{{json .Name}}":                                                      "\"NVIDIA H200\"\n\"NVIDIA H200\"\n",
	} {
		out, _ := ls(t, h, lsOptions{format: format})
		assert.Equal(t, out, want)
	}
}

func TestLsRefusesABadTemplate(t *testing.T) {
	h := lsHosts()["one-idle"]
	for _, format := range []string{"{{.Nosuch}}", "{{", "{{nosuch}}"} {
		err := runLs(t.Context(), lsDeps{func(context.Context) (*host.Host, error) { return h, nil }, &bytes.Buffer{}, &bytes.Buffer{}}, lsOptions{format: format})
		assert.ErrorContains(t, err, format)
		assert.Equal(t, exitCode(err, false), exitUsage)
	}
}

func TestLsSaysWhyThereAreNoFacts(t *testing.T) {
	var out bytes.Buffer
	err := runLs(t.Context(), lsDeps{func(context.Context) (*host.Host, error) { return nil, errors.New("the engine is elsewhere") }, &out, &out}, lsOptions{format: "table"})
	assert.Error(t, err, "the engine is elsewhere")
	assert.Equal(t, out.String(), "")
}

// Another machine's engine never gets this machine's GPUs.
func TestLsOfAnotherMachine(t *testing.T) {
	offline(t)
	t.Setenv("DOCKER_HOST", "tcp://192.0.2.1:2376")
	r := run(t, "ls")
	assert.Equal(t, r.code, exitFailed)
	assert.Equal(t, r.out, "")
	assert.Assert(t, strings.Contains(r.err, "is not on this machine (tcp://192.0.2.1:2376)"), r.err)
}

func TestLsTakesNoArguments(t *testing.T) {
	r := run(t, "ls", "0")
	assert.Equal(t, r.code, exitFailed)
	assert.Assert(t, strings.Contains(r.err, "takes no arguments"), r.err)
	assert.Equal(t, run(t, "ls", "--nosuch").code, exitUsage)
}

// What a container asked for in another form is the same GPU; a count names none of many.
func TestLsContainersThatHaveNoProcess(t *testing.T) {
	uuid := h200(1).UUID
	for want, on := range map[string]string{
		"all": "01", "nvidia.com/gpu=all": "01", uuid: "1", "nvidia.com/gpu=" + uuid: "1", "nvidia.com/gpu=1": "1", "nvidia.com/gpu=11": "", "1": "", "2": "", "other.com/gpu=1": "",
	} {
		h := &host.Host{GPUs: []host.GPU{h200(0), h200(1)}, Engine: host.Engine{Containers: []host.Container{{ID: id64("a"), Name: "c", State: "running", GPUs: []string{want}}}}}
		var got string
		for _, r := range lsRows(h, true) {
			if r.Containers() == "c" {
				got += r.Index()
			}
		}
		assert.Equal(t, got, on, want)
	}
	one := &host.Host{GPUs: []host.GPU{h200(0)}, Engine: host.Engine{Containers: []host.Container{{ID: id64("a"), Name: "c", State: "running", GPUs: []string{"1"}}}}}
	assert.Equal(t, lsRows(one, true)[0].UsedBy(), "c (idle)")
}

func TestCell(t *testing.T) {
	for in, want := range map[string]string{
		"NVIDIA H200": "NVIDIA H200", "a\tb\nc": "a?b?c", "\x1b[2J": "?[2J", "\u009b31m": "?31m", "\u202eabc": "?abc", "é µ 漢": "é µ 漢", "a\xffb": "a?b", "": "",
	} {
		assert.Equal(t, cell(in), want)
	}
	assert.Equal(t, len([]rune(cell(strings.Repeat("é", 1000)))), 512)
}

// Of a machine elsewhere, what was seen there is listed, and why nothing was is said.
func TestLsOfAMachineElsewhere(t *testing.T) {
	far := func(change func(*host.Host)) *host.Host {
		h := &host.Host{Context: "far", Kernel: host.Kernel{Release: "6.8"}, Engine: host.Engine{Endpoint: "ssh://me@far", Kind: "docker"}}
		change(h)
		return h
	}
	for name, c := range map[string]struct {
		host *host.Host
		want string
	}{
		"seen":              {far(func(h *host.Host) { h.GPUs = []host.GPU{h200(0)} }), ""},
		"without GPUs":      {far(func(*host.Host) {}), ""},
		"GPUs do not tell":  {far(func(h *host.Host) { h.Unread = map[string]string{"nvml": "nvidia-smi hangs"} }), ""},
		"GPUs alone":        {far(func(h *host.Host) { h.GPUs, h.Unread = []host.GPU{h200(0)}, map[string]string{"local": "denied"} }), ""},
		"not looked at":     {far(func(h *host.Host) { h.Unread = map[string]string{"local": "denied\x1b[2J"} }), `the engine of context "far" is not on this machine (ssh://me@far): denied?[2J; run docker gpu ls there`},
		"a virtual machine": {far(func(h *host.Host) { h.Engine.Kind, h.GPUs = "desktop", []host.GPU{h200(0)} }), `the engine of context "far" is not on this machine (ssh://me@far): run docker gpu ls there`},
	} {
		t.Run(name, func(t *testing.T) {
			err := lsUnseen(c.host)
			if c.want == "" {
				assert.NilError(t, err)
				return
			}
			assert.Error(t, err, c.want)
		})
	}
}
