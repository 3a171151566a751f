package doctor

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/dockergpu/docker-gpu/hostsetup/find"
	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/internal/policy"
)

const cdiDocs = toolkitDocs + "cdi-support.html"

// cdiChecks compare the specs with the engine that reads them (this file) and with
// the machine that they describe (cdi_reality.go).
func cdiChecks() []Check {
	return slices.Concat([]Check{
		{
			Code: "C051", Title: "every CDI spec can be read", Group: Toolkit, Severity: Error, Needs: []Fact{Specs},
			Symptoms: []string{"failed to parse CDI Spec", "re:failed to (read|load|unmarshal) CDI Spec", "CDI registry has errors", "re:error reading CDI spec"},
			Cause:    "A spec file is cut, empty or not readable for the engine: the disk was full, or its writing was interrupted.",
			Remedy:   "write the file anew with `nvidia-ctk cdi generate --output=FILE`, or take it away",
			Link:     cdiDocs, Run: brokenSpec,
		}, {
			Code: "C052", Title: "no two specs of one directory define one device", Group: Toolkit, Severity: Error, Needs: []Fact{Specs},
			Symptoms: []string{`re:conflicting device "?nvidia\.com/gpu=`, "conflicting device"},
			Cause:    "Two files in one directory define the same device. Which one is meant cannot be told, so engines drop it from both.",
			Remedy:   "keep the file that the toolkit writes and take the other away",
			Link:     "https://github.com/cncf-tags/container-device-interface/blob/main/README.md", Run: doubleDevices,
		}, {
			Code: "C020", Title: "the engine knows every field of the specs", Group: Toolkit, Severity: Error, Needs: []Fact{Specs, Docker}, After: otherDocker(),
			Symptoms: []string{`json: unknown field "additionalGids"`, `re:unknown field "?(additionalGids|intelRdt)`},
			Cause:    "Toolkits since 1.19.1 write fields of CDI schema 0.7.0. An engine older than 26.1 does not know them and drops the whole file.",
			Remedy:   "upgrade Docker, or write the spec with `--feature-flag=no-additional-gids-for-device-nodes`",
			Link:     "https://github.com/NVIDIA/nvidia-container-toolkit/issues/1860", Run: unknownFields,
		}, {
			Code: "C053", Title: "the specs' schema is one that the engine reads", Group: Toolkit, Severity: Error, Needs: []Fact{Specs, Docker}, After: append(otherDocker(), "C020"),
			Symptoms: []string{"re:invalid CDI Spec version", "re:CDI [Ss]pec .*unsupported version", "re:invalid spec.*cdiVersion"},
			Cause:    "The spec was written for a newer CDI schema than the engine's.",
			Remedy:   "upgrade Docker, or write the spec with the toolkit that this host has",
			Link:     cdiDocs, Run: newSchema,
		}, {
			Code: "C017", Title: "the engine takes CDI devices", Group: Toolkit, Severity: Error, Needs: []Fact{Docker, Module}, After: append(otherDocker(), "G001", "C001", "C036"),
			Symptoms: []string{`could not select device driver "cdi" with capabilities: []`},
			Cause:    "CDI is off: Docker 25 to 28.1 has it only with features.cdi in daemon.json, and later ones unless that says false.",
			Remedy:   `put "features": {"cdi": true} into daemon.json and restart Docker`,
			Link:     "https://docs.docker.com/build/building/cdi/", Run: cdiOff,
		}, {
			Code: "C069", Title: "the engine knows CDI", Group: Toolkit, Severity: Note, Needs: []Fact{Docker, Module}, After: append(otherDocker(), "G001"),
			Symptoms: []string{`re:error gathering device information while adding custom device "?nvidia\.com/gpu=`, "bad format for path: nvidia.com/gpu", "invalid device specification nvidia.com/gpu=all"},
			Cause:    "Docker before 25 has no CDI and takes the name of a CDI device for a path below /dev.",
			Remedy:   "use `--gpus`, or upgrade Docker to 28.2 or newer",
			Link:     "https://docs.docker.com/engine/install/", Run: engineWithoutCDI,
		},
	}, realityChecks(), specChecks())
}

func brokenSpec(h *host.Host, _ time.Time) (out []Finding) {
	for _, s := range h.CDI.Specs {
		if s.Error == "" {
			continue
		}
		f := Finding{Summary: shown(s.Path) + " cannot be read", Evidence: []Evidence{{s.Path, shown(s.Error)}}, Fixes: []Fix{setAside(s.Path)}}
		switch {
		case path.Base(s.Path) == "nvidia.yaml" || path.Base(s.Path) == "nvidia.json":
			f.Fixes = append([]Fix{regenerate(s.Path)}, f.Fixes...)
		case len(specsOfGPUs(h)) > 0:
			f.Severity = Warning // somebody else's; the GPUs have a spec that can be read
		}
		if !looksInto(h, s.Path) {
			f.Severity = Note
		}
		out = append(out, f)
	}
	return out
}

