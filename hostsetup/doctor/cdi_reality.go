package doctor

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dockergpu/docker-gpu/hostsetup/find"
	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// realityChecks compare specs with the files and devices of the host.
func realityChecks() []Check {
	driver := []string{"G001", "G002"}
	return []Check{
		{
			Code: "C019", Title: "the CDI specs are of the driver that is loaded", Group: Toolkit, Severity: Error, Needs: []Fact{Local, Specs}, After: append(slices.Clone(driver), "C051"),
			Symptoms: []string{`re:error stat'?ing file .*\.so\.[0-9]+\.`, `re:failed to fulfil mount request: open .*: no such file or directory`, `re:bind source path does not exist: .*\.so\.[0-9]+`, "CDI device injection failed: failed to stat CDI host device"},
			Cause:    "The driver was changed after the spec was written, which still names the libraries of the old one. A file in /etc/cdi is written by nobody but the one who made it.",
			Remedy:   "write the spec anew with `nvidia-ctk cdi generate --output=FILE`; take old files out of /etc/cdi",
			Link:     cdiDocs, Run: staleSpecs,
		}, {
			Code: "C016", Title: "the CDI specs give /dev/nvidia-uvm the kernel's number", Group: Toolkit, Severity: Error, Needs: []Fact{Local, Module, Specs}, After: append(slices.Clone(driver), "G021", "C019"),
			Symptoms: []string{"CUDA_ERROR_UNKNOWN", "cudaErrorUnknown", "re:cuInit.*999", "CUDA unknown error - this may be due to an incorrectly set up environment", "re:failed call to cuInit: (UNKNOWN ERROR|CUDA_ERROR_UNKNOWN)"},
			Cause:    "Memory shared with the host goes through /dev/nvidia-uvm, whose major number is new at each load of its module. With a spec that gives another one nvidia-smi works in a container and every CUDA program fails.",
			Remedy:   "make the node with `nvidia-modprobe -u -c=0` if it is missing, then write the spec anew",
			Link:     "https://github.com/NVIDIA/nvidia-container-toolkit/issues/1934", Run: wrongUVM,
		}, {
			Code: "C054", Title: "the host has the device nodes of the specs", Group: Toolkit, Severity: Error, Needs: []Fact{Local, Specs}, After: append(slices.Clone(driver), "G021", "C019", "C016"),
			Symptoms: []string{`re:failed to stat CDI host device "?/dev/nvidia`, `re:error gathering device information while adding custom device "?/dev/nvidia`},
			Cause:    "A spec hands over a device node that the host does not have, or no longer with that number: a GPU was taken out, or its driver not loaded when the nodes were made.",
			Remedy:   "make GPUs' nodes with `nvidia-modprobe -c=N`, unified memory's with `nvidia-modprobe -u -c=0`, or write the spec anew",
			Link:     cdiDocs, Run: missingNodes,
		}, {
			Code: "C021", Title: "the CDI specs have the MIG layout of now", Group: Toolkit, Severity: Error, Needs: []Fact{NVML, Specs}, After: append(slices.Clone(driver), "C019"),
			Symptoms: []string{`re:unresolvable CDI devices nvidia\.com/gpu=(MIG-|[0-9]+:[0-9]+)`, `re:failed to get device handle from UUID.*MIG-`},
			Cause:    "The MIG layout changed after the spec was written. The service that renews specs does not see such changes.",
			Remedy:   "write the spec anew after each change of the MIG layout",
			Link:     "https://github.com/NVIDIA/nvidia-container-toolkit/issues/1828", Run: staleMIG,
		}, {
			Code: "C055", Title: "the CDI specs name this host's GPUs", Group: Toolkit, Severity: Error, Needs: []Fact{NVML, Specs}, After: append(slices.Clone(driver), "G012", "G014", "C019", "C021"),
			Symptoms: []string{`re:unresolvable CDI devices nvidia\.com/gpu=(GPU-|[0-9]+\b)`},
			Cause:    "A GPU was added, taken out or replaced after the spec was written.",
			Remedy:   "write the spec anew",
			Link:     cdiDocs, Run: otherGPUs,
		},
	}
}

// renewed is what mends a spec that no longer fits: to write it again, or to take it
// away where another defines the same devices or no engine reads it.
func renewed(h *host.Host, s host.CDISpec) []Fix {
	if shadowed(h, s) || !looksInto(h, s.Path) {
		return []Fix{setAside(s.Path)}
	}
	if s.Path == specFile(h) || find.SameDir(s.Path, specFile(h)) {
		return []Fix{regenerate(s.Path)}
	}
	return []Fix{regenerate(s.Path), setAside(s.Path)}
}

