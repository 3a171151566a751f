package probe

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

func TestGPUsComeFromTheBestSource(t *testing.T) {
	lib, tool := []host.GPU{{Name: "from NVML"}}, []host.GPU{{Name: "from nvidia-smi"}}
	for name, c := range map[string]struct {
		nvml    []host.GPU
		nvmlErr error
		smi     []host.GPU
		smiErr  error
		name    string
		says    []string
	}{
		"NVML":            {lib, nil, tool, nil, "from NVML", nil},
		"NVML in part":    {lib, errors.New("no version"), tool, nil, "from NVML", []string{"no version"}},
		"NVML sees none":  {nil, nil, tool, nil, "", nil},
		"without NVML":    {nil, errors.New("built without NVML"), tool, nil, "from nvidia-smi", nil},
		"a cut output":    {nil, errors.New("built without NVML"), tool, errors.New("cut or broken"), "from nvidia-smi", []string{"cut or broken"}},
		"neither answers": {nil, errors.New("no library"), nil, errors.New("nvidia-smi: not in PATH"), "", []string{"no library", "nvidia-smi: not in PATH"}},
		"neither has any": {nil, errors.New("no library"), nil, nil, "", []string{"no library"}},
	} {
		t.Run(name, func(t *testing.T) {
			driver, gpus, err := GPUSources{
				Root: t.TempDir(), NVML: asked(host.Driver{CUDA: "of NVML"}, c.nvml, c.nvmlErr), SMI: asked(host.Driver{CUDA: "of nvidia-smi"}, c.smi, c.smiErr),
			}.Read(t.Context())
			if len(c.says) == 0 {
				assert.NilError(t, err)
			}
			for _, s := range c.says {
				assert.ErrorContains(t, err, s)
			}
			if c.name == "" {
				assert.Equal(t, len(gpus), 0)
				assert.Equal(t, driver.CUDA, "of NVML")
			} else {
				assert.Equal(t, gpus[0].Name, c.name)
				assert.Equal(t, "from "+strings.TrimPrefix(driver.CUDA, "of "), c.name, "the driver's facts are those of who told of the GPUs")
			}
		})
	}
}

// What nvidia-smi writes when it fails says why, and often lists what still answers.
func TestWhatNvidiaSMISays(t *testing.T) {
	geforce := smiFile(t, "geforce.xml")
	for name, c := range map[string]struct {
		out    []byte
		failed error
		name   string
		says   string
	}{
		"all":          {geforce, nil, "NVIDIA GeForce RTX 4090", ""},
		"an exit code": {geforce, errors.New("exit status 14"), "NVIDIA GeForce RTX 4090", ""},
		"cut":          {geforce[:2000], errors.New("signal: killed"), "NVIDIA GeForce RTX 4090", "cut or broken"},
		"a plain text": {[]byte("NVIDIA-SMI has failed\n"), errors.New("exit status 9"), "", "nvidia-smi says: NVIDIA-SMI has failed"},
		"nothing":      {[]byte(" \n"), errors.New("not in PATH"), "", "nvidia-smi: not in PATH"},
		"silence":      {nil, nil, "", "nvidia-smi wrote nothing"},
	} {
		t.Run(name, func(t *testing.T) {
			_, gpus, err := smiSaid(c.out, c.failed, ParseSMI)
			if c.says == "" {
				assert.NilError(t, err)
			} else {
				assert.ErrorContains(t, err, c.says)
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
	r := folder(t, files{
		"proc/4711/cgroup": "0::/docker/" + id + "\n",
		"proc/4712/cgroup": "→/secret", "secret": "0::/docker/" + strings.Repeat("0b", 32) + "\n",
	})
	driver, gpus, err := GPUSources{
		Root: string(r), NVML: asked(host.Driver{}, nil, errors.New("none")),
		SMI: func(context.Context) (host.Driver, []host.GPU, error) { return ParseSMI(smiFile(t, "h200.xml")) },
	}.Read(t.Context())
	assert.NilError(t, err)
	assert.Equal(t, driver.Version, "580.159")
	assert.Equal(t, gpus[0].Processes[0].Container, id)
	assert.Equal(t, gpus[0].Processes[1].Container, strings.Repeat("0b", 32)) // a link is followed within the root
}

func TestALibraryThatHangs(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	s := GPUSources{
		Patience: 20 * time.Millisecond,
		NVML: func(context.Context) (host.Driver, []host.GPU, error) {
			<-release
			return host.Driver{}, nil, nil
		},
		SMI: func(ctx context.Context) (host.Driver, []host.GPU, error) {
			<-ctx.Done()
			return host.Driver{}, nil, fmt.Errorf("nvidia-smi: %w", ctx.Err())
		},
	}
	_, gpus, err := s.Read(t.Context())
	assert.Equal(t, len(gpus), 0)
	assert.ErrorContains(t, err, "NVML did not answer within 20ms")
	assert.ErrorContains(t, err, "nvidia-smi: context deadline exceeded")

	// Whoever asked has gone: nothing more is tried.
	ctx, cancel := context.WithCancel(t.Context())
	s.Patience = time.Minute
	s.NVML = func(context.Context) (host.Driver, []host.GPU, error) {
		cancel()
		<-release
		return host.Driver{}, nil, nil
	}
	s.SMI = never(t)
	_, _, err = s.Read(ctx)
	assert.ErrorIs(t, err, context.Canceled)
}
