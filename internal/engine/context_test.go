package engine

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/docker/cli/cli/command"
	"github.com/docker/cli/cli/config/configfile"
	"github.com/docker/cli/cli/context/docker"
	"github.com/docker/cli/cli/context/store"
	"gotest.tools/v3/assert"
)

// contexts is a store with contexts at addresses.
func contexts(t *testing.T, addresses map[string]string) store.Store {
	t.Helper()
	s := store.New(t.TempDir(), command.DefaultContextStoreConfig())
	for name, address := range addresses {
		assert.NilError(t, s.CreateOrUpdate(store.Metadata{Name: name, Endpoints: map[string]any{docker.DockerEndpoint: docker.EndpointMeta{Host: address}}}))
	}
	return s
}

func TestContextsAreOpenedByName(t *testing.T) {
	s := contexts(t, map[string]string{"here": "unix:///run/user/1000/docker.sock", "there": "ssh://me@server", "tcp": "tcp://localhost:2375"})
	config := &configfile.ConfigFile{HTTPHeaders: map[string]string{"X-A": "b"}}
	for name, local := range map[string]bool{"here": true, "there": false, "tcp": false} {
		e, err := OpenContext(s, config, name)
		assert.NilError(t, err, name)
		assert.Equal(t, e.Local, local, name)
		assert.NilError(t, e.API.Close())
	}
	e, err := OpenContext(s, config, "there")
	assert.NilError(t, err)
	assert.Equal(t, e.Endpoint(), "ssh://me@server", "not the made-up address that the client dials")
	names, err := Contexts(s)
	assert.NilError(t, err)
	assert.DeepEqual(t, names, []string{"here", "tcp", "there"})
}

func TestContextsThatCannotBeOpened(t *testing.T) {
	s := contexts(t, map[string]string{"a": "unix:///a"})
	assert.NilError(t, s.CreateOrUpdate(store.Metadata{Name: "odd"}))
	_, err := OpenContext(s, &configfile.ConfigFile{}, "nosuch")
	unknown, ok := errors.AsType[*UnknownContextError](err)
	assert.Assert(t, ok)
	assert.DeepEqual(t, unknown.Known, []string{"a", "odd"})
	assert.Error(t, err, `there is no Docker context "nosuch"; the contexts are a, odd`)
	_, err = OpenContext(s, &configfile.ConfigFile{}, "odd")
	assert.ErrorContains(t, err, `the Docker context "odd" names no engine`)
}

func TestVersionOfTheClient(t *testing.T) {
	bin := t.TempDir()
	docker := filepath.Join(bin, "docker")
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	t.Setenv(original, "")
	for script, want := range map[string]string{
		`echo "Docker version 29.7.2, build abc"`:  "29.7.2",
		`echo "Docker version 28.5.2-rc.1, build"`: "28.5.2-rc.1",
		`echo "podman version 5.6.0"`:              "",
		`exit 3`:                                   "",
		`echo "Docker version 29.7.2"; exit 1`:     "",
		`sleep 60`:                                 "",
	} {
		assert.NilError(t, os.WriteFile(docker, []byte("#!/bin/sh\n"+script+"\n"), 0o755))
		assert.Equal(t, ClientVersion(t.Context()), want, script)
	}
	// The one that called us, not the first on the path.
	other := filepath.Join(t.TempDir(), "mine")
	assert.NilError(t, os.WriteFile(other, []byte("#!/bin/sh\necho Docker version 30.0.0, build x\n"), 0o755))
	t.Setenv(original, other)
	assert.Equal(t, ClientVersion(t.Context()), "30.0.0")
	t.Setenv(original, filepath.Join(bin, strings.Repeat("no", 5)))
	assert.Equal(t, ClientVersion(t.Context()), "")
}
