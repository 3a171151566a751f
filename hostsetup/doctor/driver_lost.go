package doctor

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/dockergpu/docker-gpu/hostsetup/find"
	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// lostChecks are of GPUs that are on the bus and do not work.
func lostChecks() []Check {
	return []Check{
		{
			Code: "G018", Title: "the GPUs have their power cables", Group: Driver, Severity: Error, Needs: []Fact{PCI}, After: []string{"G004", "G005"},
			Symptoms: []string{"re:Xid \\(PCI:[0-9a-f:.]+\\): 54,", "GPU does not have the necessary power cables connected"},
			Cause:    "A power cable of the card is not plugged in, or not fully.",
			Link:     "https://docs.nvidia.com/deploy/xid-errors/analyzing-xid-catalog.html",
			Run:      powerCable,
		},
		{
			Code: "G012", Title: "no GPU has fallen off the bus", Group: Driver, Severity: Error, After: []string{"G004", "G005", "G001", "G018"},
			Symptoms: []string{"Unable to determine the device handle for GPU", "GPU has fallen off the bus", "GPU is lost. Reboot the system to recover this GPU", "re:Xid \\(PCI:[0-9a-f:.]+\\): 79,"},
			Cause:    "The GPU stopped answering on PCIe: power, heat, a bad slot or riser, or a defect. Its driver cannot bring it back.",
			Link:     "https://docs.nvidia.com/deploy/xid-errors/analyzing-xid-catalog.html",
			Run:      offTheBus,
		},
		{
			Code: "G013", Title: "the GPU firmware answers the driver", Group: Driver, Severity: Error, Needs: []Fact{KLog}, After: []string{"G004", "G005", "G001", "G012"},
			Symptoms: []string{"re:Xid.* (119|120),? .*Timeout .*waiting for RPC (response )?from GSP", "Timeout waiting for RPC from GSP", "re:Xid \\(PCI:[0-9a-f:.]+\\): (119|120),"},
			Cause:    "The GPU's own processor (GSP), on which most of the driver runs, hung or failed. Newer drivers mend many such bugs.",
			Link:     "https://github.com/NVIDIA/open-gpu-kernel-modules/issues/446",
			Run:      pressing(gspHang),
		},
		{
			Code: "G007", Title: "the firmware of the machine gives the GPUs enough address space", Group: Driver, Severity: Error, Needs: []Fact{KLog, PCI, Module}, After: afterDriver("G012"),
			Rarity:   Seldom,
			Symptoms: []string{"No devices were found", "re:BAR \\d+.*can't assign", "This PCI I/O region assigned to your NVIDIA device is invalid"},
			Cause:    "The GPU's memory window (BAR) got no place: Above 4G Decoding or Resizable BAR is off in the machine's firmware setup.",
			Link:     "https://github.com/NVIDIA/open-gpu-kernel-modules/issues/862",
			Run:      noBAR,
		},
		{
			Code: "G014", Title: "the driver sees every GPU on the bus", Group: Driver, Severity: Error, Needs: []Fact{PCI, Module}, After: afterDriver("G018", "G012", "G013", "G007"),
			Symptoms: []string{"No devices were found"},
			Cause:    "A GPU is on the bus and the driver does not list it: it could not be started, is excluded, or is bound to another driver.",
			Run:      unseen,
		},
	}
}

func powerCable(h *host.Host, _ time.Time) (out []Finding) {
	fix := []Fix{manual("switch the machine off, plug in all power cables of the card fully, start it again", Reboot)}
	for _, pci := range addresses(xidsOf(h, 54)) {
		of := xidsAt(xidsOf(h, 54), pci)
		out = append(out, told([]Evidence{saw("kernel log", "%d × %s", len(of), of[len(of)-1].Text)}, fix, "the GPU at %s lacks a power cable", orUnknown(pci)))
	}
	if lines := logged(h, "power cables connected"); len(out) == 0 && len(lines) > 0 {
		out = append(out, told(lastLine(lines), fix, "a GPU lacks a power cable"))
	}
	return out
}

// addresses are the PCI addresses of Xids, each once, in order.
func addresses(xids []host.Xid) (out []string) {
	for _, x := range xids {
		if !slices.Contains(out, shortPCI(x.PCI)) {
			out = append(out, shortPCI(x.PCI))
		}
	}
	return out
}

