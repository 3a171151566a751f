package probe

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v4"
	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// schemas are specs as toolkits of their time wrote them, by schema, with the fields that
// came with it.
func schemas() map[string]struct {
	spec   string
	fields []string
} {
	type s = struct {
		spec   string
		fields []string
	}
	return map[string]s{
		"0.3.0": {`{cdiVersion: 0.3.0, kind: nvidia.com/gpu, devices: [{name: gpu0, containerEdits: {deviceNodes: [{path: /dev/nvidia0}]}}],
			containerEdits: {env: [NVIDIA_VISIBLE_DEVICES=void], mounts: [{hostPath: /usr/lib/libcuda.so.470.57.02, containerPath: /usr/lib/libcuda.so.470.57.02, options: [ro]}]}}`, nil},
		"0.4.0": {`{cdiVersion: 0.4.0, kind: nvidia.com/gpu, devices: [{name: gpu0, containerEdits: {}}], containerEdits: {mounts: [{hostPath: /tmp/x, containerPath: /x, type: tmpfs}]}}`, nil},
		"0.5.0": {`{cdiVersion: 0.5.0, kind: nvidia.com/gpu, devices: [{name: "0", containerEdits: {deviceNodes: [{path: /dev/nvidia0, hostPath: /dev/nvidia1, major: 195, minor: 1, fileMode: 438, permissions: rw}]}}],
			containerEdits: {hooks: [{hookName: createContainer, path: /usr/bin/nvidia-ctk, args: [nvidia-ctk, hook, create-symlinks], timeout: 5}]}}`, nil},
		"0.6.0": {`{cdiVersion: 0.6.0, kind: nvidia.com/gpu.mig, annotations: {a: b}, devices: [{name: "0", annotations: {c: d}, containerEdits: {}}]}`, []string{"annotations"}},
		"0.7.0": {`{cdiVersion: 0.7.0, kind: nvidia.com/gpu, devices: [{name: "0", containerEdits: {additionalGids: [44, 109]}}], containerEdits: {intelRdt: {closID: x}}}`, []string{"additionalGids", "intelRdt"}},
		"0.8.0": {`{cdiVersion: 0.8.0, kind: nvidia.com/gpu, devices: [{name: all, containerEdits: {deviceNodes: [{path: /dev/nvidiactl}]}}]}`, nil},
		"1.0.0": {`{cdiVersion: 1.0.0, kind: nvidia.com/gpu, devices: [{name: all, containerEdits: {deviceNodes: [{path: /dev/nvidiactl}]}}]}`, nil},
		"1.1.0": {`{cdiVersion: 1.1.0, kind: nvidia.com/gpu, devices: [{name: all, containerEdits: {netDevices: [{hostInterfaceName: eth1, name: eth1}]}}], containerEdits: {intelRdt: {schemata: ["L3:0=f"], enableMonitoring: true}}}`,
			[]string{"intelRdt", "netDevices", "schemata", "enableMonitoring"}},
		// One of the future is read as far as it is known.
		"9.0.0": {`{cdiVersion: 9.0.0, kind: nvidia.com/gpu, devices: [{name: all, later: {x: 1}, containerEdits: {deviceNodes: [{path: /dev/nvidiactl, new: yes}]}}], also: []}`, nil},
	}
}

func TestSpecsOfEverySchemaInYAMLAndJSON(t *testing.T) {
	for version, c := range schemas() {
		var tree any
		assert.NilError(t, yaml.Unmarshal([]byte(c.spec), &tree))
		asJSON, err := json.MarshalIndent(tree, "", "  ")
		assert.NilError(t, err)
		asYAML, err := yaml.Marshal(tree)
		assert.NilError(t, err)
		var first host.CDISpec
		for i, file := range []struct{ name, text string }{{"nvidia.yaml", c.spec}, {"nvidia.yaml", string(asYAML)}, {"nvidia.json", string(asJSON)}, {"nvidia.json", "\n" + strings.ReplaceAll(string(asJSON), "\n", "")}} {
			t.Run(fmt.Sprint(version, " ", i), func(t *testing.T) {
				h := one(t, fake(t, files{"etc/cdi/" + file.name: file.text, "dev/nvidia0": "", "dev/nvidia1": ""}), readCDI)
				assert.Equal(t, len(h.CDI.Specs), 1)
				s := h.CDI.Specs[0]
				assert.Equal(t, s.Error, "")
				assert.Equal(t, s.Schema, version)
				assert.DeepEqual(t, s.Fields, c.fields)
				s.Path = ""
				if i == 0 {
					first = s
				}
				assert.DeepEqual(t, s, first) // the form of the file does not matter
			})
		}
	}
}

