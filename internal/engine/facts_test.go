package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/docker/cli/cli/config/configfile"
	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

const (
	healthyInfo = `200 {"ID":"abc","ServerVersion":"29.7.2","OperatingSystem":"Ubuntu 24.04 LTS","Architecture":"x86_64","Driver":"overlayfs",
		"DriverStatus":[["driver-type","io.containerd.snapshotter.v1"]],"DockerRootDir":"/var/lib/docker","ContainersRunning":2,
		"Runtimes":{"runc":{"path":"runc"},"io.containerd.runc.v2":{"runtimeType":"io.containerd.runc.v2"},"nvidia":{"path":"nvidia-container-runtime"}},
		"DefaultRuntime":"runc","CgroupDriver":"systemd","CgroupVersion":"2","LiveRestoreEnabled":true,
		"SecurityOptions":["name=apparmor","name=seccomp,profile=builtin","name=cgroupns"],
		"CDISpecDirs":["/etc/cdi","/var/run/cdi"],"DiscoveredDevices":[{"Source":"cdi","ID":"nvidia.com/gpu=0"},{"Source":"dra","ID":"x"},{"Source":"cdi","ID":"nvidia.com/gpu=all"}],
		"Swarm":{"NodeID":"n1","LocalNodeState":"active","ControlAvailable":true},"Warnings":["WARNING: No swap limit support"]}`
	healthyVersion = `200 {"Version":"29.7.2","ApiVersion":"1.55","Os":"linux","Arch":"amd64","Components":[{"Name":"Engine","Version":"29.7.2"},{"Name":"runc","Version":"1.5.2"}]}`
	healthyNode    = `200 {"ID":"n1","Description":{"Resources":{"GenericResources":[{"NamedResourceSpec":{"Kind":"NVIDIA-GPU","Value":"GPU-1"}},{"DiscreteResourceSpec":{"Kind":"SSD","Value":2}}]}}}`
)

// healthy are the answers of an engine without containers, some of them changed.
func healthy(change map[string]string) map[string]string {
	answers := map[string]string{"GET /info": healthyInfo, "GET /version": healthyVersion, "GET /nodes/n1": healthyNode, "GET /containers/json": `200 []`}
	maps.Copy(answers, change)
	return answers
}

func TestFactsOfAHealthyEngine(t *testing.T) {
	d := &daemon{answers: healthy(nil)}
	e := d.engine(t)
	e.config.SetPluginConfig("gpu", "error-hooks", "run,compose")
	e.config.Features = map[string]string{"hooks": "true"}
	e.endpoint = "unix:///var/run/docker.sock"
	assert.DeepEqual(t, e.Facts(t.Context()), host.Engine{
		Version: "29.7.2", API: "1.55", ID: "abc", OS: "Ubuntu 24.04 LTS", Arch: "amd64", Endpoint: "unix:///var/run/docker.sock", Kind: "docker",
		Store: "containerd", Root: "/var/lib/docker",
		Runtimes:       map[string]string{"runc": "runc", "io.containerd.runc.v2": "io.containerd.runc.v2", "nvidia": "nvidia-container-runtime"},
		DefaultRuntime: "runc", RuncVersion: "1.5.2", CgroupDriver: "systemd", CgroupVersion: "2", LiveRestore: true,
		CDIDirs: []string{"/etc/cdi", "/var/run/cdi"}, CDIDevices: []string{"nvidia.com/gpu=0", "nvidia.com/gpu=all"},
		Warnings: []string{"WARNING: No swap limit support"}, Security: []string{"name=apparmor", "name=seccomp,profile=builtin", "name=cgroupns"},
		Running: 2, Swarm: host.Swarm{State: "active", Manager: true, GPUs: []string{"NVIDIA-GPU=GPU-1", "SSD=2"}},
		Hooks: map[string]string{"error-hooks": "run,compose", "features.hooks": "true"},
	})
}

