package engine

import (
	"testing"

	"github.com/docker/cli/cli/command"
	"github.com/docker/cli/cli/config/configfile"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/system"
	"github.com/moby/moby/client"
	"gotest.tools/v3/assert"
)

func cdi(source string, ids ...string) (out []system.DeviceInfo) {
	for _, id := range ids {
		out = append(out, system.DeviceInfo{Source: source, ID: id})
	}
	return out
}

func TestRouteOfAnEngine(t *testing.T) {
	nvidia := map[string]system.RuntimeWithStatus{"runc": {}, "nvidia": {}}
	for name, c := range map[string]struct {
		info system.Info
		want *Route
	}{
		"CDI":            {system.Info{DiscoveredDevices: cdi("cdi", "nvidia.com/gpu=0", "nvidia.com/gpu=all")}, &Route{CDI: []string{"nvidia.com/gpu=0", "nvidia.com/gpu=all"}}},
		"runtime":        {system.Info{Runtimes: nvidia}, &Route{Runtime: true}},
		"both":           {system.Info{Runtimes: nvidia, DiscoveredDevices: cdi("cdi", "nvidia.com/gpu=0")}, &Route{CDI: []string{"nvidia.com/gpu=0"}, Runtime: true}},
		"neither":        {system.Info{Runtimes: map[string]system.RuntimeWithStatus{"runc": {}}}, nil},
		"other vendors":  {system.Info{DiscoveredDevices: cdi("cdi", "amd.com/gpu=all", "nvidia.com/gpud=all")}, nil},
		"other classes":  {system.Info{DiscoveredDevices: cdi("cdi", "nvidia.com/imex-channel=0", "runtime.nvidia.com/gpu=all")}, nil},
		"another source": {system.Info{DiscoveredDevices: cdi("dra", "nvidia.com/gpu=all")}, nil},
	} {
		t.Run(name, func(t *testing.T) { assert.DeepEqual(t, route(c.info), c.want) })
	}
}

func TestRequestsAskForEveryGPU(t *testing.T) {
	for name, c := range map[string]struct {
		route Route
		want  container.DeviceRequest
	}{
		// "all" beside single ones would hand each GPU over twice.
		"one for all": {Route{CDI: []string{"nvidia.com/gpu=0", "nvidia.com/gpu=all", "nvidia.com/gpu=GPU-1"}},
			container.DeviceRequest{Driver: "cdi", DeviceIDs: []string{"nvidia.com/gpu=all"}}},
		"one by one": {Route{CDI: []string{"nvidia.com/gpu=0", "nvidia.com/gpu=1"}},
			container.DeviceRequest{Driver: "cdi", DeviceIDs: []string{"nvidia.com/gpu=0", "nvidia.com/gpu=1"}}},
		"CDI before the runtime": {Route{CDI: []string{"nvidia.com/gpu=0"}, Runtime: true},
			container.DeviceRequest{Driver: "cdi", DeviceIDs: []string{"nvidia.com/gpu=0"}}},
		"runtime": {Route{Runtime: true},
			container.DeviceRequest{Driver: "nvidia", Count: -1, Capabilities: [][]string{{"gpu"}}}},
	} {
		t.Run(name, func(t *testing.T) {
			assert.DeepEqual(t, c.route.Requests(), []container.DeviceRequest{c.want})
		})
	}
}

func TestLastLine(t *testing.T) {
	for in, want := range map[string]string{
		"":                          "",
		"one":                       "one",
		"Traceback:\nOSError: no\n": "OSError: no",
		"end\n\n \n":                "end",
	} {
		assert.Equal(t, last(in), want, "%q", in)
	}
}

// at is a Docker CLI whose engine is at an address, as far as Open looks at it.
type at struct {
	command.Cli
	client.APIClient
	host string
}

func (c at) Client() client.APIClient           { return c }
func (c at) DaemonHost() string                 { return c.host }
func (c at) ConfigFile() *configfile.ConfigFile { return &configfile.ConfigFile{} }

func TestOnlyASocketIsThisMachine(t *testing.T) {
	for host, want := range map[string]bool{
		"unix:///var/run/docker.sock":    true,
		"npipe:////./pipe/docker_engine": true,
		"tcp://10.0.0.1:2375":            false,
		// The CLI's ssh:// contexts are dialled through a made-up address.
		"http://docker.example.com": false,
	} {
		assert.Equal(t, Open(at{host: host}).Local, want, host)
	}
}
