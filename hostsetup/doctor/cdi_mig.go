package doctor

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// migName is the name of a MIG device in a spec by index: "0:1", "mig0:1".
var migName = regexp.MustCompile(`^(mig|gpu)?\d+:\d+$`)

func isMIG(name string) bool { return strings.HasPrefix(name, "MIG-") || migName.MatchString(name) }

func staleMIG(h *host.Host, _ time.Time) (out []Finding) {
	now := map[string]bool{} // every name that a MIG device can have
	devices := 0
	for _, g := range h.GPUs {
		if g.MIG == nil || !g.MIG.On {
			continue
		}
		if len(g.MIG.Devices) == 0 {
			return nil // H017 tells of it; a spec written now would be no better
		}
		for _, d := range g.MIG.Devices {
			devices++
			now[d.UUID], now[fmt.Sprintf("%d:%d", g.Index, d.Index)], now[fmt.Sprintf("mig%d:%d", g.Index, d.Index)] = true, true, true
		}
	}
	for _, s := range specsOfGPUs(h) {
		var gone []string
		byName, byIndex := 0, 0
		for _, d := range s.Devices {
			switch {
			case !isMIG(d):
			case !now[d]:
				gone = append(gone, d)
			case strings.HasPrefix(d, "MIG-"):
				byName++
			default:
				byIndex++
			}
		}
		lacks := devices - max(byName, byIndex)
		if len(gone) == 0 && (lacks == 0 || devices == 0) {
			continue
		}
		summary := fmt.Sprintf("%s lacks %d of %s", shown(s.Path), lacks, count(devices, "MIG device"))
		if len(gone) > 0 {
			summary = fmt.Sprintf("%s names MIG devices that are no longer there: %s", shown(s.Path), listed(gone))
		}
		out = append(out, Finding{
			Severity: judged(h, s), Summary: summary,
			Evidence: []Evidence{{s.Path, listed(s.Devices)}, {"NVML", count(devices, "MIG device")}},
			Fixes:    []Fix{regenerate(s.Path)},
		})
	}
	return out
}
