// Package counting has a container that counts, for tests that have to show that nobody
// stopped it: it is the same process afterwards, and has counted on.
package counting

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"
)

// Docker runs the docker client and returns what it wrote to standard output.
type Docker func(args ...string) (string, error)

// Container is one that counts.
type Container struct {
	docker  Docker
	name    string
	process string
	first   int
}

// Start starts one, of an image that has sh and sleep; it is removed when the test ends.
func Start(t *testing.T, docker Docker, image string) *Container {
	t.Helper()
	c := &Container{docker: docker, name: "counter"}
	_, _ = docker("rm", "-f", c.name)
	_, err := docker("run", "-d", "--name", c.name, "--network", "none", image, "sh", "-c", "i=0; while :; do i=$((i+1)); echo $i; sleep 0.05; done")
	assert.NilError(t, err)
	t.Cleanup(func() { _, _ = docker("rm", "-f", c.name) })
	time.Sleep(300 * time.Millisecond)
	c.process, c.first, err = c.now()
	assert.NilError(t, err)
	return c
}

// now is the process, and how far it has counted.
func (c *Container) now() (process string, count int, err error) {
	out, err := c.docker("inspect", c.name)
	if err != nil {
		return "", 0, err
	}
	var all []struct {
		RestartCount int
		State        struct {
			Running   bool
			StartedAt string
			Pid       int
		}
	}
	if err := json.Unmarshal([]byte(out), &all); err != nil {
		return "", 0, err
	}
	s := all[0].State
	if !s.Running {
		return "", 0, fmt.Errorf("the container %s does not run any more", c.name)
	}
	if out, err = c.docker("logs", "--tail", "1", c.name); err != nil {
		return "", 0, err
	}
	count, err = strconv.Atoi(strings.TrimSpace(out))
	return fmt.Sprintf("%s, process %d, restarted %d times", s.StartedAt, s.Pid, all[0].RestartCount), count, err
}

// Check says that it never stopped.
func (c *Container) Check(t *testing.T) {
	t.Helper()
	time.Sleep(200 * time.Millisecond)
	process, count, err := c.now()
	assert.NilError(t, err)
	assert.Equal(t, process, c.process)
	t.Logf("the container counted from %d to %d: %s", c.first, count, process)
	assert.Assert(t, count > c.first+2, "it counted from %d to %d", c.first, count)
}