func doubleDevices(h *host.Host, _ time.Time) (out []Finding) {
	type device struct{ dir, kind, name string }
	type pair struct{ first, other int }
	var pairs []pair
	first, both := map[device]int{}, map[pair][]string{}
	for i, s := range h.CDI.Specs {
		if s.Error != "" {
			continue
		}
		for _, name := range s.Devices {
			d := device{find.PlainDir(path.Dir(s.Path)), s.Kind, name}
			other, there := first[d]
			switch {
			case !there:
				first[d] = i
			case h.CDI.Specs[other].Path != s.Path:
				p := pair{other, i}
				if both[p] == nil {
					pairs = append(pairs, p)
				}
				both[p] = append(both[p], s.Kind+"="+name)
			}
		}
	}
	for _, p := range pairs {
		a, b := h.CDI.Specs[p.first], h.CDI.Specs[p.other]
		f := Finding{
			Summary:  fmt.Sprintf("%s and %s both define %s: the engine drops what both define", shown(a.Path), shown(b.Path), listed(both[p])),
			Evidence: []Evidence{{a.Path, shown(strings.Join(a.Devices, ", "))}, {b.Path, shown(strings.Join(b.Devices, ", "))}},
			Fixes:    []Fix{setAside(older(a, b).Path)},
		}
		f.Fixes[0].Safe = ofToolkit(a) != ofToolkit(b) // else it is a guess which one is meant
		if a.Kind != gpuKind || !looksInto(h, a.Path) {
			f.Severity = Warning
		}
		out = append(out, f)
	}
	return out
}

// ofToolkit says whether a spec has the name that the toolkit gives it.
func ofToolkit(s host.CDISpec) bool { return strings.HasPrefix(path.Base(s.Path), "nvidia.") }

// older is the spec to take away: not the toolkit's own file, else the older one.
func older(a, b host.CDISpec) host.CDISpec {
	if ofToolkit(a) != ofToolkit(b) {
		if ofToolkit(a) {
			return b
		}
		return a
	}
	if a.Changed.After(b.Changed) {
		return b
	}
	return a
}

// fieldsUnknown are fields of a spec for which the engine drops it.
func fieldsUnknown(h *host.Host, s host.CDISpec) (unknown []string) {
	engine := policy.EngineOf(h.Engine.Version)
	if engine.CDI == "no" || engine.Schema == policy.EngineOf("").Schema || !looksInto(h, s.Path) {
		return nil // it reads no specs, or all, or not this one
	}
	for _, field := range policy.CDIFields() {
		if slices.Contains(s.Fields, field.Name) && policy.Compare(h.Engine.Version, field.Engine) < 0 {
			unknown = append(unknown, field.Name)
		}
	}
	return unknown
}

func unknownFields(h *host.Host, _ time.Time) (out []Finding) {
	for _, s := range h.CDI.Specs {
		unknown := fieldsUnknown(h, s)
		if len(unknown) == 0 {
			continue
		}
		again := regenerate(s.Path)
		again.Title += " without the field"
		last := len(again.Argv) - 1
		again.Argv[last] = append(again.Argv[last], "--feature-flag=no-additional-gids-for-device-nodes")
		out = append(out, Finding{
			Severity: cdiSeverity(h),
			Summary:  fmt.Sprintf("Docker %s does not know %s and drops %s", shown(h.Engine.Version), strings.Join(unknown, ", "), shown(s.Path)),
			Evidence: []Evidence{{s.Path, shown("cdiVersion " + s.Schema)}, {"docker version", shown(h.Engine.Version)}},
			Fixes:    append([]Fix{again}, engineFixes(h)...),
		})
	}
	return out
}

func newSchema(h *host.Host, _ time.Time) (out []Finding) {
	reads := policy.EngineOf(h.Engine.Version).Schema
	for _, s := range h.CDI.Specs {
		if reads == "" || s.Schema == "" || !looksInto(h, s.Path) || policy.Compare(s.Schema, reads) <= 0 || len(fieldsUnknown(h, s)) > 0 {
			continue // C020 tells of fields
		}
		fixes := engineFixes(h)
		if s.Kind == gpuKind {
			fixes = append([]Fix{regenerate(s.Path)}, fixes...)
		}
		out = append(out, Finding{
			Severity: cdiSeverity(h),
			Summary:  fmt.Sprintf("%s has CDI schema %s; Docker %s reads up to %s", shown(s.Path), shown(s.Schema), shown(h.Engine.Version), reads),
			Evidence: []Evidence{{s.Path, shown("cdiVersion " + s.Schema)}, {"docker version", shown(h.Engine.Version)}},
			Fixes:    fixes,
		})
	}
	return out
}