func TestKindsOfEngines(t *testing.T) {
	info := func(rest string) string { return `200 {"ID":"abc","ServerVersion":"28.0.0",` + rest + `}` }
	for name, c := range map[string]struct {
		info, version string
		want          host.Engine
	}{
		"Docker Desktop": {info: info(`"OperatingSystem":"Docker Desktop"`), want: host.Engine{Kind: "desktop", OS: "Docker Desktop"}},
		"snap":           {info: info(`"DockerRootDir":"/var/snap/docker/common/var-lib-docker"`), want: host.Engine{Kind: "snap", Root: "/var/snap/docker/common/var-lib-docker"}},
		"podman":         {info: info(`"OperatingSystem":"fedora"`), version: `200 {"Version":"5.6.0","Components":[{"Name":"Podman Engine","Version":"5.6.0"}]}`, want: host.Engine{Kind: "podman", OS: "fedora", Version: "5.6.0"}},
		"rootless": {info: info(`"Driver":"overlay2","SecurityOptions":["name=seccomp,profile=builtin","name=rootless"]`),
			want: host.Engine{Kind: "docker", Store: "overlay2", Rootless: true, Security: []string{"name=seccomp,profile=builtin", "name=rootless"}}},
		"userns":        {info: info(`"SecurityOptions":["name=userns"]`), want: host.Engine{Kind: "docker", UserNS: true, Security: []string{"name=userns"}}},
		"swarm worker":  {info: info(`"Swarm":{"NodeID":"n1","LocalNodeState":"active"},"GenericResources":[{"DiscreteResourceSpec":{"Kind":"GPU","Value":4}}]`), want: host.Engine{Kind: "docker", Swarm: host.Swarm{State: "active", GPUs: []string{"GPU=4"}}}},
		"arm":           {info: info(`"Architecture":"aarch64"`), version: `200 {"Version":"28.0.0"}`, want: host.Engine{Kind: "docker", Arch: "arm64"}},
		"hostile names": {info: info(`"OperatingSystem":"\u001b[2Jx\u009b1m` + strings.Repeat("y", 1000) + `"`), want: host.Engine{Kind: "docker", OS: " [2Jx 1m" + strings.Repeat("y", 192) + "…"}},
	} {
		t.Run(name, func(t *testing.T) {
			if c.version == "" {
				c.version = `200 {"Version":"28.0.0"}`
			}
			d := &daemon{answers: healthy(map[string]string{"GET /info": c.info, "GET /version": c.version})}
			got := d.engine(t).Facts(t.Context())
			if c.want.Version == "" {
				c.want.Version = "28.0.0"
			}
			c.want.Endpoint, c.want.ID = got.Endpoint, "abc"
			assert.DeepEqual(t, got, c.want)
			assert.Equal(t, d.asked("GET /nodes/n1"), 0, "only a manager may ask for a node")
		})
	}
}

// An engine that ends, hangs or talks nonsense costs what it did not say, and nothing hangs.
func TestAnEngineThatDiesInTheMiddle(t *testing.T) {
	for name, c := range map[string]struct {
		change  map[string]string
		says    string
		version string
		store   string
	}{
		"at once":             {map[string]string{"HEAD /_ping": "hang"}, "did not answer in time", "", ""},
		"info hangs":          {map[string]string{"GET /info": "hang"}, "did not answer in time", "29.7.2", ""},
		"info dies":           {map[string]string{"GET /info": "die"}, "EOF", "29.7.2", ""},
		"info is no JSON":     {map[string]string{"GET /info": "200 <html>"}, "invalid character", "29.7.2", ""},
		"version fails":       {map[string]string{"GET /version": `500 {"message":"on \u001b[31mfire"}`}, "on  [31mfire", "29.7.2", "containerd"},
		"list fails":          {map[string]string{"GET /containers/json": `500 {"message":"no"}`}, "no", "29.7.2", "containerd"},
		"a node hangs":        {map[string]string{"GET /nodes/n1": "hang"}, "", "29.7.2", "containerd"},
		"an inspection fails": {map[string]string{"GET /containers/json": `200 [{"Id":"c9"}]`, "GET /containers/c9/json": `500 {"message":"broken"}`}, "container c9 cannot be inspected", "29.7.2", "containerd"},
		"an inspection dies":  {map[string]string{"GET /containers/json": `200 [{"Id":"c9"}]`, "GET /containers/c9/json": "die"}, "EOF", "29.7.2", "containerd"},
		"one is gone":         {map[string]string{"GET /containers/json": `200 [{"Id":"c9"}]`, "GET /containers/c9/json": `404 {"message":"No such container"}`}, "", "29.7.2", "containerd"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			begun := time.Now()
			got := (&daemon{answers: healthy(c.change)}).engine(t).Facts(ctx)
			assert.Assert(t, time.Since(begun) < 20*time.Second)
			assert.Assert(t, (c.says == "") == (got.Error == "") && strings.Contains(got.Error, c.says), "%q is not in %q", c.says, got.Error)
			assert.Equal(t, got.Version, c.version)
			assert.Equal(t, got.Store, c.store)
			assert.Assert(t, !strings.ContainsAny(got.Error, "\x1b\n"), "%q", got.Error)
		})
	}
}

