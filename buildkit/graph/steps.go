package graph

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/solver/pb"

	"github.com/dockergpu/docker-gpu/buildkit/lock"
)

// Secrets that the steps may be handed. Each is optional and none is part of a
// cache key: they say how to reach an index, not what comes out.
const (
	SecretIndex = "gpu-index" // JSON: url, extra, findLinks, torch
	SecretCA    = "gpu-ca"    // PEM
	SecretNetrc = "netrc"     // the user's --secret id=netrc
)

// Steps makes the steps of one build; its fields hold for all of them.
type Steps struct {
	Platform string
	NoCache  bool
	// Network is "", "host" or "none", as in docker buildx build --network.
	Network string
	// Proxy are proxy variables for steps that use the network; they stay out of the image.
	Proxy map[string]string
}

func (s Steps) run(root llb.State, args []string, title string, opts ...llb.RunOption) llb.ExecState {
	opts = append([]llb.RunOption{
		llb.Args(args),
		llb.WithCustomName(title),
		llb.User("root"),
		llb.Dir("/"),
		llb.AddEnv("PYTHONDONTWRITEBYTECODE", "1"),
		llb.AddEnv("PYTHONPATH", scriptDir),
	}, opts...)
	if s.NoCache {
		opts = append(opts, llb.IgnoreCache)
	}
	return root.Run(opts...)
}

// python is a command line of an embedded script.
func (s Steps) python(script string, args ...string) []string {
	return append([]string{"python3", scriptDir + "/" + script}, args...)
}

// online are the options of a step that reaches an index.
func (s Steps) online() llb.RunOption {
	opts := []llb.RunOption{
		llb.AddSecret("/run/secrets/"+SecretIndex, llb.SecretID(SecretIndex), llb.SecretOptional),
		llb.AddSecret("/run/secrets/"+SecretCA, llb.SecretID(SecretCA), llb.SecretOptional),
		llb.AddSecret("/run/secrets/"+SecretNetrc, llb.SecretID(SecretNetrc), llb.SecretOptional),
	}
	if len(s.Proxy) > 0 {
		opts = append(opts, llb.WithProxy(llb.ProxyEnv{
			HTTPProxy: s.Proxy["HTTP_PROXY"], HTTPSProxy: s.Proxy["HTTPS_PROXY"], FTPProxy: s.Proxy["FTP_PROXY"],
			NoProxy: s.Proxy["NO_PROXY"], AllProxy: s.Proxy["ALL_PROXY"],
		}))
	}
	if s.Network == "host" {
		opts = append(opts, llb.Network(pb.NetMode_HOST))
	}
	if s.Network == "none" {
		opts = append(opts, llb.Network(pb.NetMode_NONE))
	}
	return runOptions(opts)
}

type runOptions []llb.RunOption

func (o runOptions) SetRunOption(ei *llb.ExecInfo) {
	for _, opt := range o {
		opt.SetRunOption(ei)
	}
}

var offline llb.RunOption = llb.Network(pb.NetMode_NONE)

// Probe writes what the base image is to /probe.json.
func (s Steps) Probe(base llb.State) llb.State {
	return s.run(base, s.python("probe.py", outDir+"/probe.json"), "[base] look at its Python",
		script("probe.py"), offline).AddMount(outDir, llb.Scratch())
}

// UV fetches the uv binary that policy pins to /uv.
func (s Steps) UV(tool llb.State, uv lock.Tool) llb.State {
	return s.run(tool, s.python("fetch_uv.py", uv.Version, uv.SHA256, outDir), "[tool] uv "+uv.Version,
		script("fetch_uv.py", "net.py"), s.online()).AddMount(outDir, llb.Scratch())
}

// Request is what uv is asked to resolve.
type Request struct {
	Requirements  []string `json:"requirements"`
	Files         []string `json:"files,omitempty"`
	Pyproject     bool     `json:"pyproject,omitempty"`
	UVLock        bool     `json:"uvLock,omitempty"`
	Constraints   []string `json:"constraints,omitempty"`
	TorchIndex    string   `json:"torchIndex,omitempty"`
	TorchPackages []string `json:"torchPackages,omitempty"`
	// Salt is what the answer depends on beyond this: the index, by hash.
	Salt string `json:"salt,omitempty"`
}

// Resolve lets uv choose every package and writes /pylock.toml. project is the
// state with the requirement files, or nil.
func (s Steps) Resolve(tool, uv llb.State, req Request, project *llb.State) (llb.State, error) {
	ask, err := json.Marshal(req)
	if err != nil {
		return llb.State{}, err
	}
	opts := []llb.RunOption{
		script("resolve.py", "net.py"), input(askDir, "request.json", ask), s.online(),
		llb.AddMount(uvDir, uv, llb.Readonly),
	}
	if project != nil {
		opts = append(opts, llb.AddMount(srcDir, *project, llb.Readonly))
	}
	return s.run(tool, s.python("resolve.py", askDir+"/request.json", outDir),
		"[resolve] let uv choose the packages", opts...).AddMount(outDir, llb.Scratch()), nil
}

// Environment is a layer with an empty virtual environment.
func (s Steps) Environment(tool, uv llb.State, venv string, parents []string) llb.State {
	return s.run(tool, s.python("install.py", venv, layerDir, "", strings.Join(parents, ":")), "[python] "+venv,
		script("install.py", "net.py"), llb.AddMount(uvDir, uv, llb.Readonly), offline).AddMount(layerDir, llb.Scratch())
}

// Wheels is a layer with the given wheels and nothing else.
func (s Steps) Wheels(tool, uv llb.State, venv string, l Layer, torchIndex string) llb.State {
	args := s.python("install.py", append([]string{venv, layerDir}, l.installArgs(torchIndex)...)...)
	return s.run(tool, args, l.Title(),
		script("install.py", "net.py"), llb.AddMount(uvDir, uv, llb.Readonly), s.online()).AddMount(layerDir, llb.Scratch())
}

// Account is a layer with one unprivileged user added to what base has.
func (s Steps) Account(tool, base llb.State, a Account) llb.State {
	return s.run(tool, s.python("user.py", imageDir, a.Name, strconv.Itoa(a.UID), a.Home, layerDir), "[user] "+a.Name,
		script("user.py"), llb.AddMount(imageDir, base, llb.Readonly), offline).AddMount(layerDir, llb.Scratch())
}

// Apt is base with Debian packages installed.
func (s Steps) Apt(base llb.State, packages []string) llb.State {
	id := "docker-gpu-apt-" + strings.ReplaceAll(s.Platform, "/", "-")
	return s.run(base, append([]string{"/bin/sh", scriptDir + "/apt.sh"}, packages...), "[apt] "+strings.Join(packages, " "),
		script("apt.sh"), s.online(),
		llb.AddMount("/var/cache/apt", llb.Scratch(), llb.AsPersistentCacheDir(id+"-archives", llb.CacheMountLocked)),
		llb.AddMount("/var/lib/apt/lists", llb.Scratch(), llb.AsPersistentCacheDir(id+"-lists", llb.CacheMountLocked)),
	).Root()
}
