package probe

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

const (
	uuidA = "GPU-1a2b3c4d-aaaa-bbbb-cccc-0123456789ab"
	uuidB = "GPU-5e6f7081-aaaa-bbbb-cccc-0123456789ab"
	migA  = "MIG-99990000-aaaa-bbbb-cccc-0123456789ab"
	hexID = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
)

// telling is a host with everything that must not leave it.
func telling() host.Host {
	return host.Host{
		SchemaVersion: 1, Taken: moment, Name: "gpu01.corp.example.com", Context: "alice-box", Arch: "amd64",
		OS:     host.OS{ID: "ubuntu", Version: "24.04"},
		Kernel: host.Kernel{Release: "6.8.0-49-generic", Cmdline: "root=UUID=12345678-1234-1234-1234-123456789012 ip=10.1.2.3", Log: []host.LogLine{{Since: time.Second, Text: "NVRM: GPU at PCI:0000:65:00: " + uuidA + " on gpu01 serial 1650523012345"}}},
		GPUs: []host.GPU{
			{Index: 0, UUID: uuidA, Name: "NVIDIA H200", Serial: "1650523012345", PCI: "0000:65:00.0", VBIOS: "96.00.99.00.01", Processes: []host.Process{{PID: 4, Container: hexID}}},
			{Index: 1, UUID: uuidB, Serial: "1650523099999", MIG: &host.MIG{On: true, Devices: []host.MIGDevice{{UUID: migA}}}},
		},
		CDI:     host.CDI{Specs: []host.CDISpec{{Path: "/home/alice/.config/cdi/a.yaml", Devices: []string{"0", uuidA, "all"}}}},
		Toolkit: host.Toolkit{Repositories: []host.Repository{{URI: "https://nvidia.github.io/libnvidia-container"}}},
		Engine: host.Engine{
			Version: "29.7.2", ID: "ABCD:EFGH:IJKL:MNOP:QRST:UVWX:YZ23:4567:ABCD:EFGH:IJKL:MNOP", Endpoint: "ssh://alice@gpu01.corp.example.com",
			Config: "{\n\t\"registry-mirrors\": [\"https://bob:pw@mirror.corp.example.com:5000\"],\n\t\"log-opts\": {\"splunk-token\": \"hush\"},\n" +
				"\t\"dns\": [\"192.168.7.1\", \"fd00:0:0:1::7\", \"127.0.0.1\"]\n}\n",
			Args:     []string{"dockerd", "-H", "tcp://10.1.2.3:2376", "-H", "unix:///home/alice/docker.sock"},
			Runtimes: map[string]string{"nvidia": "/home/alice/bin/nvidia-container-runtime"},
			Containers: []host.Container{{ID: hexID, Name: "train", Image: "registry.corp.example.com:5000/team/train:1", GPUs: []string{"nvidia.com/gpu=" + uuidA, "GPU-5e6f7081", "GPU-1a2b", "GPU-deadbeef", migA}},
				{ID: "1", Image: "nvcr.io/nvidia/pytorch:26.10-py3"}, {ID: "2", Image: "ubuntu"}},
			Swarm: host.Swarm{GPUs: []string{"NVIDIA-GPU=" + uuidB}},
		},
		Unread: map[string]string{"nvml": "gpu01.corp.example.com at 00:1a:2b:3c:4d:5e says no"},
	}
}

func TestARecordingComesBack(t *testing.T) {
	for name, h := range map[string]host.Host{"full": telling(), "least": {SchemaVersion: 1}, "most": Local(t.Context(), Options{})} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			assert.NilError(t, Record(&b, h, false))
			back, err := Replay(&b)
			assert.NilError(t, err)
			assert.DeepEqual(t, back, h)
		})
	}
	var b bytes.Buffer
	assert.NilError(t, Record(&b, host.Host{Name: "x"}, false)) // facts that somebody put together
	back, err := Replay(&b)
	assert.NilError(t, err)
	assert.DeepEqual(t, back, host.Host{SchemaVersion: host.SchemaVersion, Name: "x"})
}

