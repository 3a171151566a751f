package nvml

import (
	"regexp"
	"strings"
)

// containerID is the name that Docker, containerd and Podman give a container's cgroup.
var containerID = regexp.MustCompile(`(?:^|[/:-])([0-9a-f]{64})(?:\.scope)?(?:/|$)`)

// ContainerOf is the full ID of the container that a process runs in, "" for none, from
// the text of its /proc/PID/cgroup: "/docker/ID" (cgroupfs), "docker-ID.scope" (systemd),
// "cri-containerd-ID.scope" and "libpod-ID.scope". Of containers in a container it is the
// outermost: the one that this machine's engine knows.
func ContainerOf(cgroup string) string {
	for line := range strings.Lines(cgroup) {
		// hierarchy:controllers:path
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) < 3 {
			continue
		}
		if m := containerID.FindStringSubmatch(parts[2]); m != nil {
			return m[1]
		}
	}
	return ""
}