func TestWhatASpecWants(t *testing.T) {
	all := schemas()
	read := func(version string) host.CDISpec {
		return one(t, fake(t, files{"etc/cdi/x.yaml": all[version].spec, "dev/nvidia0": "", "dev/nvidia1": ""}), readCDI).CDI.Specs[0]
	}
	old := read("0.3.0")
	assert.Equal(t, old.DriverVersion, "470.57.02")
	assert.DeepEqual(t, old.Paths, []host.CDIPath{{Path: "/usr/lib/libcuda.so.470.57.02", Use: "mount", Missing: true}})
	five := read("0.5.0")
	assert.DeepEqual(t, five.Nodes, []host.CDINode{{Path: "/dev/nvidia1", Device: "0", Major: number(195), Minor: number(1)}})
	assert.DeepEqual(t, five.Paths, []host.CDIPath{{Path: "/usr/bin/nvidia-ctk", Use: "hook", Missing: true}})
	assert.DeepEqual(t, read("1.0.0").Nodes, []host.CDINode{{Path: "/dev/nvidiactl", Device: "all", Missing: true}})
}

// What YAML makes of a version is not always a text.
func TestVersionsThatYAMLReadsOtherwise(t *testing.T) {
	for text, want := range map[string]string{
		"cdiVersion: \"0.5.0\"": "0.5.0", "cdiVersion: v0.5.0": "v0.5.0", "cdiVersion: 0.5": "0.5", "cdiVersion: 1": "1", "cdiVersion: !!str 1.0": "1.0", "cdiVersion: true": "true",
	} {
		h := one(t, fake(t, files{"etc/cdi/a.yaml": text + "\nkind: a/b\ndevices: [{name: x}]\n"}), readCDI)
		assert.Equal(t, h.CDI.Specs[0].Schema, want, text)
		assert.Equal(t, h.CDI.Specs[0].Error, "", text)
	}
}

func TestSpecsOfMIGAndOfSeveralGPUs(t *testing.T) {
	var b strings.Builder
	b.WriteString("cdiVersion: 0.5.0\nkind: nvidia.com/gpu\ndevices:\n")
	var want []string
	for gpu := range 8 {
		for part := range 7 {
			name := fmt.Sprintf("%d:%d", gpu, part)
			want = append(want, name)
			fmt.Fprintf(&b, "  - name: \"%s\"\n    containerEdits:\n      deviceNodes:\n        - path: /dev/nvidia%d\n        - path: /dev/nvidia-caps/nvidia-cap%d\n          major: 508\n          minor: %d\n", name, gpu, 10*gpu+part, 10*gpu+part)
		}
	}
	s := one(t, fake(t, files{"var/run/cdi/nvidia.yaml": b.String()}), readCDI).CDI.Specs[0]
	assert.DeepEqual(t, s.Devices, want)
	assert.Equal(t, len(s.Nodes), 8*7*2)
	assert.Equal(t, *s.Nodes[len(s.Nodes)-1].Minor, 76)
}

// The libraries' names tell the driver; a mount of something else does not.
func TestTheDriverOfASpec(t *testing.T) {
	for want, mounts := range map[string][]string{
		"580.65.06":  {"/usr/lib/libcuda.so.580.65.06", "/usr/lib/libnvidia-ml.so.580.65.06", "/usr/lib/libold.so.470.57.02"},
		"580.65":     {"/usr/lib/libcuda.so.580.65"},
		"":           {"/usr/lib/libcuda.so.1", "/usr/lib/libc.so.6", "/usr/share/x.so.580.65.06.bak", "/usr/lib/libcudart.so.13.0.48"},
		"580.159.04": {"/a.so.580.159.04", "/b.so.580.105.08"}, // as many: the one that sorts last, each time
	} {
		var b strings.Builder
		b.WriteString("cdiVersion: 0.5.0\nkind: a/b\ndevices: [{name: x}]\ncontainerEdits:\n  mounts:\n")
		for _, m := range mounts {
			b.WriteString("  - {hostPath: " + m + ", containerPath: " + m + "}\n")
		}
		assert.Equal(t, one(t, fake(t, files{"etc/cdi/a.yaml": b.String()}), readCDI).CDI.Specs[0].DriverVersion, want)
	}
}