func TestRedaction(t *testing.T) {
	h := telling()
	var b bytes.Buffer
	assert.NilError(t, Record(&b, h, true))
	assert.DeepEqual(t, h, telling()) // the caller's facts stay as they are
	for _, leak := range []string{"1a2b", "5e6f", "9999", "16505230", "gpu01", "alice", "bob", "pw@", "hush", "10.1.2.3", "192.168", "fd00", "corp.example", "ABCD:", "12345678", "2b:3c", hexID[:12]} {
		assert.Assert(t, !strings.Contains(b.String(), leak), "%s is in %s", leak, b.String())
	}
	r, err := Replay(&b)
	assert.NilError(t, err)

	const a, bb, mig = "00000001-0000-0000-0000-000000000000", "00000002-0000-0000-0000-000000000000", "MIG-00000003-0000-0000-0000-000000000000"
	assert.Equal(t, r.Name, "host1")
	assert.Equal(t, r.GPUs[0].UUID, "GPU-"+a)
	assert.Equal(t, r.GPUs[1].UUID, "GPU-"+bb)
	assert.Equal(t, r.GPUs[1].MIG.Devices[0].UUID, mig)
	assert.Equal(t, r.GPUs[0].Serial, "0000000000001")
	// Equal things are equal wherever they stand.
	assert.DeepEqual(t, r.CDI.Specs[0].Devices, []string{"0", "GPU-" + a, "all"})
	assert.DeepEqual(t, r.Engine.Containers[0].GPUs, []string{"nvidia.com/gpu=GPU-" + a, "GPU-00000002", "GPU-00000001", "GPU-xxxxxxxx", mig})
	assert.DeepEqual(t, r.Engine.Swarm.GPUs, []string{"NVIDIA-GPU=GPU-" + bb})
	assert.Equal(t, r.Kernel.Log[0].Text, "NVRM: GPU at PCI:0000:65:00: GPU-"+a+" on host1 serial 0000000000001")
	assert.Equal(t, r.GPUs[0].Processes[0].Container, r.Engine.Containers[0].ID)
	assert.Equal(t, len(r.Engine.Containers[0].ID), 64)
	assert.Equal(t, r.Unread["nvml"], "host1 at mac1 says no")
	assert.Equal(t, r.Engine.Endpoint, "ssh://endpoint1")
	assert.DeepEqual(t, r.Engine.Args, []string{"dockerd", "-H", "tcp://address1:2376", "-H", "unix:///home/user1/docker.sock"})
	// What is no secret stays: checks judge by it.
	assert.Equal(t, r.OS.Version, "24.04")
	assert.Equal(t, r.GPUs[0].PCI, "0000:65:00.0")
	assert.Equal(t, r.GPUs[0].VBIOS, "96.00.99.00.01")
	assert.Equal(t, r.Engine.Containers[1].Image, "nvcr.io/nvidia/pytorch:26.10-py3")
	assert.Equal(t, r.Engine.Containers[2].Image, "ubuntu")
	assert.Assert(t, strings.HasSuffix(r.Engine.Containers[0].Image, ".example/team/train:1"), r.Engine.Containers[0].Image)
	assert.Equal(t, r.Toolkit.Repositories[0].URI, "https://nvidia.github.io/libnvidia-container")
	var config map[string]any
	assert.NilError(t, json.Unmarshal([]byte(r.Engine.Config), &config), r.Engine.Config)
	assert.Assert(t, strings.Contains(r.Engine.Config, `"127.0.0.1"`))

	var again bytes.Buffer
	assert.NilError(t, Record(&again, r, true))
	twice, err := Replay(&again)
	assert.NilError(t, err)
	assert.DeepEqual(t, twice.GPUs, r.GPUs)
}

// A host's name may be a word of the field; replaced everywhere it would change the facts.
func TestAPlainHostName(t *testing.T) {
	for _, name := range []string{"nvidia", "gpu", "ubuntu", "ab", "Docker"} {
		h := host.Host{Name: name, CDI: host.CDI{Specs: []host.CDISpec{{Kind: "nvidia.com/gpu"}}}, Engine: host.Engine{Runtimes: map[string]string{"nvidia": "x"}}}
		Redact(&h)
		assert.Equal(t, h.Name, "host1")
		assert.Equal(t, h.CDI.Specs[0].Kind, "nvidia.com/gpu")
		assert.DeepEqual(t, h.Engine.Runtimes, map[string]string{"nvidia": "x"})
	}
}

