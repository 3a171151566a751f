package probe

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

const goodSpec = `---
cdiVersion: 0.7.0
kind: nvidia.com/gpu
devices:
  - name: "0"
    containerEdits:
      deviceNodes:
        - path: /dev/nvidia0
          major: 195
          minor: 0
      additionalGids: [44]
  - name: all
    containerEdits:
      deviceNodes:
        - path: /dev/nvidia0
        - path: /dev/inside
          hostPath: /dev/nvidia-gone
containerEdits:
  deviceNodes:
    - path: /dev/nvidia-uvm
      major: 511
  hooks:
    - hookName: createContainer
      path: /usr/bin/nvidia-cdi-hook
      args: [nvidia-cdi-hook, update-ldcache]
    - hookName: createContainer
      path: /usr/bin/nvidia-cdi-hook
  mounts:
    - hostPath: /usr/lib/libcuda.so.580.65.06
      containerPath: /usr/lib/libcuda.so.580.65.06
    - hostPath: /usr/lib/libnvidia-ml.so.580.65.06
      containerPath: /x
    - hostPath: /usr/lib/libother.so.570.1.2
      containerPath: /y
`

func number(n int) *int { return &n }

func TestASpec(t *testing.T) {
	m := fake(t, files{
		"var/run": "→/run", "run/cdi/nvidia.yaml": goodSpec,
		"dev/nvidia0": "", "dev/nvidia-uvm": "", "usr/bin/nvidia-cdi-hook": "", "usr/lib/libcuda.so.580.65.06": "",
	})
	h := one(t, m, readCDI)
	assert.DeepEqual(t, h.CDI, host.CDI{Dirs: []string{"/var/run/cdi"}, Specs: []host.CDISpec{{
		Path: "/var/run/cdi/nvidia.yaml", Schema: "0.7.0", Kind: "nvidia.com/gpu", Changed: moment,
		Devices: []string{"0", "all"}, DriverVersion: "580.65.06", Fields: []string{"additionalGids"},
		Paths: []host.CDIPath{
			{Path: "/usr/lib/libcuda.so.580.65.06", Use: "mount"}, {Path: "/usr/lib/libnvidia-ml.so.580.65.06", Use: "mount", Missing: true},
			{Path: "/usr/lib/libother.so.570.1.2", Use: "mount", Missing: true}, {Path: "/usr/bin/nvidia-cdi-hook", Use: "hook"},
		},
		Nodes: []host.CDINode{
			{Path: "/dev/nvidia-uvm", Major: number(511)}, {Path: "/dev/nvidia0", Device: "0", Major: number(195), Minor: number(0)},
			{Path: "/dev/nvidia0", Device: "all"}, {Path: "/dev/nvidia-gone", Device: "all", Missing: true},
		},
	}}})
	assert.Equal(t, len(h.Unread), 0)
}

func TestBrokenSpecs(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"no YAML":      {"a: [\n", "yaml: "},
		"another form": {"devices: 7\n", "yaml: "},
		"a text":       {"hello", "yaml: "},
		"empty":        {"", "it has no cdiVersion"},
		"no version":   {"kind: a/b\n", "it has no cdiVersion"},
		"no kind":      {"cdiVersion: 0.5.0\n", "it has no kind"},
		"half a kind":  {"cdiVersion: 0.5.0\nkind: nvidia.com\n", `its kind "nvidia.com" is not VENDOR/CLASS`},
		"no devices":   {"cdiVersion: 0.5.0\nkind: a/b\n", "it defines no devices"},
		"twice":        {"cdiVersion: 0.5.0\nkind: a/b\ndevices: [{name: x}, {name: x}]\n", `it defines device "x" twice`},
		"too large":    {strings.Repeat("#", mostSpec+1), "it is too large"},
		"negative":     {"cdiVersion: 0.5.0\nkind: a/b\ndevices: [{name: x, containerEdits: {deviceNodes: [{path: /p, major: many}]}}]\n", "yaml: "},
	} {
		t.Run(name, func(t *testing.T) {
			h := one(t, fake(t, files{"etc/cdi/a.yaml": c.text}), readCDI)
			assert.Equal(t, len(h.CDI.Specs), 1)
			assert.Assert(t, strings.Contains(h.CDI.Specs[0].Error, c.want), h.CDI.Specs[0].Error)
			assert.Assert(t, !strings.Contains(h.CDI.Specs[0].Error, "\n"))
		})
	}
}

