package probe

import (
	"context"
	"strings"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// unitNames are the units that GPUs and containers hang on.
func unitNames() []string {
	return []string{
		"nvidia-persistenced.service", "nvidia-fabricmanager.service", "nvidia-cdi-refresh.service", "nvidia-cdi-refresh.path",
		"docker.service", "docker.socket", "snap.docker.dockerd.service", "containerd.service",
	}
}

// readUnits asks systemd; one that hangs is stopped by the source's limit.
func readUnits(ctx context.Context, m *machine) (fill, error) {
	if !m.root.isDir("/run/systemd/system") { // sd_booted(3)
		return nil, nil
	}
	args := append([]string{"show", "--no-pager", "--property=Id,LoadState,ActiveState,UnitFileState"}, unitNames()...)
	out, err := m.run(ctx, "systemctl", args...)
	units := parseUnits(string(out))
	if isMissing(err) && !m.itself {
		return nil, errOutside("systemd")
	}
	if isMissing(err) || len(units) > 0 {
		err = nil
	}
	return func(h *host.Host) { h.Units = units }, unreadable("systemd's units", err)
}

func parseUnits(text string) (units []host.Unit) {
	for part := range strings.SplitSeq(text, "\n\n") {
		values := map[string]string{}
		for line := range strings.Lines(part) {
			key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
			values[key] = value
		}
		// One that nothing has installed is listed all the same.
		if values["Id"] != "" && values["LoadState"] != "not-found" {
			units = append(units, host.Unit{Name: values["Id"], Active: values["ActiveState"], Enabled: values["UnitFileState"]})
		}
	}
	return units
}
