package graph

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/dockergpu/docker-gpu/buildkit/resolve"
)

// Venv is the virtual environment of every image with packages. The path is the
// same everywhere: it is part of the bits that images share.
const Venv = "/opt/venv"

// Labels say what an image needs, so that a host which cannot run it is found
// before it is tried.
const (
	LabelTorch     = "io.github.dockergpu.torch"
	LabelCUDA      = "io.github.dockergpu.cuda"
	LabelMinDriver = "io.github.dockergpu.driver.min"
	LabelArchs     = "io.github.dockergpu.archs"
	LabelPython    = "io.github.dockergpu.python"
)

// Account is an unprivileged user.
type Account struct {
	Name string
	UID  int // also the GID
	Home string
}

// DefaultAccount is who runs in an image for which no user was asked. 1000 is
// the number that the first user of a workstation has, so bind mounts work.
func DefaultAccount() Account { return Account{Name: "app", UID: 1000, Home: "/home/app"} }

// ImageWish is what the user said about the image's config.
type ImageWish struct {
	Entrypoint, Cmd []string
	User            string // empty: the default account
	WorkDir         string
	Labels          map[string]string
	Created         time.Time
}

// Config is the image config: the base's, with what a GPU container needs.
// python is the full version in the image, empty where there is none.
func Config(base dockerspec.DockerOCIImage, plan resolve.Plan, python string, hasVenv bool, wish ImageWish) dockerspec.DockerOCIImage {
	img := base
	img.Config.Env = slices.Clone(base.Config.Env)
	img.Config.Labels = maps.Clone(base.Config.Labels)
	img.RootFS = ocispecs.RootFS{Type: "layers"}
	img.History = nil
	img.Created = &wish.Created
	set := func(name, value string) { img.Config.Env = setenv(img.Config.Env, name, value) }
	if hasVenv && plan.ToolBase == "" {
		set("PATH", prepend(Venv+"/bin", getenv(img.Config.Env, "PATH")))
		set("VIRTUAL_ENV", Venv)
	}
	if plan.CUDA != "" || plan.Torch != nil {
		set("NVIDIA_VISIBLE_DEVICES", "all")
		set("NVIDIA_DRIVER_CAPABILITIES", "compute,utility")
	}
	if plan.ToolBase != "" {
		set("LD_LIBRARY_PATH", prepend(strings.Join(CUDALibraryDirs(plan), ":"), getenv(img.Config.Env, "LD_LIBRARY_PATH")))
	}
	if len(wish.Entrypoint) > 0 {
		img.Config.Entrypoint, img.Config.Cmd = wish.Entrypoint, nil
	}
	if len(wish.Cmd) > 0 {
		img.Config.Cmd = wish.Cmd
	}
	img.Config.User = cmp.Or(wish.User, "1000:1000")
	if img.Config.User == "root" {
		img.Config.User = ""
	}
	img.Config.WorkingDir = wish.WorkDir
	img.Config.Labels = labels(img.Config.Labels, plan, python, wish.Labels)
	return img
}

func labels(base map[string]string, plan resolve.Plan, python string, wished map[string]string) map[string]string {
	out := maps.Clone(base)
	if out == nil {
		out = map[string]string{}
	}
	put := func(name, value string) {
		if value != "" {
			out[name] = value
		}
	}
	if plan.Torch != nil {
		put(LabelTorch, plan.Torch.Version)
	}
	put(LabelCUDA, plan.CUDA)
	put(LabelMinDriver, plan.MinDriver)
	put(LabelArchs, strings.Join(plan.Archs, ","))
	put(LabelPython, python)
	maps.Copy(out, wished)
	if len(out) == 0 {
		return nil
	}
	return out
}

func getenv(env []string, name string) string {
	for _, e := range env {
		if v, ok := strings.CutPrefix(e, name+"="); ok {
			return v
		}
	}
	return ""
}

func setenv(env []string, name, value string) []string {
	for i, e := range env {
		if strings.HasPrefix(e, name+"=") {
			env[i] = name + "=" + value
			return env
		}
	}
	return append(env, name+"="+value)
}

// prepend puts dir before a search path; an unset PATH means Docker's default.
func prepend(dir, path string) string {
	if path == "" && strings.HasSuffix(dir, "/bin") {
		path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	}
	if path == "" || path == dir || strings.HasPrefix(path, dir+":") {
		return cmp.Or(path, dir)
	}
	return dir + ":" + path
}
