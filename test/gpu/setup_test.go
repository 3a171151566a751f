//go:build gpu

package gpu

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/test/counting"
)

// toolkit are the programs that a package would bring.
var toolkit = []string{"nvidia-ctk", "nvidia-cdi-hook"}

// TestSetup takes a machine with a driver and an engine that has no configuration at all to
// a proven GPU container, with a container that counts all the while; then takes it back.
func TestSetup(t *testing.T) {
	for name, c := range map[string]struct {
		// brought says that the toolkit's programs come by --toolkit-path, after dockerd has
		// started: --gpus then works from its next start on, CDI devices at once.
		brought bool
		routes  string
	}{
		"the_toolkit_is_there":          {false, "--gpus all"},
		"the_toolkit_comes_by_a_folder": {true, "--device nvidia.com/gpu=all"},
	} {
		t.Run(name, func(t *testing.T) {
			b := theMachine(t)
			folder := b.plain(t, c.brought)
			before := files(t)
			counter := counting.Start(t, docker, "hostroot")

			args := []string{"setup", "--skip", "driver,docker,hooks"}
			if c.brought {
				args = append(args, "--toolkit-path", folder)
			}
			_, code := b.run(t, b.plugin, append(args, "--dry-run")...)
			assert.Equal(t, code, 0)
			assert.DeepEqual(t, files(t), before) // a dry run writes nothing
			start := time.Now()
			_, code = b.run(t, b.plugin, append(args, "-y")...)
			assert.Equal(t, code, 0)
			t.Logf("setup took %.2f s, its proof with it", time.Since(start).Seconds())

			out, err := exec.Command("docker", append(append([]string{"run", "--rm", "--network", "none"}, strings.Fields(c.routes)...), "hostroot", "nvidia-smi", "-L")...).CombinedOutput()
			t.Logf("$ docker run %s hostroot nvidia-smi -L\n%s", c.routes, out)
			assert.NilError(t, err)
			if !c.brought {
				_, _, code = b.smoke(t)
				assert.Equal(t, code, 0)
			}

			start = time.Now()
			out2, code := b.run(t, b.plugin, append(args, "-y")...)
			assert.Equal(t, code, 0)
			took := time.Since(start)
			t.Logf("a second setup took %.2f s", took.Seconds())
			assert.Assert(t, strings.Contains(out2, "othing to do"), out2)
			assert.Assert(t, took < time.Second, took)

			_, code = b.run(t, b.plugin, "setup", "history")
			assert.Equal(t, code, 0)
			_, code = b.run(t, b.plugin, "setup", "rollback", "-y")
			assert.Equal(t, code, 0)
			assert.DeepEqual(t, files(t), before)
			counter.Check(t)
		})
	}
}

// plain starts the engine without a configuration and without a CDI spec. It returns the
// folder that has the toolkit; where that is brought later, dockerd's PATH has none of it.
func (b *bench) plain(t *testing.T, brought bool) string {
	t.Helper()
	spec, err := os.ReadFile(b.spec)
	assert.NilError(t, err)
	assert.NilError(t, os.Remove(b.spec))
	t.Cleanup(func() {
		assert.NilError(t, os.WriteFile(b.spec, spec, 0o644))
		b.stop(t)
		b.restart(t, os.Getenv("PATH"), nil)
	})
	bin, folder := filepath.Join(b.dir, "bin"), filepath.Join(b.dir, "bin")
	if brought {
		folder = t.TempDir()
		for _, name := range toolkit {
			assert.NilError(t, os.Rename(filepath.Join(bin, name), filepath.Join(folder, name)))
			t.Cleanup(func() { assert.NilError(t, os.Rename(filepath.Join(folder, name), filepath.Join(bin, name))) })
		}
	}
	b.stop(t)
	b.start(t, os.Getenv("PATH"), "--host", os.Getenv("DOCKER_HOST"), "--data-root", filepath.Join(b.dir, "data"), "--exec-root", filepath.Join(b.dir, "exec"),
		"--pidfile", filepath.Join(b.dir, "pid"), "--exec-opt", "native.cgroupdriver=cgroupfs", "--feature", "containerd-snapshotter=false",
		"--iptables=false", "--ip6tables=false", "--bridge=none", "--userland-proxy=false")
	return folder
}

// files is what setup might change: the content, mode and owner of each file.
func files(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, top := range []string{"/etc/cdi", "/etc/docker", "/etc/nvidia-container-runtime", "/var/run/cdi", "/usr/bin", "/usr/local/bin", "/root/.docker"} {
		err := filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return nil
			}
			info, err := d.Info()
			if err != nil {
				return err
			}
			sum := ""
			if info.Mode().IsRegular() && (top != "/usr/bin" || strings.HasPrefix(d.Name(), "nvidia")) {
				data, err := os.ReadFile(path)
				if err != nil {
					return err
				}
				sum = fmt.Sprintf("%x", sha256.Sum256(data))
			}
			all[path] = fmt.Sprint(info.Mode(), " ", sum)
			return nil
		})
		assert.NilError(t, err)
	}
	return all
}

// docker is the client's answer, for a container that counts while the machine is set up.
func docker(args ...string) (string, error) {
	out, err := exec.Command("docker", args...).Output()
	return string(out), err
}
