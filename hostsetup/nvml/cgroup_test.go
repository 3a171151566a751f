package nvml

import (
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

func TestContainerOf(t *testing.T) {
	id := strings.Repeat("0123456789abcdef", 4)
	other := strings.Repeat("f", 64)
	for name, c := range map[string]struct{ in, want string }{
		"cgroup 2, systemd":       {"0::/system.slice/docker-" + id + ".scope\n", id},
		"cgroup 2, cgroupfs":      {"0::/docker/" + id + "\n", id},
		"cgroup 1":                {"12:cpuset:/\n11:devices:/docker/" + id + "\n10:freezer:/docker/" + id + "\n", id},
		"cgroup 1, systemd":       {"1:name=systemd:/system.slice/docker-" + id + ".scope\n", id},
		"rootless":                {"0::/user.slice/user-1000.slice/user@1000.service/user.slice/docker-" + id + ".scope\n", id},
		"Kubernetes, containerd":  {"0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1.slice/cri-containerd-" + id + ".scope\n", id},
		"Kubernetes, cgroupfs":    {"0::/kubepods/besteffort/pod3c8a/" + id + "\n", id},
		"Kubernetes, colons":      {"0::/kubepods-pod1.slice:cri-containerd:" + id + "\n", id},
		"Podman":                  {"0::/machine.slice/libpod-" + id + ".scope/container\n", id},
		"with an init below":      {"0::/docker/" + id + "/init.scope\n", id},
		"Docker in Docker":        {"0::/docker/" + id + "/docker/" + other + "\n", id},
		"a name space of its own": {"0::/../" + id + "\n", id},
		"no line feed":            {"0::/docker/" + id, id},
		"none":                    {"0::/user.slice/user-1000.slice/session-3.scope\n", ""},
		"the root":                {"0::/\n", ""},
		"nothing":                 {"", ""},
		"too short an ID":         {"0::/docker/" + id[1:] + "\n", ""},
		"too long an ID":          {"0::/docker/" + id + "0\n", ""},
		"capitals":                {"0::/docker/" + strings.ToUpper(id) + "\n", ""},
		"not a cgroup file":       {"docker-" + id + ".scope\n", ""},
		"in another column":       {"0:" + id + ":/\n", ""},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, ContainerOf(c.in), c.want) })
	}
}
