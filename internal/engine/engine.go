// Package engine is the Docker API as this project uses it: what an engine can
// do, taking images in, and running a short worker container safely.
package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/docker/cli/cli/command"
	"github.com/docker/cli/cli/config/configfile"
	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/system"
	"github.com/moby/moby/client"
	"github.com/moby/moby/client/pkg/jsonmessage"
)

// Label marks containers and images that this project made.
const Label = "io.github.dockergpu.worker"

// Engine is a Docker Engine.
type Engine struct {
	API    client.APIClient
	config *configfile.ConfigFile
	// Local says that it runs on this machine, so this machine's GPUs are its GPUs.
	Local bool
	// endpoint is its address as the context names it; a client's own may be made up.
	endpoint string
}

// Open takes the engine of the CLI's current context.
func Open(cli command.Cli) *Engine {
	api := cli.Client()
	host := api.DaemonHost()
	return &Engine{API: api, config: cli.ConfigFile(), Local: socket(host)}
}

// Route is how an engine gives its GPUs to a container.
type Route struct {
	// CDI are the device names that the engine discovered, "nvidia.com/gpu=all".
	CDI []string
	// Runtime says that the engine has the nvidia runtime.
	Runtime bool
}

// GPUs says whether and how the engine has NVIDIA GPUs.
func (e *Engine) GPUs(ctx context.Context) (*Route, error) {
	res, err := e.API.Info(ctx, client.InfoOptions{})
	if err != nil {
		return nil, fmt.Errorf("the engine does not answer: %w", err)
	}
	return route(res.Info), nil
}

func route(info system.Info) *Route {
	var r Route
	for _, d := range info.DiscoveredDevices {
		if d.Source == "cdi" && strings.HasPrefix(d.ID, "nvidia.com/gpu=") {
			r.CDI = append(r.CDI, d.ID)
		}
	}
	_, r.Runtime = info.Runtimes["nvidia"]
	if len(r.CDI) == 0 && !r.Runtime {
		return nil
	}
	return &r
}

func (r *Route) requests() []container.DeviceRequest {
	if len(r.CDI) == 0 {
		return []container.DeviceRequest{{Driver: "nvidia", Count: -1, Capabilities: [][]string{{"gpu"}}}}
	}
	ids := r.CDI
	if i := slices.IndexFunc(ids, func(id string) bool { return strings.HasSuffix(id, "=all") }); i >= 0 {
		ids = ids[i : i+1]
	}
	return []container.DeviceRequest{{Driver: "cdi", DeviceIDs: ids}}
}

// Load takes an image archive, as `docker load` does.
func (e *Engine) Load(ctx context.Context, archive io.Reader) error {
	resp, err := e.API.ImageLoad(ctx, archive, client.ImageLoadWithQuiet(true))
	if err != nil {
		return fmt.Errorf("the engine does not take the image: %w", err)
	}
	defer resp.Close()
	if err := jsonmessage.DisplayJSONMessagesStream(resp, io.Discard, 0, false, nil); err != nil {
		return fmt.Errorf("the engine does not take the image: %w", err)
	}
	return nil
}

// ImageID is the ID of an image by name.
func (e *Engine) ImageID(ctx context.Context, image string) (string, error) {
	res, err := e.API.ImageInspect(ctx, image)
	return res.ID, err
}

// Remove removes an image name; one that is not there is no error.
func (e *Engine) Remove(ctx context.Context, image string) error {
	_, err := e.API.ImageRemove(ctx, image, client.ImageRemoveOptions{PruneChildren: true})
	if err != nil && strings.Contains(err.Error(), "No such image") {
		return nil
	}
	return err
}

// Worker is a container that runs one command and ends.
type Worker struct {
	Image   string
	Command []string
	Env     []string
	GPUs    *Route // nil: none
}

// Run runs a worker to its end and returns what it wrote to standard output.
// The container has no network, a read-only root, no capability, and is removed
// also when ctx is cancelled.
func (e *Engine) Run(ctx context.Context, w Worker) (_ []byte, err error) {
	host := &container.HostConfig{
		NetworkMode: "none", ReadonlyRootfs: true, CapDrop: []string{"ALL"},
		SecurityOpt: []string{"no-new-privileges"},
		Tmpfs:       map[string]string{"/tmp": "mode=1777"},
		ShmSize:     1 << 30,
	}
	if w.GPUs != nil {
		host.DeviceRequests = w.GPUs.requests()
	}
	created, err := e.API.ContainerCreate(ctx, client.ContainerCreateOptions{
		Config: &container.Config{
			Image: w.Image, Entrypoint: w.Command[:1], Cmd: w.Command[1:], Env: w.Env,
			Labels: map[string]string{Label: "verify"},
		},
		HostConfig: host,
	})
	if err != nil {
		return nil, fmt.Errorf("the verification container cannot be created: %w", err)
	}
	defer func() {
		rm, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
		defer cancel()
		_, rmErr := e.API.ContainerRemove(rm, created.ID, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
		err = errors.Join(err, rmErr)
	}()
	attached, err := e.API.ContainerAttach(ctx, created.ID, client.ContainerAttachOptions{Stream: true, Stdout: true, Stderr: true})
	if err != nil {
		return nil, err
	}
	defer attached.Close()
	wait := e.API.ContainerWait(ctx, created.ID, client.ContainerWaitOptions{Condition: container.WaitConditionNextExit})
	if _, err := e.API.ContainerStart(ctx, created.ID, client.ContainerStartOptions{}); err != nil {
		return nil, fmt.Errorf("the verification container cannot start: %w", err)
	}
	var stdout, stderr bytes.Buffer
	read := make(chan error, 1)
	go func() { _, err := stdcopy.StdCopy(&stdout, &stderr, attached.Reader); read <- err }()
	select {
	case err := <-wait.Error:
		return nil, err
	case status := <-wait.Result:
		<-read
		if status.StatusCode != 0 {
			return nil, fmt.Errorf("the verification container exited with code %d: %s", status.StatusCode, last(stderr.String()))
		}
		return stdout.Bytes(), nil
	}
}

func last(text string) string {
	text = strings.TrimSpace(text)
	if i := strings.LastIndexByte(text, '\n'); i >= 0 {
		return text[i+1:]
	}
	return text
}