// An alias that names itself over and over makes gigabytes of some lines.
func TestASpecThatGrows(t *testing.T) {
	var b strings.Builder
	b.WriteString("cdiVersion: 0.5.0\nkind: a/b\nx0: &x0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n")
	for i := range 20 {
		fmt.Fprintf(&b, "x%d: &x%d [*x%d, *x%d, *x%d, *x%d, *x%d, *x%d, *x%d, *x%d]\n", i+1, i+1, i, i, i, i, i, i, i, i)
	}
	b.WriteString("devices: *x20\n")
	h := one(t, fake(t, files{"etc/cdi/a.yaml": b.String()}), readCDI)
	assert.Assert(t, h.CDI.Specs[0].Error != "")
	deep := strings.Repeat("[", 20000)
	h = one(t, fake(t, files{"etc/cdi/a.json": deep}), readCDI)
	assert.Assert(t, h.CDI.Specs[0].Error != "")
}

func TestWhichFilesAreSpecs(t *testing.T) {
	h := one(t, fake(t, files{
		"etc/cdi/b.json": `{"cdiVersion": "0.5.0", "kind": "nvidia.com/gpu", "devices": [{"name": "0"}]}`,
		"etc/cdi/a.yaml": "cdiVersion: 0.5.0\nkind: a/b\ndevices: [{name: x}]\n", "etc/cdi/c.yml": "x", "etc/cdi/d.yaml.bak": "x", "etc/cdi/e.yaml/": "",
	}), readCDI)
	var got []string
	for _, s := range h.CDI.Specs {
		got = append(got, s.Path+" "+strings.Join(s.Devices, ",")+" "+s.Error)
	}
	assert.DeepEqual(t, got, []string{"/etc/cdi/a.yaml x ", "/etc/cdi/b.json 0 ", "/etc/cdi/e.yaml  /etc/cdi/e.yaml is not a regular file"})
	assert.DeepEqual(t, one(t, fake(t, nil), readCDI), host.Host{})
}

func TestTheEnginesOwnFolders(t *testing.T) {
	spec := "cdiVersion: 0.5.0\nkind: a/b\ndevices: [{name: x}]\n"
	for name, tree := range map[string]files{
		"file": {"etc/docker/daemon.json": `{"cdi-spec-dirs": ["/opt/cdi"]}`},
		"flag": process(5, systemd+"--cdi-spec-dir\x00/opt/cdi\x00", ""),
	} {
		t.Run(name, func(t *testing.T) {
			h := one(t, fake(t, with(tree, files{"opt/cdi/a.yaml": spec, "etc/cdi/b.yaml": spec})), readCDI)
			assert.DeepEqual(t, h.CDI.Dirs, []string{"/opt/cdi"})
			assert.Equal(t, len(h.CDI.Specs), 1)
		})
	}
}

func TestAMultitudeOfSpecs(t *testing.T) {
	tree := files{}
	for i := range mostSpecs + 10 {
		tree[fmt.Sprintf("etc/cdi/%d.yaml", i)] = "x: 1"
	}
	assert.Equal(t, len(one(t, fake(t, tree), readCDI).CDI.Specs), mostSpecs)
	var b strings.Builder
	b.WriteString("cdiVersion: 0.5.0\nkind: a/b\ncontainerEdits:\n  mounts:\n")
	for i := range mostEdits + 10 {
		fmt.Fprintf(&b, "  - hostPath: /%d\n", i)
	}
	assert.Equal(t, len(one(t, fake(t, files{"etc/cdi/a.yaml": b.String()}), readCDI).CDI.Specs[0].Paths), mostEdits)
}

// Root may read what we may not: that is no broken spec.
func TestASpecThatOnlyRootReads(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root reads everything")
	}
	m := fake(t, files{"etc/cdi/a.yaml": goodSpec})
	assert.NilError(t, os.Chmod(filepath.Join(string(m.root), "etc/cdi/a.yaml"), 0))
	h := one(t, m, readCDI)
	assert.Equal(t, len(h.CDI.Specs), 0)
	assert.DeepEqual(t, h.Unread, map[string]string{"cdi /etc/cdi/a.yaml": "/etc/cdi/a.yaml cannot be read: run with sudo"})
}

func FuzzSpec(f *testing.F) {
	f.Add([]byte(goodSpec))
	f.Add([]byte("a: &a [*a]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		m := fake(t, files{"etc/cdi/a.yaml": string(data)})
		s, err := m.spec("/etc/cdi/a.yaml")
		assert.NilError(t, err)
		assert.Assert(t, len(s.Error) < 1000)
	})
}
