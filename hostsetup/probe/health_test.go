package probe

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

func TestHealthTakesTheBestSource(t *testing.T) {
	lib := []host.GPU{{Name: "from NVML"}}
	geforce := smiFile(t, "geforce.xml")
	for name, c := range map[string]struct {
		nvml    []host.GPU
		nvmlErr error
		smi     []byte
		smiErr  error
		name    string
		says    []string
	}{
		"NVML":            {lib, nil, geforce, nil, "from NVML", nil},
		"NVML in part":    {lib, errors.New("no version"), geforce, nil, "from NVML", []string{"no version"}},
		"NVML sees none":  {nil, nil, geforce, nil, "", nil},
		"without NVML":    {nil, errors.New("built without NVML"), geforce, nil, "NVIDIA GeForce RTX 4090", nil},
		"a cut output":    {nil, errors.New("built without NVML"), geforce[:2000], nil, "NVIDIA GeForce RTX 4090", []string{"cut or broken"}},
		"an exit code":    {nil, errors.New("built without NVML"), geforce, errors.New("exit status 14"), "NVIDIA GeForce RTX 4090", nil},
		"a plain text":    {nil, errors.New("not loaded"), []byte("NVIDIA-SMI has failed\n"), errors.New("exit status 9"), "", []string{"not loaded", "nvidia-smi says: NVIDIA-SMI has failed"}},
		"neither answers": {nil, errors.New("no library"), nil, errors.New("not in PATH"), "", []string{"no library", "nvidia-smi: not in PATH"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, gpus, err := GPUSources{
				Root: t.TempDir(),
				NVML: func(context.Context) (host.Driver, []host.GPU, error) { return host.Driver{}, c.nvml, c.nvmlErr },
				SMI:  func(context.Context) ([]byte, error) { return c.smi, c.smiErr },
			}.Read(t.Context())
			if len(c.says) == 0 {
				assert.NilError(t, err)
			}
			for _, s := range c.says {
				assert.ErrorContains(t, err, s)
			}
			if c.name == "" {
				assert.Equal(t, len(gpus), 0)
			} else {
				assert.Equal(t, gpus[0].Name, c.name)
			}
		})
	}
}

func TestHealthFindsTheContainersOfWhatNvidiaSMISays(t *testing.T) {
	id := strings.Repeat("0a", 32)
	root := string(folder(t, files{"proc/4711/cgroup": "0::/docker/" + id + "\n"}))
	driver, gpus, err := GPUSources{
		Root: root,
		NVML: func(context.Context) (host.Driver, []host.GPU, error) { return host.Driver{}, nil, errors.New("none") },
		SMI:  func(context.Context) ([]byte, error) { return smiFile(t, "h200.xml"), nil },
	}.Read(t.Context())
	assert.NilError(t, err)
	assert.Equal(t, driver.Version, "580.159")
	assert.Equal(t, gpus[0].Processes[0].Container, id)
	assert.Equal(t, gpus[0].Processes[1].Container, "")
}

func TestHealthOfALibraryThatHangs(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	s := GPUSources{
		Patience: 20 * time.Millisecond,
		NVML: func(context.Context) (host.Driver, []host.GPU, error) {
			<-release
			return host.Driver{}, nil, nil
		},
		SMI: func(ctx context.Context) ([]byte, error) { <-ctx.Done(); return nil, ctx.Err() },
	}
	_, gpus, err := s.Read(t.Context())
	assert.Equal(t, len(gpus), 0)
	assert.ErrorContains(t, err, "NVML did not answer within 20ms")
	assert.ErrorContains(t, err, "nvidia-smi: context deadline exceeded")

	// Whoever asked has gone: nothing more is tried.
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s.SMI = func(context.Context) ([]byte, error) { t.Error("nvidia-smi was asked"); return nil, nil }
	_, _, err = s.Read(ctx)
	assert.ErrorIs(t, err, context.Canceled)
}

// The program is run for real: one that writes without end, one that fails, one that hangs.
func TestRunningNvidiaSMI(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the stand-ins are shell scripts")
	}
	dir := t.TempDir()
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	stand := func(script string) {
		assert.NilError(t, os.WriteFile(filepath.Join(dir, "nvidia-smi"), []byte("#!/bin/sh\n"+script), 0o755))
	}
	stand("echo \"$@\"; exit 9\n")
	out, err := smiXML(t.Context())
	assert.Equal(t, string(out), "-q -x\n")
	assert.ErrorContains(t, err, "exit status 9")

	stand("exec yes '<a></a>'\n")
	out, err = smiXML(t.Context())
	assert.Equal(t, len(out), smiMost+1)
	assert.Assert(t, err != nil)

	stand("sleep 60\n")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	begin := time.Now()
	_, err = smiXML(ctx)
	assert.Assert(t, err != nil)
	assert.Assert(t, time.Since(begin) < time.Minute, "it waits for a child of nvidia-smi's")
}
