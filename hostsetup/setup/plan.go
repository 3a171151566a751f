package setup

import (
	"encoding/json"

	"github.com/dockergpu/docker-gpu/hostsetup/doctor"
)

// SchemaVersion is the form of a plan's JSON; another one is refused.
const SchemaVersion = 1

// Part is one of the things that setup sets up, each chosen with --only and --skip.
type Part string

// Parts, in the order in which they are made.
const (
	DriverPart  Part = "driver"
	DockerPart  Part = "docker"
	ToolkitPart Part = "toolkit"
	RuntimePart Part = "runtime"
	SwarmPart   Part = "swarm"
	HooksPart   Part = "hooks"
	HoldPart    Part = "hold"
)

// Plan is what would be done. Its JSON is public and can be applied elsewhere in time, but
// only to the machine and the facts that it was made of.
type Plan struct {
	SchemaVersion int `json:"schemaVersion"`
	// Facts is the hash of the facts that the plan depends on.
	Facts  string `json:"facts"`
	Wishes Wishes `json:"wishes"`
	Steps  []Step `json:"steps"`
	// Right is what is as it should be already, in words, by part.
	Right []Note `json:"right,omitempty"`
	// Left is what the plan leaves to the user, and why.
	Left []Note `json:"left,omitempty"`
}

// Note is a sentence about a part.
type Note struct {
	Part Part   `json:"part"`
	Text string `json:"text"`
}

// Step is one step.
type Step struct {
	// ID names it in the plan and the journal: "toolkit/packages".
	ID         string            `json:"id"`
	Part       Part              `json:"part"`
	Title      string            `json:"title"`
	Why        string            `json:"why"`
	Op         Op                `json:"op"`
	Root       bool              `json:"root,omitempty"`
	Disruption doctor.Disruption `json:"disruption"`
	// Undo says what rollback does.
	Undo string `json:"undo"`
}

// Wishes are what the user wants.
type Wishes struct {
	Only []Part `json:"only,omitempty"`
	Skip []Part `json:"skip,omitempty"`
	// DriverBranch is "580"; "" takes the one for the GPUs.
	DriverBranch string `json:"driverBranch,omitempty"`
	// DockerFrom is "docker" for Docker's own packages, "distro" for the distribution's; ""
	// keeps what is there, and is "docker" where nothing is.
	DockerFrom string `json:"dockerFrom,omitempty"`
	// ToolkitVersion is "1.20.1"; "" takes the current one.
	ToolkitVersion string `json:"toolkitVersion,omitempty"`
	// ToolkitPath is a folder that has the toolkit's programs, for a machine without packages.
	ToolkitPath string `json:"toolkitPath,omitempty"`
	// ToolkitSums are the SHA-256 sums of the programs in ToolkitPath, by name: whoever asks
	// for a plan has looked, the planner looks at nothing.
	ToolkitSums map[string]string `json:"toolkitSums,omitempty"`
	// Offline is a folder that has all package files.
	Offline string `json:"offline,omitempty"`
	// NvidiaRuntime also registers the nvidia runtime, for `--runtime nvidia`.
	NvidiaRuntime bool `json:"nvidiaRuntime,omitempty"`
	// ClientConfig is the user's Docker client configuration, "" where hooks are not ours to
	// put in.
	ClientConfig string `json:"clientConfig,omitempty"`
	Swarm        bool   `json:"swarm,omitempty"`
	Hold         bool   `json:"hold,omitempty"`
	// AllowRestart consents to a restart of Docker although containers run.
	AllowRestart bool `json:"allowRestart,omitempty"`
}

// Difference is the id of the first step that two plans do not share, "" where they do the same.
func Difference(a, b *Plan) string {
	for i := range max(len(a.Steps), len(b.Steps)) {
		switch {
		case i >= len(a.Steps):
			return b.Steps[i].ID
		case i >= len(b.Steps) || plainStep(a.Steps[i]) != plainStep(b.Steps[i]):
			return a.Steps[i].ID
		}
	}
	return ""
}

// plainStep is a step as JSON has it, so that what is empty and what is absent are one.
func plainStep(s Step) string {
	data, err := json.Marshal(s)
	if err != nil {
		return err.Error() // equal to none that can be applied
	}
	return string(data)
}
