package probe

import (
	"fmt"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// redacted is what becomes of a text that a machine says, beside a host's name.
func redacted(t *testing.T, text string) string {
	t.Helper()
	h := host.Host{Name: "gpu01.corp.example.com", Unread: map[string]string{"x": text}, GPUs: []host.GPU{{UUID: uuidA, Serial: "1650523012345"}, {UUID: uuidB}}}
	Redact(&h)
	for _, v := range h.Unread {
		return v
	}
	return ""
}

// What names a machine, its owner or its network goes; what tells of a fault stays.
func TestTextsThatAreRedacted(t *testing.T) {
	for in, want := range map[string]string{
		"gpu01 does not answer":                          "host1 does not answer",
		"gpu01.corp.example.com does not answer":         "host1 does not answer",
		"gpu012 and mygpu01 are others":                  "gpu012 and mygpu01 are others",
		"at 10.1.2.3 and 10.1.2.3, then 192.168.0.1":     "at address1 and address1, then address2",
		"127.0.0.1 and 0.0.0.0 and ::1 stay":             "127.0.0.1 and 0.0.0.0 and ::1 stay",
		"fe80::1a2b:3cff:fe4d:5e6f says":                 "address1 says",
		"link 00:1a:2b:3c:4d:5e is down":                 "link mac1 is down",
		uuidA + " fell off":                              "GPU-00000001-0000-0000-0000-000000000000 fell off",
		"GPU-5e6f7081 fell off":                          "GPU-00000002 fell off",
		strings.ToUpper(uuidA) + " too":                  "GPU-00000001-0000-0000-0000-000000000000 too",
		"serial 1650523012345":                           "serial 0000000000001",
		"/home/alice/x and /home/bob/y":                  "/home/user1/x and /home/user2/y",
		"/Users/alice/x":                                 "/Users/user1/x",
		"tcp://alice:secret@10.0.0.7:2376 refused":       "tcp://address1:2376 refused",
		"https://registry.corp.example.com:5000/v2":      "https://server1:5000/v2",
		"https://user:pw@proxy.example.com:3128":         "https://server1:3128",
		"mirror.lan says no":                             "server1 says no",
		"pull nvcr.io/nvidia/cuda:13.0 failed":           "pull nvcr.io/nvidia/cuda:13.0 failed",
		"see docs.docker.com and nvidia.github.io":       "see docs.docker.com and nvidia.github.io",
		"token=abcdef123456 in args":                     "token=redacted in args",
		"--registry-password=hunter2":                    "--registry-password=redacted",
		"NGC_API_KEY=nvapi-xyz, next":                    "NGC_API_KEY=redacted, next",
		`{"splunk-token": "hush", "tag": "x"}`:           `{"splunk-token": "redacted", "tag": "x"}`,
		"container " + hexID + " ended":                  "",
		"0000:65:00.0 is lost":                           "0000:65:00.0 is lost",
		"Xid (PCI:0000:65:00): 79":                       "Xid (PCI:0000:65:00): 79",
		"driver 580.65.06, library 575.57.08":            "driver 580.65.06, library 575.57.08",
		"vbios 96.00.BC.00.01":                           "vbios 96.00.BC.00.01",
		"unix:///var/run/docker.sock: permission denied": "unix:///var/run/docker.sock: permission denied",
		"12:34:56 in the morning":                        "12:34:56 in the morning",
		"":                                               "",
		"ab":                                             "ab",
	} {
		got := redacted(t, in)
		if want == "" && in != "" { // an id: another one of the same length
			assert.Assert(t, got != in && len(got) == len(in) && strings.HasSuffix(got, " ended"), got)
			continue
		}
		assert.Equal(t, got, want)
	}
}

// Twice redacted is once redacted.
func TestRedactionOfARedactedHost(t *testing.T) {
	h := telling()
	Redact(&h)
	again, err := clone(h)
	assert.NilError(t, err)
	Redact(&again)
	assert.DeepEqual(t, again.GPUs, h.GPUs)
	assert.DeepEqual(t, again.CDI, h.CDI)
	assert.Equal(t, again.Kernel.Log[0].Text, h.Kernel.Log[0].Text)
}

func TestEndpointsAndContexts(t *testing.T) {
	for in, want := range map[string]string{
		"unix:///var/run/docker.sock": "unix:///var/run/docker.sock", "unix:///run/user/1000/docker.sock": "unix:///run/user/1000/docker.sock", "unix:///home/alice/.docker/desktop/docker.sock": "unix:///home/user1/.docker/desktop/docker.sock",
		"npipe:////./pipe/docker_engine": "npipe:////./pipe/docker_engine", "ssh://alice@box": "ssh://endpoint1", "tcp://10.0.0.1:2376": "tcp://endpoint1", "box": "endpoint1", "": "",
	} {
		h := host.Host{Engine: host.Engine{Endpoint: in}}
		Redact(&h)
		assert.Equal(t, h.Engine.Endpoint, want)
	}
	for in, want := range map[string]string{"default": "default", "desktop-linux": "desktop-linux", "rootless": "rootless", "alice-box": "context1", "": ""} {
		h := host.Host{Context: in}
		Redact(&h)
		assert.Equal(t, h.Context, want)
	}
}

func TestImagesOfPrivateRegistries(t *testing.T) {
	for in, want := range map[string]string{
		"ubuntu": "ubuntu", "library/ubuntu:24.04": "library/ubuntu:24.04", "nvcr.io/nvidia/pytorch:26.10-py3": "nvcr.io/nvidia/pytorch:26.10-py3", "ghcr.io/a/b": "ghcr.io/a/b", "docker.io/a/b:1": "docker.io/a/b:1",
		"registry.corp.example.com:5000/team/train:1": "registry1.example/team/train:1", "localhost:5000/x": "registry1.example/x", "box:5000/x": "registry1.example/x",
	} {
		h := host.Host{Engine: host.Engine{Containers: []host.Container{{Image: in}}}}
		Redact(&h)
		assert.Equal(t, h.Engine.Containers[0].Image, want)
	}
}

// Ubuntu names a machine's own key for modules by the machine.
func TestSignersAreRedacted(t *testing.T) {
	for in, want := range map[string]string{
		"gpu01 Secure Boot Module Signature key": "host2 Secure Boot Module Signature key", "box9 Secure Boot Module Signature key": "host2 Secure Boot Module Signature key",
		"Canonical Ltd. Kernel Module Signing": "Canonical Ltd. Kernel Module Signing", "DKMS module signing key": "DKMS module signing key", "": "",
	} {
		h := host.Host{Name: "gpu01.corp.example.com", Kernel: host.Kernel{Installed: []host.InstalledKernel{{Release: "6.8", Signer: in}}}}
		Redact(&h)
		assert.Equal(t, h.Kernel.Installed[0].Signer, want)
	}
}

func TestWordsAreReplacedWhereTheyStandAlone(t *testing.T) {
	for in, want := range map[string]string{
		"box": "X", "box.": "X.", "(box)": "(X)", "a box b": "a X b", "boxes": "boxes", "mybox": "mybox", "box-1": "box-1", "box_1": "box_1", "box1": "box1", "box/box": "X/X", "boxbox box": "boxbox X", "": "",
	} {
		assert.Equal(t, replaceWord(in, "box", "X"), want, in)
	}
	assert.Equal(t, replaceWord("ab ab", "ab", "X"), "ab ab") // too short to be a name
	assert.Equal(t, replaceWord("same", "same", "same"), "same")
}

// No text of a host is forgotten: each is redacted where it can name somebody.
func TestEveryTextIsLookedAt(t *testing.T) {
	var h host.Host
	n := 0
	texts(&h, func(string, string) string { n++; return "" })
	fields := map[string]bool{}
	full := telling()
	texts(&full, func(field, s string) string { fields[field] = true; return s })
	for _, field := range []string{"name", "context", "kernel.cmdline", "kernel.log.text", "gpus.uuid", "gpus.processes.container", "engine.config", "engine.args", "engine.runtimes", "engine.swarm.gpus", "unread", "cdi.specs.path"} {
		assert.Assert(t, fields[field], "%s is not looked at", field)
	}
}

func TestCleanTexts(t *testing.T) {
	for in, want := range map[string]string{
		"plain": "plain", "tab\there": "tab here", "line\nend\r\n": "line end  ", "bell\a": "bell\ufffd", "esc\x1b[31m": "esc\ufffd[31m", "C1 \u009b31m": "C1 \ufffd31m", "bidi \u202e": "bidi \ufffd", "zero\u200bwidth": "zero\ufffdwidth",
		"bad \xff\xfe": "bad \ufffd", "é 世界 🙂": "é 世界 🙂", "\u2028": "\ufffd", "\x00": "\ufffd", "\x7f": "\ufffd",
	} {
		assert.Equal(t, printable(in, false), want, "%q", in)
	}
	assert.Equal(t, printable("a\n\tb\r\x1b", true), "a\n\tb \ufffd")
	for most, want := range map[int]string{0: "…", 1: "…", 2: "é…", 3: "é…", 4: "éé", 100: "éé"} {
		assert.Equal(t, cut("éé", most), want, fmt.Sprint(most))
	}
}

func FuzzRedact(f *testing.F) {
	f.Add("gpu01 at 10.1.2.3 with " + uuidA)
	f.Add(`{"token": "x"}`)
	f.Fuzz(func(t *testing.T, text string) {
		h := host.Host{Name: "gpu01", Context: text, Unread: map[string]string{text: text}, Engine: host.Engine{Endpoint: text, Config: text, Containers: []host.Container{{Image: text}}}}
		Redact(&h)
		Clean(&h)
		if strings.Contains(h.Engine.Config, "\x1b") {
			t.Fatal(h.Engine.Config)
		}
	})
}
