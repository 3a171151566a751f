package doctor

import (
	"strconv"
	"strings"
	"time"

	"github.com/dockergpu/docker-gpu/hostsetup/find"
	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/internal/policy"
)

// nvlinkChecks are of the links between GPUs.
func nvlinkChecks() []Check {
	return []Check{{
		Code: "H007", Title: "NVLinks are up and without errors", Group: Health, Severity: Warning, Needs: []Fact{NVML}, After: afterDriver("G010", "G012"),
		Symptoms: []string{"NVLink: Link is inactive", "re:Link \\d+: <inactive>"},
		Cause:    "A link did not come up or has many errors: the bridge or the board is not well seated, the fabric manager has not set it up, or a part is failing.",
		Run:      nvlinks,
	}}
}

func nvlinks(h *host.Host, _ time.Time) []Finding {
	// Links lead somewhere only where there is an NVSwitch, or another GPU of the model has some up.
	up := map[string]int{}
	for _, g := range h.GPUs {
		up[g.Name] = max(up[g.Name], activeLinks(g))
	}
	return each(h, func(g host.GPU) (Finding, bool) {
		if g.MIG != nil && g.MIG.On {
			return Finding{}, false // a GPU in MIG mode has its links off
		}
		wanted := up[g.Name]
		if len(find.NVSwitches(h)) > 0 {
			wanted = max(wanted, len(g.NVLinks))
		}
		var down, poor []string
		var errors uint64
		for _, l := range g.NVLinks {
			if !l.Active {
				down = append(down, strconv.Itoa(l.Link))
			}
			if l.Errors >= policy.NVLinkErrors {
				poor, errors = append(poor, strconv.Itoa(l.Link)), errors+l.Errors
			}
		}
		fixes := []Fix{resetGPU(g), manual("switch the machine off and seat the NVLink bridge or the board anew", Reboot)}
		switch {
		case len(g.NVLinks) > 0 && activeLinks(g) < wanted:
			return told([]Evidence{saw("NVML", "inactive links: %s", strings.Join(down, ", "))}, fixes, "%s: %d of %d NVLinks are up", gpuName(g), activeLinks(g), wanted), true
		case len(poor) > 0:
			return told([]Evidence{saw("NVML", "links with errors: %s", strings.Join(poor, ", "))}, fixes, "%s: %d NVLink errors since the driver was loaded", gpuName(g), errors), true
		}
		return Finding{}, false
	})
}

func activeLinks(g host.GPU) (n int) {
	for _, l := range g.NVLinks {
		if l.Active {
			n++
		}
	}
	return n
}
