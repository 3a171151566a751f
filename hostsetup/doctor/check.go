package doctor

import (
	"time"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// Severity is how much a finding matters.
type Severity string

const (
	// Error is a GPU or a container that does not work, or is about to fail.
	Error Severity = "error"
	// Warning works today and should be mended.
	Warning Severity = "warning"
	// Note is worth knowing.
	Note Severity = "note"
)

// Group is what a check looks at.
type Group string

const (
	Driver  Group = "driver"  // kernel, driver, device nodes
	Health  Group = "health"  // the GPUs themselves
	Toolkit Group = "toolkit" // the container toolkit and CDI
	Engine  Group = "engine"  // Docker, its configuration, containers, Compose and Swarm
	Version Group = "version" // ends of life and security floors
)

// Fact names a part of a host that a check cannot do without; where it is not there
// the check does not apply, and where it could not be read (Host.Unread) the report
// says so.
type Fact string

const (
	Local   Fact = "local"   // the machine's own files, seen here or by a worker there
	PCI     Fact = "pci"     // an NVIDIA GPU on the bus
	Module  Fact = "module"  // a loaded NVIDIA driver
	Nodes   Fact = "nodes"   // the list of device nodes, which may be empty
	Bridges Fact = "acs"     // how the PCI bridges above GPUs are set up
	NVML    Fact = "nvml"    // GPUs with their health
	KLog    Fact = "klog"    // the kernel log
	Docker  Fact = "engine"  // an engine that answers
	Specs   Fact = "cdi"     // at least one CDI spec
	Tools   Fact = "toolkit" // an installed toolkit
	Systemd Fact = "systemd" // unit states
)

// Rarity is how often a report of a check's symptoms comes to it in the end.
type Rarity int

const (
	// Often is what most reports of the text come to.
	Often Rarity = iota - 1
	Sometimes
	// Seldom takes a host of a special kind: a snap, Docker Desktop, Podman.
	Seldom
)

// Check is one thing that can be wrong.
type Check struct {
	// Code is stable and never used for anything else: "G001".
	Code  string
	Title string // "the NVIDIA kernel module is loaded": what is right when it passes
	Group Group
	// Severity is that of its findings, unless one says otherwise.
	Severity Severity
	Needs    []Fact
	// After are codes of causes: where one of them was found, this is not looked at.
	After []string
	// Symptoms are texts that users see of it, as they are printed; `explain` and the
	// table of codes use them. A regular expression where one begins with "re:".
	Symptoms []string
	// Rarity puts checks in order whose symptoms fit a text equally well.
	Rarity Rarity
	// Cause says in a sentence or two why it happens; Link leads to more.
	Cause string
	// Remedy says in a sentence what mends it, for the table of codes and for a text
	// that was seen on another host; a finding's Fixes are for the host at hand.
	Remedy string
	Link   string
	// Run looks. No finding means that all is well. now is the time to judge by.
	Run func(h *host.Host, now time.Time) []Finding
}

// Finding is something wrong on a host.
type Finding struct {
	Code     string     `json:"code"`
	Title    string     `json:"title,omitempty"`
	Group    Group      `json:"group"`
	Severity Severity   `json:"severity"`
	Summary  string     `json:"summary"` // one line: the thing and its value
	Evidence []Evidence `json:"evidence,omitempty"`
	Cause    string     `json:"cause,omitempty"`
	Fixes    []Fix      `json:"fixes,omitempty"` // the best first
	Link     string     `json:"link,omitempty"`
	// GPU is the UUID of the one it is about, "" for the machine.
	GPU string `json:"gpu,omitempty"`
}

// Evidence is where something was seen, and what.
type Evidence struct {
	Source string `json:"source"` // "/proc/driver/nvidia/version", "NVML", "kernel log"
	Text   string `json:"text"`
}

// Disruption is what a fix does to what runs.
type Disruption string

const (
	None    Disruption = "none"
	Reload  Disruption = "reload"  // of a daemon: nothing stops
	Restart Disruption = "restart" // of Docker or of GPU programs
	Reboot  Disruption = "reboot"
)

// Fix is a way to mend a finding.
type Fix struct {
	Title string `json:"title"`
	// Argv are commands, exactly, run in order; none where hands are needed.
	Argv       [][]string `json:"argv,omitempty"`
	Root       bool       `json:"root,omitempty"`
	Disruption Disruption `json:"disruption"`
	// Undo are the commands that take it back.
	Undo [][]string `json:"undo,omitempty"`
	// Safe says that `doctor --fix` may do it: it mends without a restart or a reboot
	// and can be undone or needs no undoing.
	Safe bool `json:"safe,omitempty"`
}