func TestNoEngineAtAll(t *testing.T) {
	e := (&daemon{}).engine(t)
	assert.NilError(t, e.API.Close())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	got := e.Facts(ctx)
	assert.Assert(t, got.Error != "" && got.Version == "" && got.Endpoint != "", "%+v", got)
}

// A thousand containers of which two have a GPU; the ones that run are asked first.
func TestFactsOfALargeEngine(t *testing.T) {
	list := []map[string]any{}
	answers := map[string]string{}
	for i := range 1000 {
		id, state := fmt.Sprintf("c%d", i), "exited"
		config := `{"Runtime":"runc"}`
		if i == 999 || i == 3 {
			config = `{"DeviceRequests":[{"Driver":"cdi","DeviceIDs":["nvidia.com/gpu=0"]}]}`
		}
		if i == 999 {
			state = "running"
		}
		list = append(list, map[string]any{"Id": id, "State": state})
		answers["GET /containers/"+id+"/json"] = `200 {"Id":"` + id + `","Name":"/n` + id + `","State":{"Status":"` + state + `"},"Config":{"Image":"i"},"HostConfig":` + config + `}`
	}
	data, err := json.Marshal(list)
	assert.NilError(t, err)
	answers["GET /containers/json"] = "200 " + string(data)
	e := (&daemon{answers: healthy(answers)}).engine(t)
	e.Local = true
	begun := time.Now()
	got := e.Facts(t.Context())
	assert.Equal(t, got.Error, "")
	assert.Equal(t, got.Skipped, 0, "within %s", time.Since(begun))
	assert.Equal(t, len(got.Containers), 2)
	assert.Equal(t, got.Containers[0].ID, "c999")
	t.Logf("1000 containers in %s", time.Since(begun))
}

func TestContainersThatTakeTooLongAreCounted(t *testing.T) {
	d := &daemon{answers: healthy(map[string]string{
		"GET /containers/json":    `200 [{"Id":"c1","State":"exited"},{"Id":"c2","State":"running"},{"Id":"c3","State":"exited"}]`,
		"GET /containers/c2/json": `200 {"Id":"c2","Name":"/a","Config":{},"HostConfig":{"DeviceRequests":[{"Driver":"cdi","DeviceIDs":["nvidia.com/gpu=0"]}]}}`,
		"GET /containers/c1/json": "hang", "GET /containers/c3/json": "hang",
	})}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	got := d.engine(t).Facts(ctx)
	assert.Equal(t, got.Skipped, 2)
	assert.Equal(t, got.Error, "", "too many containers are no failure of the engine")
	assert.Equal(t, len(got.Containers), 1)
}

func TestHooksOfTheClient(t *testing.T) {
	assert.Assert(t, hooks(nil) == nil)
	assert.Assert(t, hooks(&configfile.ConfigFile{}) == nil)
	assert.Assert(t, hooks(&configfile.ConfigFile{Features: map[string]string{"hooks": "true"}, Plugins: map[string]map[string]string{"other": {"hooks": "build"}}}) == nil, "others' hooks")
	c := &configfile.ConfigFile{Features: map[string]string{"hooks": "false"}, Plugins: map[string]map[string]string{"gpu": {"hooks": "run"}, "other": {"hooks": "build"}}}
	assert.DeepEqual(t, hooks(c), map[string]string{"hooks": "run", "features.hooks": "false"})
}

func TestClean(t *testing.T) {
	for in, want := range map[string]string{"": "", "a\tb\nc": "a b c", "\x1b[1m": " [1m", "a\xffb": "a?b", "a\u009bb": "a b", "aöü€": "aöü…", "abcdef": "abcdef", "abcdefg": "abcdef…"} {
		assert.Equal(t, clean(in, 6), want, "%q", in)
	}
}
