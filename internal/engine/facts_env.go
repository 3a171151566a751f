package engine

import (
	"maps"
	"slices"
	"strings"
)

// environ are a container's variables, the image's and its own together.
type environ map[string]string

func environment(list []string) environ {
	env := environ{}
	for _, v := range list {
		if name, value, ok := strings.Cut(v, "="); ok {
			env[name] = value
		}
	}
	return env
}

// ofGPUs are those that GPUs go by; others may be secrets and are none of our business.
func (e environ) ofGPUs() map[string]string {
	out := map[string]string{}
	for name, value := range e {
		if (strings.HasPrefix(name, "NVIDIA_") || name == "CUDA_VERSION") && len(out) < 50 {
			out[clean(name, 100)] = clean(value, 500)
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// resources are the values of what Swarm hands to a task: DOCKER_RESOURCE_NVIDIA-GPU=GPU-….
func (e environ) resources() (out []string) {
	for _, name := range slices.Sorted(maps.Keys(e)) {
		if strings.HasPrefix(name, "DOCKER_RESOURCE_") && strings.Contains(name, "GPU") {
			out = append(out, e[name])
		}
	}
	return out
}

// ours are the labels that this project's images carry.
func ours(labels map[string]string) map[string]string {
	var out map[string]string
	for name, value := range labels {
		if strings.HasPrefix(name, "io.github.dockergpu.") && len(out) < 50 {
			if out == nil {
				out = map[string]string{}
			}
			out[clean(name, 100)] = clean(value, 500)
		}
	}
	return out
}