// Paths in a spec are the host's: links are followed in its root, and lead no further.
func TestPathsOfASpecBelowARoot(t *testing.T) {
	spec := "cdiVersion: 0.5.0\nkind: a/b\ndevices: [{name: x}]\ncontainerEdits:\n  mounts:\n"
	for _, p := range []string{"/link/lib.so", "/../../../../etc/passwd", "/loop", "/dangling", "relative", "/closed/x"} {
		spec += "  - {hostPath: \"" + p + "\", containerPath: /x}\n"
	}
	m := fake(t, files{"etc/cdi/a.yaml": spec, "link": "→/real", "real/lib.so": "", "loop": "→/loop", "dangling": "→/gone", "relative": ""})
	missing := map[string]bool{}
	for _, p := range one(t, m, readCDI).CDI.Specs[0].Paths {
		missing[p.Path] = p.Missing
	}
	// A loop is not certainly missing: whoever mounts it finds out.
	assert.DeepEqual(t, missing, map[string]bool{"/link/lib.so": false, "/../../../../etc/passwd": true, "/loop": false, "/dangling": true, "relative": false, "/closed/x": true})
}

func TestHostileSpecs(t *testing.T) {
	devices := "cdiVersion: 0.5.0\nkind: a/b\ndevices:\n"
	for i := range mostMembers + 500 {
		devices += fmt.Sprintf("- {name: d%d, containerEdits: {deviceNodes: [{path: /dev/a}, {path: /dev/b}, {path: /dev/c}]}}\n", i)
	}
	s := one(t, fake(t, files{"etc/cdi/a.yaml": devices}), readCDI).CDI.Specs[0]
	assert.Equal(t, len(s.Devices), mostMembers)
	assert.Equal(t, len(s.Nodes), mostEdits)
	for name, text := range map[string]string{
		"an anchor of itself":  "a: &a [*a]\n",
		"merge keys":           "a: &a {x: 1}\nb: {<<: *a, <<: *a}\ncdiVersion: 0.5.0\n",
		"a tag":                "!!python/object/apply:os.system [\"true\"]\n",
		"two documents":        "cdiVersion: 0.5.0\n---\nkind: a/b\n",
		"binary":               "\x00\x01\x02\xff",
		"UTF-16":               "\xff\xfec\x00d\x00i\x00",
		"numbers for names":    "cdiVersion: 0.5.0\nkind: a/b\ndevices: [{name: 0}, {name: 0x0}]\n",
		"deep":                 strings.Repeat("a: {", 5000),
		"a device of no kind":  "cdiVersion: 0.5.0\nkind: a/b\ndevices: [x]\n",
		"nodes of no kind":     "cdiVersion: 0.5.0\nkind: a/b\ndevices: [{name: x, containerEdits: {deviceNodes: {path: y}}}]\n",
		"a list of nothing":    "cdiVersion: 0.5.0\nkind: a/b\ndevices: [~, ~]\ncontainerEdits: {deviceNodes: [~], mounts: [~], hooks: [~]}\n",
		"escapes in the error": "\x1b[2J: [\n",
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			h := one(t, fake(t, files{"etc/cdi/a.yaml": text}), readCDI)
			assert.Assert(t, time.Since(start) < 10*time.Second)
			assert.Equal(t, len(h.CDI.Specs)+len(h.Unread), 1, "%v", h.Unread)
			for _, s := range h.CDI.Specs {
				assert.Assert(t, !strings.Contains(s.Error, "\n") && len(s.Error) < 500, s.Error)
			}
		})
	}
}

// A folder that may not be opened is named, one that is not there is no fault.
func TestFoldersOfSpecs(t *testing.T) {
	h := one(t, fake(t, files{"etc/cdi": "a file", "run/cdi/a.yaml": "x", "var/run": "→/run"}), readCDI)
	assert.DeepEqual(t, h.CDI.Dirs, []string{"/etc/cdi", "/var/run/cdi"})
	assert.Assert(t, strings.HasPrefix(h.Unread["cdi /etc/cdi"], "/etc/cdi cannot be read: "), "%v", h.Unread)
	if os.Getuid() == 0 {
		return // root reads everything
	}
	m := fake(t, files{"etc/cdi/a.yaml": "x"})
	dir := filepath.Join(string(m.root), "etc/cdi")
	assert.NilError(t, os.Chmod(dir, 0))
	t.Cleanup(func() { _ = os.Chmod(dir, 0o755) })
	assert.DeepEqual(t, one(t, m, readCDI).Unread, map[string]string{"cdi /etc/cdi": "/etc/cdi cannot be read: run with sudo"})
}