func TestReplayRefuses(t *testing.T) {
	var whole bytes.Buffer
	assert.NilError(t, Record(&whole, telling(), true))
	for name, c := range map[string]struct{ in, want string }{
		"nothing":        {" \n", "it is empty"},
		"cut":            {whole.String()[:whole.Len()/2], fmt.Sprintf("it is cut off after %d bytes: record the host again, or copy the file anew", whole.Len()/2)},
		"cut in a text":  {`{"schemaVersion": 1, "name": "ab`, "it is cut off after 32 bytes"},
		"older":          {`{"schemaVersion": 0}`, "it has schema version 0 and this docker gpu reads 1: use the docker gpu that wrote it, or record the host again"},
		"newer":          {`{"schemaVersion": 2, "name": {}}`, "it has schema version 2"},
		"odd version":    {`{"schemaVersion": 1.5}`, "it has schema version 1.5"},
		"text version":   {`{"schemaVersion": "x"}`, "it has no schemaVersion"},
		"something else": {`{"findings": []}`, "it has no schemaVersion: is it a file of `docker gpu doctor --record`?"},
		"a list":         {`[1]`, "it is not a JSON object"},
		"no JSON":        {"\x7fELF\x00", "byte 0: invalid character '\\x7f' looking for beginning of value"},
		"two":            {`{"schemaVersion": 1}{}`, "more follows its end at byte 20"},
		"another type":   {`{"schemaVersion": 1, "gpus": [{"index": "first"}]}`, "gpus.index is a string there, which it cannot be"},
		"a bad time":     {`{"schemaVersion": 1, "taken": "yesterday\u001b[2J"}`, "cannot parse"},
		"deep":           {`{"schemaVersion": 1, "x": ` + strings.Repeat("[", 100000) + strings.Repeat("]", 100000) + "}", "it is nested deeper than 32 at byte"},
		"large":          {`{"schemaVersion": 1, "name": "` + strings.Repeat("x", mostRecording) + `"}`, "it is larger than 16 MiB"},
	} {
		t.Run(name, func(t *testing.T) {
			h, err := Replay(strings.NewReader(c.in))
			assert.ErrorContains(t, err, "the recording cannot be used: ")
			assert.ErrorContains(t, err, c.want)
			assert.DeepEqual(t, h, host.Host{})
			assert.Equal(t, printable(err.Error(), false), err.Error())
			assert.Assert(t, len(err.Error()) < 500)
		})
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error)  { return 0, errors.New("input/output error") }
func (broken) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

func TestADiskThatFails(t *testing.T) {
	_, err := Replay(broken{})
	assert.ErrorContains(t, err, "input/output error")
	assert.ErrorContains(t, Record(broken{}, host.Host{}, false), "no space left on device")
}

func TestHostileTexts(t *testing.T) {
	h, err := Replay(strings.NewReader(`{"schemaVersion": 1, "name": "a\u001b]0;x\u0007b\nc\u202ed` + "\xff" + `", "os": {"id": "` + strings.Repeat("é", 5000) + `"},
		"engine": {"config": "{\n\t\u001b[2J}"}, "unread": {"k\u001bey": "v\u0000"}, "gpus": [{"errors": {"x\u009b": "y"}}], "unknown": {"later": [1]}}`))
	assert.NilError(t, err)
	assert.Equal(t, h.Name, "a\ufffd]0;x\ufffdb c\ufffdd\ufffd")
	assert.Assert(t, len(h.OS.ID) <= mostString+len("…") && strings.HasSuffix(h.OS.ID, "é…"))
	assert.Equal(t, h.Engine.Config, "{\n\t\ufffd[2J}")
	assert.DeepEqual(t, h.Unread, map[string]string{"k\ufffdey": "v\ufffd"})
	assert.DeepEqual(t, h.GPUs[0].Errors, map[string]string{"x\ufffd": "y"})
}

// Thousands of texts, as a hostile kernel log or a file of 16 MiB can hold.
func TestRedactionOfMuch(t *testing.T) {
	h := host.Host{SchemaVersion: 1, Name: "box7"}
	for i := range 5000 {
		h.Kernel.Log = append(h.Kernel.Log, host.LogLine{Text: fmt.Sprintf("NVRM: GPU-%08x-0000-0000-0000-000000000001 at 10.%d.%d.9 on box7", i+100, i/250, i%250)})
	}
	start := time.Now()
	Redact(&h)
	assert.Assert(t, time.Since(start) < time.Minute, time.Since(start))
	assert.Equal(t, h.Kernel.Log[1].Text, "NVRM: GPU-00000002-0000-0000-0000-000000000000 at address2 on host1")
}

func FuzzReplay(f *testing.F) {
	var b bytes.Buffer
	assert.NilError(f, Record(&b, telling(), true))
	f.Add(b.Bytes())
	f.Add([]byte(`{"schemaVersion": 1}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := Replay(bytes.NewReader(data))
		if err != nil {
			return
		}
		var out bytes.Buffer
		assert.NilError(t, Record(&out, h, true))
		_, err = Replay(&out)
		assert.NilError(t, err)
	})
}
