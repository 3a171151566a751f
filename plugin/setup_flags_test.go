package plugin

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/spf13/cobra"
	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/setup"
)

func TestSetupFlags(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"none":                  {nil, ""},
		"all":                   {[]string{"--only", "driver,docker,toolkit,runtime", "--driver-branch", "580", "--docker", "distro", "--toolkit-version", "1.20.1", "--nvidia-runtime", "--allow-restart", "-y"}, ""},
		"swarm and hold":        {[]string{"--swarm", "--hold", "--dry-run"}, ""},
		"a part":                {[]string{"--only", "drivr"}, `--only "drivr" is not one of driver, docker, toolkit, runtime, swarm, hooks, hold; did you mean "driver"?`},
		"a strange part":        {[]string{"--skip", "kubernetes"}, `--skip "kubernetes" is not one of driver, docker, toolkit, runtime, swarm, hooks, hold`},
		"no part":               {[]string{"--only", ""}, "--only names no part"},
		"both ways":             {[]string{"--only", "driver", "--skip", "driver"}, "--only and --skip both name driver"},
		"a format":              {[]string{"--format", "yaml"}, `--format "yaml" is not one of text, json`},
		"docker from":           {[]string{"--docker", "snap"}, `--docker "snap" is neither "docker" (Docker's own packages) nor "distro" (the distribution's)`},
		"a branch":              {[]string{"--driver-branch", "580.95"}, `--driver-branch "580.95" is no branch: they are numbers such as 580`},
		"an empty branch":       {[]string{"--driver-branch", ""}, `--driver-branch "" is no branch: they are numbers such as 580`},
		"a toolkit":             {[]string{"--toolkit-version", "1.20"}, `--toolkit-version "1.20" is no version: they look like 1.20.1`},
		"two toolkits":          {[]string{"--toolkit-path", "a", "--offline", "b"}, "--toolkit-path and --offline exclude each other: the toolkit comes as programs or as packages"},
		"programs of a version": {[]string{"--toolkit-path", "a", "--toolkit-version", "1.20.1"}, "--toolkit-path and --toolkit-version exclude each other: programs have the version that they have"},
		"a recording's plan":    {[]string{"--replay", "a", "--plan-out", "b"}, "--replay and --plan-out exclude each other: a recording is planned for to look at only"},
		"a recording's yes":     {[]string{"--replay", "a", "-y"}, "--replay and --yes exclude each other: a recording is planned for to look at only"},
		"resume":                {[]string{"--resume", "-y"}, ""},
		"resume otherwise":      {[]string{"--resume", "--swarm"}, "--resume goes on with what was planned: leave out --swarm"},
		"a skipped wish":        {[]string{"--skip", "driver", "--driver-branch", "580"}, "--driver-branch is about driver, which --only or --skip leaves out"},
		"an unwanted wish":      {[]string{"--only", "driver", "--hold"}, "--hold is about hold, which --only or --skip leaves out"},
	} {
		t.Run(name, func(t *testing.T) {
			opts := &setupOptions{}
			cmd := &cobra.Command{}
			opts.install(cmd)
			assert.NilError(t, cmd.Flags().Parse(c.args))
			err := opts.check(cmd.Flags())
			if c.want == "" {
				assert.NilError(t, err)
				return
			}
			assert.Error(t, err, c.want)
			var wrong usageError
			assert.Assert(t, errors.As(err, &wrong))
		})
	}
}

func TestSetupWishes(t *testing.T) {
	dir := t.TempDir()
	assert.NilError(t, os.WriteFile(filepath.Join(dir, "nvidia-ctk"), []byte("ctk"), 0o755))
	assert.NilError(t, os.WriteFile(filepath.Join(dir, "nvidia-cdi-hook"), []byte("hook"), 0o755))
	sum := func(text string) string { s := sha256.Sum256([]byte(text)); return hex.EncodeToString(s[:]) }
	wishes := func(change func(*setupRun), args ...string) (setup.Wishes, error) {
		r, _ := settingUp(t, newScreen(t, false, ""), "ubuntu2404-all-right", args...)
		if change != nil {
			change(r)
		}
		return r.wishes()
	}
	w, err := wishes(nil, "--toolkit-path", dir, "--only", "toolkit,runtime", "--nvidia-runtime")
	assert.NilError(t, err)
	assert.DeepEqual(t, w, setup.Wishes{Only: []setup.Part{"toolkit", "runtime"}, ToolkitPath: dir, NvidiaRuntime: true, ClientConfig: "/home/user-1/.docker/config.json",
		ToolkitSums: map[string]string{"nvidia-ctk": sum("ctk"), "nvidia-cdi-hook": sum("hook")}})

	w, err = wishes(func(r *setupRun) { r.sudo = true }, "--driver-branch", "595", "--docker", "docker", "--hold", "--swarm", "--allow-restart", "--toolkit-version", "1.19.1", "--skip", "hooks")
	assert.NilError(t, err)
	assert.DeepEqual(t, w, setup.Wishes{Skip: []setup.Part{"hooks"}, DriverBranch: "595", DockerFrom: "docker", Hold: true, Swarm: true, AllowRestart: true, ToolkitVersion: "1.19.1"})

	w, err = wishes(nil, "--offline", dir, "--replay", "x")
	assert.NilError(t, err)
	assert.DeepEqual(t, w, setup.Wishes{Offline: dir})

	_, err = wishes(nil, "--offline", filepath.Join(dir, "none"))
	assert.ErrorContains(t, err, "--offline: there is no folder "+filepath.Join(dir, "none"))
	_, err = wishes(nil, "--toolkit-path", filepath.Join(dir, "nvidia-ctk"))
	assert.ErrorContains(t, err, filepath.Join(dir, "nvidia-ctk")+" is no folder")
	assert.NilError(t, os.Mkdir(filepath.Join(dir, "nvidia-container-runtime"), 0o755))
	_, err = wishes(nil, "--toolkit-path", dir)
	assert.ErrorContains(t, err, "nvidia-container-runtime is no file")
}