func xidsAt(xids []host.Xid, pci string) (out []host.Xid) {
	for _, x := range xids {
		if shortPCI(x.PCI) == pci {
			out = append(out, x)
		}
	}
	return out
}

func offTheBus(h *host.Host, _ time.Time) []Finding {
	var evidence []Evidence
	var names []string
	uuid := ""
	for _, g := range h.GPUs {
		if g.Lost {
			names, uuid = append(names, gpuName(g)), g.UUID
			evidence = append(evidence, saw("NVML", "%s: GPU is lost", gpuName(g)))
		}
	}
	for _, x := range xidsOf(h, 79) {
		if x.PCI != "" && !slices.ContainsFunc(names, func(n string) bool { return strings.Contains(n, shortPCI(x.PCI)) }) {
			names = append(names, "the GPU at "+shortPCI(x.PCI))
		}
	}
	if x := xidsOf(h, 79); len(x) > 0 {
		evidence = append(evidence, saw("kernel log", "%d × %s", len(x), x[len(x)-1].Text))
	}
	lines := logged(h, "fallen off the bus")
	evidence = append(evidence, lastLine(lines)...)
	if why := h.Unread["nvml"]; strings.Contains(why, "Unable to determine the device handle") || strings.Contains(why, "GPU is lost") {
		evidence = append(evidence, saw("NVML", "%s", why))
	}
	if len(evidence) == 0 {
		return nil
	}
	if len(names) == 0 {
		names = []string{"a GPU"}
	}
	fixes := elsewhere(h)
	if fixes == nil {
		fixes = []Fix{{Title: "switch the machine off and on; a mere restart does not always bring the GPU back", Root: true, Disruption: Reboot, Argv: [][]string{{"systemctl", "poweroff"}}},
			manual("if it comes back: seat the card and its cables anew, try another slot, look at temperature and power supply", Reboot)}
		if len(h.GPUs) > 0 {
			fixes = append(fixes, Fix{Title: "to see whether power is the cause: lower the clocks for a while", Argv: [][]string{{"nvidia-smi", "-lgc", "0,1200"}}, Root: true, Disruption: None, Undo: [][]string{{"nvidia-smi", "-rgc"}}})
		}
	}
	f := told(evidence, fixes, "%s fell off the bus", strings.Join(names, ", "))
	if len(names) == 1 {
		f.GPU = uuid
	}
	back := h.Unread["nvml"] == "" && len(xidsOf(h, 79)) > 0 && !slices.ContainsFunc(h.GPUs, func(g host.GPU) bool { return g.Lost }) &&
		!slices.ContainsFunc(xidsOf(h, 79), func(x host.Xid) bool { g, known := gpuAt(h, x.PCI); return !recovered(g, known) })
	if back {
		f.Severity, f.Summary = Warning, shown(strings.Join(names, ", ")+" fell off the bus and is back")
		f.Fixes = fixes[min(1, len(fixes)-1):] // what to do if it comes again
	}
	return []Finding{f}
}

func gspHang(h *host.Host, _ time.Time) (out []Finding) {
	all := xidsOf(h, 119, 120)
	for _, pci := range addresses(all) {
		of := xidsAt(all, pci)
		g, known := gpuAt(h, pci)
		fixes := []Fix{reboot("restart the machine"), manual("install a newer driver of the branch", Reboot)}
		if known {
			fixes = append([]Fix{resetGPU(g)}, fixes...)
		}
		if h.Driver.Flavour == "proprietary" && mayInstall(h) {
			fixes = append(fixes, Fix{Title: "do without the firmware, which the proprietary modules can", Root: true, Disruption: Reboot,
				Argv: [][]string{{"sh", "-c", "echo 'options nvidia NVreg_EnableGpuFirmware=0' > /etc/modprobe.d/docker-gpu-gsp.conf"}, rebuildInitrd(h), {"systemctl", "reboot"}},
				Undo: [][]string{{"rm", "-f", "/etc/modprobe.d/docker-gpu-gsp.conf"}, rebuildInitrd(h)}})
		}
		f := told([]Evidence{saw("kernel log", "%d × %s", len(of), of[len(of)-1].Text), saw("NVML", "driver %s, GSP firmware %s", orUnknown(h.Driver.Version), orUnknown(g.GSP))},
			fixes, "the firmware of %s hung: Xid %d, %s", nameAt(h, pci), of[len(of)-1].Code, times(len(of)))
		f.GPU = g.UUID
		if recovered(g, known) {
			f.Severity = Warning
		}
		out = append(out, f)
	}
	return out
}

