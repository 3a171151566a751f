package doctor

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dockergpu/docker-gpu/hostsetup/find"
	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/internal/policy"
)

// saw is a piece of evidence.
func saw(source, format string, args ...any) Evidence {
	return Evidence{Source: source, Text: shown(fmt.Sprintf(format, args...))}
}

// told is a finding with its evidence.
func told(evidence []Evidence, fixes []Fix, format string, args ...any) Finding {
	return Finding{Summary: shown(fmt.Sprintf(format, args...)), Evidence: evidence, Fixes: fixes}
}

// gpuName tells a GPU apart for a reader: "GPU 0 (NVIDIA H200, 0000:65:00.0)".
func gpuName(g host.GPU) string {
	words := slices.DeleteFunc([]string{g.Name, g.PCI}, func(s string) bool { return s == "" })
	if len(words) == 0 {
		return fmt.Sprintf("GPU %d", g.Index)
	}
	return shown(fmt.Sprintf("GPU %d (%s)", g.Index, strings.Join(words, ", ")))
}

// selectGPU is how nvidia-smi is told which GPU: by UUID, as indices change.
func selectGPU(g host.GPU) string {
	if strings.HasPrefix(g.UUID, "GPU-") && shown(g.UUID) == g.UUID {
		return g.UUID
	}
	return fmt.Sprint(g.Index)
}

// samePCI says whether two addresses are of one card.
func samePCI(a, b string) bool { return a != "" && shortPCI(a) == shortPCI(b) }

// shortPCI is an address without its function, which the kernel log leaves out, and
// with a domain as the kernel writes it, in four digits or as many as it takes; NVML
// writes eight: "0000:65:00".
func shortPCI(a string) string {
	a, _, _ = strings.Cut(strings.ToLower(a), ".")
	if domain, rest, ok := strings.Cut(a, ":"); ok && len(domain) > 4 {
		return strings.TrimLeft(domain[:len(domain)-4], "0") + domain[len(domain)-4:] + ":" + rest
	}
	return a
}

// logged are the lines of the kernel log that hold one of some texts.
func logged(h *host.Host, texts ...string) (lines []string) {
	for _, l := range h.Kernel.Log {
		if slices.ContainsFunc(texts, func(t string) bool { return strings.Contains(strings.ToLower(l.Text), strings.ToLower(t)) }) {
			lines = append(lines, l.Text)
		}
	}
	return lines
}

// lastLine is evidence of the kernel log: how often, and the last line.
func lastLine(lines []string) []Evidence {
	if len(lines) == 0 {
		return nil
	}
	return []Evidence{saw("kernel log", "%d × %s", len(lines), lines[len(lines)-1])}
}

// xidsOf are the Xids of some codes, in order.
func xidsOf(h *host.Host, codes ...int) (out []host.Xid) {
	for _, x := range h.Xids {
		if slices.Contains(codes, x.Code) {
			out = append(out, x)
		}
	}
	return out
}

// archs are the architectures of the GPUs on the bus, less those that are unknown,
// the oldest first.
func archs(h *host.Host) (out []policy.Arch) {
	for _, p := range find.GPUs(h) {
		if a := policy.ArchOfPCI(p.Device); a != policy.UnknownArch {
			out = append(out, a)
		}
	}
	slices.Sort(out)
	return out
}

// inContainer says that the probe saw a container, which has its host's driver.
func inContainer(h *host.Host) bool { return h.OS.Container != "" }