// judged is the severity of something wrong with a spec: nobody gets what a shadowed
// one says, or one in a directory that the engine does not read.
func judged(h *host.Host, s host.CDISpec) Severity {
	switch {
	case !looksInto(h, s.Path):
		return Note
	case shadowed(h, s):
		return Warning
	}
	return Error
}

func staleSpecs(h *host.Host, _ time.Time) (out []Finding) {
	for _, s := range specsOfGPUs(h) {
		var ev []Evidence
		var summary string
		if s.DriverVersion != "" && h.Driver.Version != "" && s.DriverVersion != h.Driver.Version {
			summary = fmt.Sprintf("%s was written for driver %s; loaded is %s", shown(s.Path), shown(s.DriverVersion), shown(h.Driver.Version))
			ev = append(ev, Evidence{s.Path, shown("libraries of " + s.DriverVersion)}, Evidence{"/proc/driver/nvidia/version", shown(h.Driver.Version)})
		}
		var missing []string
		for _, p := range s.Paths {
			if p.Missing && (p.Use != "hook" || h.Toolkit.Version != "") { // C001 tells of a toolkit that is gone
				missing = append(missing, p.Path)
			}
		}
		if len(missing) > 0 {
			if summary == "" {
				summary = fmt.Sprintf("%s wants %s that this host does not have", shown(s.Path), count(len(missing), "file"))
			}
			ev = append(ev, Evidence{s.Path, "not on this host: " + listed(missing)})
		}
		if summary == "" {
			continue
		}
		out = append(out, Finding{Severity: judged(h, s), Summary: summary, Evidence: ev, Fixes: renewed(h, s)})
	}
	return out
}

const uvm = "nvidia-uvm"

func wrongUVM(h *host.Host, _ time.Time) (out []Finding) {
	if h.OS.WSL > 0 {
		return nil
	}
	major, loaded := h.Kernel.DeviceMajors[uvm]
	for _, s := range specsOfGPUs(h) {
		for _, n := range s.Nodes {
			if !loaded || n.Major == nil || *n.Major == major || !strings.HasPrefix(n.Path, "/dev/"+uvm) {
				continue
			}
			out = append(out, Finding{
				Severity: judged(h, s),
				Summary:  fmt.Sprintf("%s gives %s the major %d; the kernel's is %d", shown(s.Path), shown(n.Path), *n.Major, major),
				Evidence: []Evidence{{s.Path, fmt.Sprintf("%s: major %d", shown(n.Path), *n.Major)}, {"/proc/devices", fmt.Sprintf("%d %s", major, uvm)}},
				Fixes:    renewed(h, s),
			})
			break
		}
	}
	return out
}

func missingNodes(h *host.Host, _ time.Time) (out []Finding) {
	for _, s := range specsOfGPUs(h) {
		var missing, wrong []string
		for _, n := range s.Nodes {
			i := slices.IndexFunc(h.Nodes, func(o host.Node) bool { return o.Path == n.Path })
			switch {
			case n.Missing && !slices.Contains(missing, n.Path):
				missing = append(missing, n.Path)
			case !n.Missing && i >= 0 && n.Major != nil && !strings.HasPrefix(n.Path, "/dev/"+uvm) &&
				(*n.Major != h.Nodes[i].Major || n.Minor != nil && *n.Minor != h.Nodes[i].Minor) && !slices.Contains(wrong, n.Path):
				wrong = append(wrong, n.Path)
			}
		}
		if len(missing)+len(wrong) == 0 {
			continue
		}
		f := Finding{Severity: judged(h, s), Fixes: renewed(h, s)}
		if len(missing) > 0 {
			f.Summary = fmt.Sprintf("%s hands over device nodes that this host does not have: %s", shown(s.Path), listed(missing))
			f.Evidence = append(f.Evidence, Evidence{"/dev", "not there: " + listed(missing)})
		} else {
			f.Summary = fmt.Sprintf("%s gives device nodes other numbers than the host: %s", shown(s.Path), listed(wrong))
		}
		if len(wrong) > 0 {
			f.Evidence = append(f.Evidence, Evidence{s.Path, "other numbers than in /dev: " + listed(wrong)})
		}
		out = append(out, f)
	}
	return out
}
