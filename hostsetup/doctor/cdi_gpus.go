package doctor

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/internal/policy"
)

// specChecks ask whether the engine ends up with devices, and who renews the specs.
func specChecks() []Check {
	return []Check{
		{
			Code: "C018", Title: "the engine finds the GPUs in CDI specs", Group: Toolkit, Severity: Error, Needs: []Fact{Local, Docker, Module},
			After:    append(otherDocker(), "G001", "C001", "C036", "C017", "C020", "C053", "C051", "C052"),
			Symptoms: []string{"re:unresolvable CDI devices nvidia\\.com/gpu=", "CDI device injection failed: unresolvable CDI devices", "failed to discover GPU vendor from CDI: no known GPU vendor found"},
			Cause:    "The engine has no device of that name: no spec was written, it lies where the engine does not look, or it came after an engine that does not watch.",
			Remedy:   "write a spec with `nvidia-ctk cdi generate --output=/var/run/cdi/nvidia.yaml`",
			Link:     cdiDocs, Run: noDevices,
		}, {
			Code: "C041", Title: "the nvidia runtime can make its specs", Group: Toolkit, Severity: Error, Needs: []Fact{Local, Docker, Module, Tools},
			After:    append(otherDocker(), "G001", "G002", "G021", "C008", "C016"),
			Symptoms: []string{"re:unresolvable CDI devices runtime\\.nvidia\\.com/gpu=", "failed to generate CDI spec"},
			Cause:    "The nvidia runtime since 1.18 writes a spec for each container. It could not, and before 1.18.2 does not say why.",
			Remedy:   "`nvidia-ctk --debug cdi generate --output=/dev/null` says why",
			Link:     "https://github.com/NVIDIA/nvidia-container-toolkit/issues/1537", Run: noJITSpec,
		}, {
			Code: "C068", Title: "the service that renews CDI specs runs", Group: Toolkit, Severity: Warning, Needs: []Fact{Systemd, Tools},
			Symptoms: []string{"nvidia-cdi-refresh.service: Failed", "Failed to start nvidia-cdi-refresh", "re:nvidia-cdi-refresh\\.service: Main process exited"},
			Cause:    "nvidia-cdi-refresh writes the spec at boot and after each change of driver or toolkit. It failed or is switched off, so specs grow stale.",
			Remedy:   "`systemctl enable --now nvidia-cdi-refresh.path nvidia-cdi-refresh.service`",
			Link:     cdiDocs, Run: noRefresh,
		},
	}
}

func otherGPUs(h *host.Host, _ time.Time) (out []Finding) {
	uuids, indices := map[string]bool{}, map[string]bool{}
	for _, g := range h.GPUs {
		uuids[g.UUID], indices[fmt.Sprint(g.Index)] = true, true
		if g.UUID == "" {
			return nil // not known, so nothing can be compared
		}
	}
	for _, s := range specsOfGPUs(h) {
		var gone, lacks []string
		byUUID, byIndex := map[string]bool{}, map[string]bool{}
		for _, d := range s.Devices {
			switch {
			case strings.HasPrefix(d, "GPU-"):
				byUUID[d] = true
				if !uuids[d] {
					gone = append(gone, d)
				}
			case d != "" && strings.Trim(d, "0123456789") == "":
				byIndex[d] = true
				if !indices[d] {
					gone = append(gone, d)
				}
			}
		}
		for _, g := range h.GPUs {
			// A GPU that is cut into MIG devices is named by them.
			if g.MIG != nil && g.MIG.On || g.Lost {
				continue
			}
			if len(byUUID) > 0 && !byUUID[g.UUID] || len(byIndex) > 0 && !byIndex[fmt.Sprint(g.Index)] {
				lacks = append(lacks, fmt.Sprintf("GPU %d", g.Index))
			}
		}
		switch {
		case len(gone) > 0:
			out = append(out, Finding{Severity: judged(h, s), Summary: fmt.Sprintf("%s names GPUs that this host does not have: %s", shown(s.Path), listed(gone)),
				Evidence: []Evidence{{s.Path, listed(s.Devices)}, {"NVML", count(len(h.GPUs), "GPU")}}, Fixes: renewed(h, s)})
		case len(lacks) > 0:
			out = append(out, Finding{Severity: judged(h, s), Summary: fmt.Sprintf("%s does not name %s", shown(s.Path), listed(lacks)),
				Evidence: []Evidence{{s.Path, listed(s.Devices)}, {"NVML", count(len(h.GPUs), "GPU")}}, Fixes: renewed(h, s)})
		}
	}
	return out
}

