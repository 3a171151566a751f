package plugin

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// columns are the values of one row by their names in templates.
func columns(t *testing.T, h *host.Host, row int, noTrunc bool) map[string]string {
	t.Helper()
	out, _ := ls(t, h, lsOptions{format: "json", noTrunc: noTrunc})
	var got map[string]string
	assert.NilError(t, json.Unmarshal([]byte(strings.Split(out, "\n")[row]), &got), out)
	return got
}

func TestStatesOfGPUs(t *testing.T) {
	failing := h200(0)
	failing.Errors = map[string]string{"GetPowerUsage": "Unknown Error"}
	lost := h200(1)
	lost.Lost, lost.Errors = true, map[string]string{"GetMemoryInfo": "GPU is lost"}
	mute := host.GPU{Index: 2}
	h := &host.Host{GPUs: []host.GPU{failing, lost, mute, h200(3)}}
	for row, want := range []map[string]string{
		{"State": "failing", "Memory": "4MiB / 140.4GiB", "Temperature": "30C", "Utilization": "0%", "UUID": "GPU-00000000", "Name": "NVIDIA H200"},
		{"State": "lost", "Memory": "lost", "UUID": "GPU-00000001"},
		{"State": "ok", "Memory": "-", "Temperature": "-", "Utilization": "-", "UUID": "-", "Name": "-", "UsedBy": "-", "MemoryUsed": "0B"},
		{"State": "ok", "Memory": "4MiB / 140.4GiB", "Temperature": "33C"},
	} {
		got := columns(t, h, row, false)
		for name, value := range want {
			assert.Equal(t, got[name], value, "GPU %d: %s", row, name)
		}
	}
}

// Zero degrees are a temperature, and what no GPU can have is shown, not hidden.
func TestOddValuesAreShown(t *testing.T) {
	g := h200(0)
	g.Temperature, g.Utilization, g.MemoryUsed = &host.Temperature{GPU: 0}, &host.Utilization{GPU: 4294967295}, g.Memory+1
	got := columns(t, &host.Host{GPUs: []host.GPU{g}}, 0, false)
	assert.Equal(t, got["Temperature"], "0C")
	assert.Equal(t, got["Utilization"], "4294967295%")
	assert.Equal(t, got["Memory"], "140.4GiB / 140.4GiB")
}

// What is cut is cut by letters, and --no-trunc cuts nothing that a terminal can show.
func TestLongNames(t *testing.T) {
	g := h200(0)
	g.Name, g.UUID = strings.Repeat("é", 41), strings.Repeat("ü", 13)
	g.Processes = []host.Process{{PID: 1, Name: "/usr/bin/" + strings.Repeat("p", 60)}, {PID: 2, Container: id64("a")}}
	h := &host.Host{GPUs: []host.GPU{g}, Engine: host.Engine{Containers: []host.Container{{ID: id64("a"), Name: strings.Repeat("c", 50), Image: strings.Repeat("i", 41), State: "running"}}}}
	short, whole := columns(t, h, 0, false), columns(t, h, 0, true)
	assert.Equal(t, short["Name"], strings.Repeat("é", 39)+"…")
	assert.Equal(t, short["UUID"], strings.Repeat("ü", 12))
	assert.Equal(t, short["UsedBy"], strings.Repeat("c", 39)+"… ("+strings.Repeat("i", 39)+"…), "+strings.Repeat("p", 39)+"…")
	assert.Equal(t, whole["Name"], g.Name)
	assert.Equal(t, whole["UUID"], g.UUID)
	assert.Equal(t, whole["UsedBy"], strings.Repeat("c", 50)+" ("+strings.Repeat("i", 41)+"), "+strings.Repeat("p", 60)+"[1]")
	assert.Equal(t, short["Processes"], strings.Repeat("p", 60)+"[1]", "a list for programs is whole")
}

// A container is told once, however many of its programs use the GPU, and before what
// runs outside of containers.
func TestUsersInOrder(t *testing.T) {
	g := h200(0)
	g.Processes = []host.Process{{PID: 1, Name: "Xorg"}, {PID: 2, Container: id64("b")}, {PID: 3, Container: id64("a")}, {PID: 4, Container: id64("b")}, {PID: 5, Container: id64("f")}}
	h := &host.Host{GPUs: []host.GPU{g}, Engine: host.Engine{Containers: []host.Container{
		{ID: id64("a"), Name: "/a", State: "running", Project: "p", Service: "web", GPUs: []string{"all"}},
		{ID: id64("b"), Name: "b", State: "running"},
		{ID: id64("c"), Name: "idle", State: "running", GPUs: []string{"all"}},
		{ID: id64("d"), Name: "stopped", State: "exited", GPUs: []string{"all"}},
		{ID: id64("e"), State: "running", Service: "alone", GPUs: []string{"all"}},
	}}}
	got := columns(t, h, 0, true)
	assert.Equal(t, got["Containers"], "b,a,ffffffffffff,idle,eeeeeeeeeeee")
	assert.Equal(t, got["Services"], "p/web,alone")
	assert.Equal(t, got["Processes"], "Xorg[1]")
	assert.Equal(t, got["UsedBy"], "b, a (p/web), ffffffffffff, idle (idle), eeeeeeeeeeee (alone, idle), Xorg[1]")
	assert.Equal(t, columns(t, h, 0, false)["UsedBy"], "b, a (p/web), ffffffffffff, +3")
}

func TestQuietWithAFormat(t *testing.T) {
	h := lsHosts()["lost"]
	for format, want := range map[string]string{
		"table":              "GPU-00000000-2222-3333-4444-555555555555\nGPU-00000001-2222-3333-4444-555555555555\n",
		"{{.UUID}} {{.PCI}}": "", // no such column
		"{{.Index}}":         "0\n1\n",
	} {
		var stdout, stderr bytes.Buffer
		err := runLs(t.Context(), lsDeps{func(context.Context) (*host.Host, error) { return h, nil }, &stdout, &stderr}, lsOptions{format: format, quiet: true})
		if want == "" {
			isUsage(t, err, `--format "{{.UUID}} {{.PCI}}": `)
			continue
		}
		assert.NilError(t, err)
		assert.Equal(t, stdout.String(), want)
	}
}
