package engine

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

func TestWhichGPUsAContainerHasAndHow(t *testing.T) {
	const cdiDevices, none = "nvidia.com/gpu=all", ""
	for name, c := range map[string]struct {
		hostConfig string
		env        []string
		version    string
		devices    string
		gpus       []string
		route      string
	}{
		"none":                       {`{"Runtime":"runc"}`, nil, "29.7.2", cdiDevices, nil, ""},
		"an image that names GPUs":   {`{"Runtime":"runc"}`, []string{"NVIDIA_VISIBLE_DEVICES=all"}, "29.7.2", none, nil, ""},
		"--gpus all, old engine":     {`{"DeviceRequests":[{"Count":-1,"Capabilities":[["gpu"]]}]}`, nil, "29.1.4", cdiDevices, []string{"all"}, "hook"},
		"--gpus all, new engine":     {`{"DeviceRequests":[{"Count":-1,"Capabilities":[["gpu"]]}]}`, nil, "29.2.0", cdiDevices, []string{"all"}, ""},
		"--gpus all, new, no spec":   {`{"DeviceRequests":[{"Count":-1,"Capabilities":[["gpu"]]}]}`, nil, "29.7.2", none, []string{"all"}, "hook"},
		"--gpus all, moby's own":     {`{"DeviceRequests":[{"Count":-1,"Capabilities":[["gpu"]]}]}`, nil, "2.0.0-beta.24", cdiDevices, []string{"all"}, ""},
		"--gpus 2":                   {`{"DeviceRequests":[{"Count":2,"Capabilities":[["compute","gpu"]]}]}`, nil, "27.0.3", none, []string{"2"}, "hook"},
		"--gpus 0":                   {`{"DeviceRequests":[{"Count":0,"Capabilities":[["gpu"]]}]}`, nil, "27.0.3", none, nil, ""},
		"--gpus device=":             {`{"DeviceRequests":[{"Driver":"nvidia","DeviceIDs":["GPU-1","1"],"Capabilities":[["gpu"]]}]}`, nil, "27.0.3", none, []string{"GPU-1", "1"}, "hook"},
		"--gpus driver=nvidia.cdi":   {`{"DeviceRequests":[{"Driver":"nvidia.cdi","Count":-1,"Capabilities":[["gpu"]]}]}`, nil, "29.7.2", cdiDevices, []string{"all"}, "cdi"},
		"--gpus driver=hook":         {`{"DeviceRequests":[{"Driver":"nvidia.runtime-hook","Count":-1,"Capabilities":[["gpu"]]}]}`, nil, "29.7.2", cdiDevices, []string{"all"}, "hook"},
		"--device":                   {`{"DeviceRequests":[{"Driver":"cdi","DeviceIDs":["nvidia.com/gpu=0","vendor.com/net=1"]}]}`, nil, "29.7.2", cdiDevices, []string{"nvidia.com/gpu=0"}, "cdi"},
		"another vendor's":           {`{"DeviceRequests":[{"Driver":"cdi","DeviceIDs":["amd.com/gpu=0"]}]}`, nil, "29.7.2", none, nil, ""},
		"another driver's":           {`{"DeviceRequests":[{"Driver":"amd","Count":1,"Capabilities":[["gpu"]]}]}`, nil, "29.7.2", none, nil, ""},
		"a request for no GPU":       {`{"DeviceRequests":[{"Count":1,"Capabilities":[["tpu"]]}]}`, nil, "29.7.2", none, nil, ""},
		"a CDI name as device":       {`{"Devices":[{"PathOnHost":"nvidia.com/gpu=1"}]}`, nil, "25.0.0", none, []string{"nvidia.com/gpu=1"}, "cdi"},
		"a node by hand":             {`{"Devices":[{"PathOnHost":"/dev/nvidia0"},{"PathOnHost":"/dev/fuse"}]}`, nil, "29.7.2", none, []string{"/dev/nvidia0"}, ""},
		"the runtime":                {`{"Runtime":"nvidia"}`, []string{"A=b", "NVIDIA_VISIBLE_DEVICES=0, GPU-2"}, "29.7.2", none, []string{"0", "GPU-2"}, "runtime"},
		"the runtime without GPUs":   {`{"Runtime":"nvidia"}`, []string{"NVIDIA_VISIBLE_DEVICES=void"}, "29.7.2", none, nil, ""},
		"a task of Swarm":            {`{"Runtime":"nvidia"}`, []string{"NVIDIA_VISIBLE_DEVICES=void", "DOCKER_RESOURCE_NVIDIA-GPU=GPU-7"}, "29.7.2", none, []string{"GPU-7"}, "runtime"},
		"a request with the runtime": {`{"Runtime":"nvidia","DeviceRequests":[{"Count":1,"Capabilities":[["gpu"]]}]}`, []string{"NVIDIA_VISIBLE_DEVICES=all"}, "28.0.0", none, []string{"1"}, "hook"},
	} {
		t.Run(name, func(t *testing.T) {
			var h container.HostConfig
			assert.NilError(t, json.Unmarshal([]byte(c.hostConfig), &h))
			f := &host.Engine{Version: c.version}
			if c.devices != "" {
				f.CDIDevices = []string{c.devices}
			}
			gpus, route := asksFor(&h, environment(c.env), f)
			assert.DeepEqual(t, gpus, c.gpus)
			assert.Equal(t, route, c.route)
		})
	}
}