func noDevices(h *host.Host, now time.Time) []Finding {
	engine := policy.EngineOf(h.Engine.Version)
	if engine.CDI == "no" || !cdiIsOn(h) || len(devicesOfEngine(h)) > 0 || h.Unread["cdi"] != "" || partly(h, Specs) != "" {
		return nil
	}
	var seen, elsewhere []host.CDISpec
	for _, s := range specsOfGPUs(h) {
		if looksInto(h, s.Path) {
			seen = append(seen, s)
		} else {
			elsewhere = append(elsewhere, s)
		}
	}
	if engine.CDI == "feature" && len(seen) > 0 {
		return nil // such an engine does not tell what it found
	}
	for _, why := range []func(*host.Host, time.Time) []Finding{brokenSpec, doubleDevices, unknownFields, newSchema} {
		if len(seen) > 0 && len(why(h, now)) > 0 {
			return nil // that is it, even where it matters too little to hide this
		}
	}
	f := Finding{Severity: cdiSeverity(h), Evidence: []Evidence{{"docker info", "CDI spec directories: " + listed(h.Engine.CDIDirs)}}}
	if engine.CDI == "default" { // earlier ones do not tell
		f.Evidence[0].Text += "; no " + gpuKind + " among its devices"
	}
	for _, w := range h.Engine.Warnings {
		if strings.Contains(w, "CDI") {
			f.Evidence = append(f.Evidence, Evidence{"docker info", shown(w)})
		}
	}
	switch {
	case len(seen) > 0:
		f.Summary = "the engine does not see the GPUs of " + shown(seen[0].Path)
		f.Fixes = []Fix{regenerate(seen[0].Path), engineRestart(h)}
	case len(elsewhere) > 0:
		f.Summary = fmt.Sprintf("%s is not in a directory that the engine reads", shown(elsewhere[0].Path))
		f.Evidence = append(f.Evidence, Evidence{elsewhere[0].Path, listed(elsewhere[0].Devices)})
		f.Fixes = []Fix{makeSpec(h)}
	default:
		f.Summary = "there is no CDI spec of this host's GPUs"
		f.Fixes = []Fix{makeSpec(h)}
	}
	if h.Engine.Rootless && len(f.Fixes[0].Argv) > 0 && strings.Contains(strings.Join(h.Engine.CDIDirs, " "), "/run/user/") && !looksInto(h, "/var/run/cdi/nvidia.yaml") {
		f.Fixes[0].Root = false // it is a directory of the user's
	}
	return []Finding{f}
}

func noJITSpec(h *host.Host, _ time.Time) []Finding {
	mode := h.Toolkit.Config["nvidia-container-runtime.mode"]
	_, registered := h.Engine.Runtimes["nvidia"]
	jit := mode == "jit-cdi" || (mode == "" || mode == "auto") && policy.Compare(h.Toolkit.Version, policy.ToolkitJITCDI) >= 0
	if !registered || !jit || len(h.Nodes) == 0 || h.OS.WSL > 0 {
		return nil
	}
	var missing []string
	wanted := []string{"/dev/nvidiactl"}
	for _, g := range h.GPUs {
		if g.Minor != nil {
			wanted = append(wanted, fmt.Sprintf("/dev/nvidia%d", *g.Minor))
		}
	}
	for _, w := range wanted {
		if !slices.ContainsFunc(h.Nodes, func(n host.Node) bool { return n.Path == w }) {
			missing = append(missing, w)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	f := Finding{
		Summary:  "the nvidia runtime cannot make a spec without " + listed(missing),
		Evidence: []Evidence{{"/dev", "not there: " + listed(missing)}, {"toolkit", shown("version " + h.Toolkit.Version)}},
		Fixes: []Fix{
			{Title: "make the device nodes", Root: true, Disruption: None, Safe: true, Argv: makeNodes(missing)},
			{Title: "see what the toolkit says", Root: true, Disruption: None, Argv: [][]string{{"nvidia-ctk", "--debug", "cdi", "generate", "--output=/dev/null"}}},
		},
	}
	if policy.Compare(h.Toolkit.Version, policy.ToolkitJITReason) < 0 {
		f.Summary += "; this toolkit does not say so itself"
	}
	return []Finding{f}
}

func noRefresh(h *host.Host, _ time.Time) []Finding {
	for _, u := range h.Units {
		if !strings.HasPrefix(u.Name, "nvidia-cdi-refresh.") {
			continue
		}
		state := ""
		switch {
		case u.Active == "failed":
			state = "failed"
		case u.Enabled == "disabled" || u.Enabled == "masked":
			state = u.Enabled
		default:
			continue
		}
		units := []string{"nvidia-cdi-refresh.path", "nvidia-cdi-refresh.service"}
		argv := [][]string{append([]string{"systemctl", "enable", "--now"}, units...)}
		undo := [][]string{append([]string{"systemctl", "disable", "--now"}, units...)}
		is := "is " + state
		switch state {
		case "masked":
			argv = append([][]string{append([]string{"systemctl", "unmask"}, units...)}, argv...)
			undo = append(undo, []string{"systemctl", "mask", u.Name})
		case "failed":
			is, argv, undo = "failed", [][]string{{"systemctl", "restart", "nvidia-cdi-refresh.service"}}, nil
		}
		return []Finding{{
			Summary:  shown(u.Name) + " " + is + ": the CDI spec grows stale with the next driver",
			Evidence: []Evidence{{"systemd", shown(u.Name + ": " + u.Active + ", " + u.Enabled)}},
			// Nobody masks a unit by mistake.
			Fixes: []Fix{{Title: "have it run", Root: true, Disruption: None, Safe: state != "masked", Argv: argv, Undo: undo}},
		}}
	}
	return nil
}
