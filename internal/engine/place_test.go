package engine

import (
	"testing"

	"gotest.tools/v3/assert"
)

func TestPlace(t *testing.T) {
	d := &daemon{answers: map[string]string{"GET /info": `200 {"OSType":"linux","Architecture":"aarch64","KernelVersion":"6.8.0-1\u001b","OperatingSystem":"Docker Desktop",
		"DockerRootDir":"/data","Runtimes":{"nvidia":{}}}`}}
	p, err := d.engine(t).Place(t.Context())
	assert.NilError(t, err)
	assert.DeepEqual(t, p, Place{OS: "linux", Arch: "arm64", Kernel: "6.8.0-1 ", Kind: "desktop", Root: "/data", GPUs: &Route{Runtime: true}})

	d = &daemon{answers: map[string]string{"GET /info": `500 {"message":"starting up"}`}}
	_, err = d.engine(t).Place(t.Context())
	assert.ErrorContains(t, err, "the engine does not answer: ")
	assert.ErrorContains(t, err, "starting up")
}

func TestTags(t *testing.T) {
	d := &daemon{answers: map[string]string{"GET /images/json": `200 [{"RepoTags":["docker-gpu-worker:b","other:1"]},{"RepoTags":["localhost/docker-gpu-worker:a"]},
		{"RepoTags":null},{"RepoTags":["docker-gpu-worker-not:1"]}]`}}
	tags, err := d.engine(t).Tags(t.Context(), "docker-gpu-worker")
	assert.NilError(t, err)
	assert.DeepEqual(t, tags, []string{"docker-gpu-worker:a", "docker-gpu-worker:b"})
	assert.Equal(t, len(d.calls), 1)
	assert.Equal(t, d.calls[0], `GET /images/json?filters=%7B%22reference%22%3A%7B%22docker-gpu-worker%22%3Atrue%7D%7D`)
	d = &daemon{answers: map[string]string{"GET /images/json": `500 {"message":"broken"}`}}
	_, err = d.engine(t).Tags(t.Context(), "docker-gpu-worker")
	assert.ErrorContains(t, err, "broken")
}