// recovered says that NVML wants nothing done for a GPU: what is logged of it is over.
func recovered(g host.GPU, known bool) bool { return known && !g.Lost && g.RecoveryAction == "none" }

// gpuAt is NVML's GPU at an address.
func gpuAt(h *host.Host, pci string) (host.GPU, bool) {
	i := slices.IndexFunc(h.GPUs, func(g host.GPU) bool { return samePCI(g.PCI, pci) })
	if i < 0 {
		return host.GPU{}, false
	}
	return h.GPUs[i], true
}

func nameAt(h *host.Host, pci string) string {
	if g, ok := gpuAt(h, pci); ok {
		return gpuName(g)
	}
	if pci == "" {
		return "a GPU"
	}
	return "the GPU at " + pci
}

var badBAR = regexp.MustCompile(`BAR \d+.*(can't assign|no space for|failed to assign)|PCI I/O region assigned to your NVIDIA device is invalid`)

func noBAR(h *host.Host, _ time.Time) (out []Finding) {
	for _, p := range unlisted(h) {
		for _, l := range h.Kernel.Log {
			if !badBAR.MatchString(l.Text) || strings.Contains(l.Text, "BAR") && !strings.Contains(l.Text, p.Address) {
				continue
			}
			out = append(out, told([]Evidence{saw("kernel log", "%s", l.Text)},
				[]Fix{manual("in the machine's firmware setup switch on Above 4G Decoding, and Resizable BAR if it is there", Reboot)},
				"the GPU at %s has no memory window", p.Address))
			break
		}
	}
	return out
}

// unlisted are GPUs on the bus that NVML does not list, and that were not handed to a VM.
func unlisted(h *host.Host) (out []host.PCI) {
	if h.Unread["nvml"] != "" || h.OS.WSL != 0 || len(missingLibraries(h)) > 0 {
		return nil // nobody knows what it lists
	}
	for _, g := range h.GPUs {
		if g.PCI == "" {
			return nil // nobody knows which ones are missing
		}
	}
	for _, p := range find.GPUs(h) {
		if _, listed := gpuAt(h, p.Address); !listed && p.Driver != "vfio-pci" {
			out = append(out, p)
		}
	}
	return out
}

func unseen(h *host.Host, _ time.Time) (out []Finding) {
	if inContainer(h) {
		return nil // it sees the bus of the host and only its own GPUs
	}
	for _, p := range unlisted(h) {
		failures := logged(h, "RmInitAdapter failed")
		evidence := append([]Evidence{saw("PCI", "%s: device 10de:%s, driver %s", p.Address, p.Device, orNone(p.Driver)), saw("NVML", "it lists %s", count(len(h.GPUs), "GPU"))}, lastLine(failures)...)
		fix := Fix{Title: "see why the driver could not start it", Argv: [][]string{{"dmesg", "--kernel", "--level", "err,warn"}}, Root: true, Disruption: None}
		if p.Driver == "" && regexp.MustCompile(`^[0-9a-fA-F:.]+$`).MatchString(p.Address) {
			fix = Fix{Title: "have the driver take the GPU", Argv: [][]string{{"sh", "-c", fmt.Sprintf("echo %s > /sys/bus/pci/drivers/nvidia/bind", p.Address)}}, Root: true, Disruption: None,
				Undo: [][]string{{"sh", "-c", fmt.Sprintf("echo %s > /sys/bus/pci/drivers/nvidia/unbind", p.Address)}}}
		}
		out = append(out, told(evidence, []Fix{fix, reboot("restart the machine")}, "the GPU at %s is on the bus (driver: %s) and the NVIDIA driver does not list it", p.Address, orNone(p.Driver)))
	}
	return out
}