func TestAContainerInTheWordsOfTheSchema(t *testing.T) {
	var c container.InspectResponse
	assert.NilError(t, json.Unmarshal([]byte(`{"Id":"abc","Name":"/train","State":{"Status":"exited","ExitCode":128,"Error":"could not select device driver","StartedAt":"2026-11-24T10:00:00.5Z"},
		"HostConfig":{"DeviceRequests":[{"Driver":"cdi","DeviceIDs":["nvidia.com/gpu=all"]}],"ShmSize":67108864,"IpcMode":"host","RestartPolicy":{"Name":"unless-stopped"},"Ulimits":[{"Name":"nofile","Hard":1},{"Name":"memlock","Soft":-1,"Hard":-1}]},
		"Config":{"Image":"torch:1","Env":["NVIDIA_DRIVER_CAPABILITIES=compute,utility","CUDA_VERSION=13.0.1","TOKEN=secret"],
		"Labels":{"com.docker.compose.service":"train","com.docker.compose.project":"lab","io.github.dockergpu.cuda":"13.0","other":"x"}}}`), &c))
	got := inspected{all: []container.InspectResponse{c, {}}}.withGPU(&host.Engine{})
	assert.DeepEqual(t, got, []host.Container{{
		ID: "abc", Name: "train", Image: "torch:1", State: "exited", Exit: 128, Error: "could not select device driver",
		Started: time.Date(2026, 11, 24, 10, 0, 0, 500000000, time.UTC), Restart: "unless-stopped", Route: "cdi", GPUs: []string{"nvidia.com/gpu=all"},
		Service: "train", Project: "lab", Shm: 64 << 20, Capabilities: "compute,utility", IPC: "host", Memlock: -1,
		Env:    map[string]string{"NVIDIA_DRIVER_CAPABILITIES": "compute,utility", "CUDA_VERSION": "13.0.1"},
		Labels: map[string]string{"io.github.dockergpu.cuda": "13.0"},
	}})
}

func TestAContainerThatNeverRan(t *testing.T) {
	var c container.InspectResponse
	assert.NilError(t, json.Unmarshal([]byte(`{"Id":"abc","State":{"Status":"created","StartedAt":"0001-01-01T00:00:00Z"},"Config":{},
		"HostConfig":{"IpcMode":"private","RestartPolicy":{"Name":"no"},"Devices":[{"PathOnHost":"/dev/nvidiactl"}]}}`), &c))
	got := inspected{all: []container.InspectResponse{c}}.withGPU(&host.Engine{})
	assert.DeepEqual(t, got, []host.Container{{ID: "abc", State: "created", GPUs: []string{"/dev/nvidiactl"}}})
}

func TestEnginesThatGiveGPUsByTheHookOnly(t *testing.T) {
	for version, want := range map[string]bool{"20.10.24": true, "28.5.2": true, "29.1.4": true, "29.2.0": false, "30.0.0": false, "2.0.0-beta.24": false, "dev": false, "": false} {
		assert.Equal(t, beforeCDI(version), want, version)
	}
}
