package graph

import (
	"strings"

	"github.com/moby/buildkit/client/llb"
)

// VerifyInput is what the proof of an image needs.
type VerifyInput struct {
	Program []byte // verify.py
	Config  []byte // its JSON
	// Python is the interpreter in the image; it is not used where the image has none.
	Python string
	User   string
	Env    []string
	// Device is the CDI device of the GPUs, "nvidia.com/gpu=all"; empty proves without one.
	Device string
	// Salt changes with the driver and the GPUs, which no cache key knows.
	Salt string
}

// ResultFile is where the state of Verify holds the answer.
const ResultFile = "/w/result.json"

// Verify runs the program on top of a runtime. Only the output directory leaves
// the step, because a CDI device leaves mount points in the step's root.
// An image without Python is looked at from the tool image.
func (in Input) Verify(runtime llb.State, v VerifyInput) llb.State {
	result := outDir + ResultFile
	root, args := runtime, []string{v.Python, "/verify/verify.py", "--config", "/verify/config.json", "--out", result}
	title := "[verify] without a GPU"
	if v.Device != "" {
		title = "[verify] on " + v.Device
	}
	opts := []llb.RunOption{
		llb.AddMount("/verify", llb.Scratch().
			File(llb.Mkfile("/verify.py", 0o644, v.Program, llb.WithCreatedTime(Epoch())), internal("hand over verify.py")).
			File(llb.Mkfile("/config.json", 0o644, v.Config, llb.WithCreatedTime(Epoch())), internal("hand over config.json")), llb.Readonly),
		offline, llb.Dir("/"), llb.User(v.User), llb.WithoutExportCache(), llb.WithCustomName(title),
		llb.AddEnv("DOCKER_GPU_VERIFY_SALT", v.Salt),
		llb.AddEnv("PYTHONDONTWRITEBYTECODE", "1"),
	}
	if in.Lock.ToolBase != nil {
		root = in.Tool()
		args = append([]string{"python3"}, append(args[1:], "--root", imageDir)...)
		opts = append(opts, llb.AddMount(imageDir, runtime, llb.Readonly), llb.User("root"))
	} else {
		for _, e := range v.Env {
			name, value, _ := strings.Cut(e, "=")
			opts = append(opts, llb.AddEnv(name, value))
		}
	}
	if v.Device != "" {
		opts = append(opts, llb.AddCDIDevice(llb.CDIDeviceName(v.Device)))
	}
	if in.NoCache {
		opts = append(opts, llb.IgnoreCache)
	}
	// Owned by the user as well as open to all: older BuildKits take the mode through a umask.
	writable := llb.Scratch().File(llb.Mkdir("/w", 0o777, llb.WithCreatedTime(Epoch()), llb.WithUser(in.Owner)), internal("make room for the result"))
	return root.Run(append(opts, llb.Args(args))...).AddMount(outDir, writable)
}
