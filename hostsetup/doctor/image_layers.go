package doctor

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// driverPackage is an installation of the driver's own packages in a layer.
var driverPackage = regexp.MustCompile(`(?:apt(?:-get)?|dnf|yum|zypper|microdnf)\s[^;&|]*\binstall\b[^;&|]*?[\s'"](nvidia-driver[\w.-]*|nvidia-utils[\w.-]*|nvidia-headless[\w.-]*|libnvidia-(?:compute|gl|encode|decode|common|extra)[\w.-]*|libcuda1|cuda-drivers[\w.-]*|nvidia-(?:open|smi|kernel[\w.-]*|dkms[\w.-]*)|cuda)(?:[\s=:'"]|$)`)

func bakedInHistory(h *host.Host, i ImageFacts, hook bool) []Finding {
	for _, step := range i.History {
		m := driverPackage.FindStringSubmatch(step[:min(len(step), 1<<16)])
		if m == nil {
			continue
		}
		f := Finding{
			Summary:  fmt.Sprintf("%s installs %s: it holds libraries of the driver, which belong to the host", shown(i.Name), shown(m[1])),
			Evidence: []Evidence{{"image history", shown(step)}},
			Fixes:    []Fix{byHand("build the image without packages of the driver; cuda-toolkit brings CUDA without it", false, None)},
			Severity: Warning, // whether a file is in the way depends on where it lies
		}
		if hook {
			f.Summary += "; the hook may refuse to start it"
		}
		return []Finding{f}
	}
	return nil
}

func imageCapabilities(_ *host.Host, i ImageFacts, hook bool) []Finding {
	value := i.env("NVIDIA_DRIVER_CAPABILITIES")
	if !hook || value == "" {
		return nil
	}
	lacks := missingCapabilities(value)
	if len(lacks) == 0 {
		return nil
	}
	return []Finding{{
		Summary:  fmt.Sprintf("%s asks for %q of the driver: no %s", shown(i.Name), shown(value), strings.Join(lacks, ", no ")),
		Evidence: []Evidence{{"image", shown("NVIDIA_DRIVER_CAPABILITIES=" + value)}},
		Fixes:    []Fix{byHand("run it with -e NVIDIA_DRIVER_CAPABILITIES=all", false, None)},
	}}
}
