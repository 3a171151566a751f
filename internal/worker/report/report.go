// Package report is what cmd/gpu-worker prints, one JSON object per line: the contract
// between it and whoever started it, in a container or on a host. It is a leaf, so that
// neither the worker takes in the plugin nor the plugin CUDA.
package report

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
)

// SchemaVersion is the form of the lines; the first line of a run says it.
const SchemaVersion = 1

// Stages of a run, in its order. A stage that fails ends the run of its GPU, or of all.
const (
	Start   = "start"   // the program runs
	Load    = "load"    // libcuda is there with all functions
	Init    = "init"    // cuInit, and at least one device
	Device  = "device"  // what a device is
	Context = "context" // a context on the device
	Memory  = "memory"  // allocation, writing, reading back
	Kernel  = "kernel"  // kernels fill a buffer and add it up; its copy is compared
	GEMM    = "gemm"    // a product in one format
	Peer    = "peer"    // one device's memory from another
	End     = "end"     // the verdict; a run without this line was cut off
)

// Line is one line.
type Line struct {
	Stage string `json:"stage"`
	OK    bool   `json:"ok"`
	// Milliseconds is how long the stage took, by the worker's clock.
	Milliseconds float64 `json:"ms,omitempty"`
	Detail       string  `json:"detail,omitempty"`
	// Skipped is why a stage does not apply; it is then OK.
	Skipped string `json:"skipped,omitempty"`

	// GPU is the UUID of the device it is about; Peer that of the one it reads from.
	GPU    string `json:"gpu,omitempty"`
	Peer   string `json:"peer,omitempty"`
	Format string `json:"format,omitempty"` // of GEMM: "fp32", "tf32", "fp16", "bf16"
	// Error is why it is not OK.
	Error *Error `json:"error,omitempty"`

	// Of Start.
	SchemaVersion int    `json:"schemaVersion,omitempty"`
	Version       string `json:"version,omitempty"` // of the worker
	// Visible is NVIDIA_VISIBLE_DEVICES in the worker's environment, nil where it is not set:
	// "void" is what CDI specs of nvidia-ctk write, other values mean the hook.
	Visible *string `json:"visible,omitempty"`
	// Of Init: the newest CUDA version that the driver supports, "13.0".
	CUDA string `json:"cuda,omitempty"`
	// Of Device.
	Description *Description `json:"device,omitempty"`
}

// Description is a device as CUDA shows it.
type Description struct {
	Index             int    `json:"index"`
	Name              string `json:"name"`
	PCI               string `json:"pci,omitempty"`
	ComputeCapability string `json:"computeCapability"`
	Memory            uint64 `json:"memory"` // bytes
}

// Error is why a stage failed.
type Error struct {
	// Kind is "cuda" for a call that failed, "wrong" for a wrong result, "hung" for a stage
	// that did not end, "library" for a driver library that is not there or lacks something,
	// "none" for no device, "" for anything else.
	Kind string `json:"kind,omitempty"`
	Text string `json:"text"` // one line, for people
	// Of "cuda".
	Call string `json:"call,omitempty"` // "cuInit"
	Code int    `json:"code,omitempty"` // 999
	Name string `json:"name,omitempty"` // "CUDA_ERROR_UNKNOWN"
	// Of "wrong".
	Expected string `json:"expected,omitempty"`
	Found    string `json:"found,omitempty"`
}

// Read reads the lines of a run. What is no line of the worker's, such as a loader's own
// complaint, is returned as noise; at most so much of either is kept that a hostile
// program cannot fill the memory.
func Read(r io.Reader) (lines []Line, noise []string, err error) {
	const most, longest = 100_000, 1 << 20
	s := bufio.NewScanner(io.LimitReader(r, 64<<20))
	s.Buffer(make([]byte, 0, 64<<10), longest)
	for s.Scan() {
		if len(s.Bytes()) == 0 {
			continue
		}
		var l Line
		if json.Unmarshal(s.Bytes(), &l) == nil && l.Stage != "" {
			if lines = append(lines, l); len(lines) > most {
				return lines, noise, fmt.Errorf("the worker wrote more than %d lines", most)
			}
		} else if len(noise) < 20 {
			noise = append(noise, s.Text())
		}
	}
	if err := s.Err(); err != nil {
		return lines, noise, fmt.Errorf("the worker's output cannot be read: %w", err)
	}
	if len(lines) > 0 && lines[0].Stage == Start && lines[0].SchemaVersion != SchemaVersion {
		return lines, noise, fmt.Errorf("the worker writes lines of version %d, this docker gpu reads %d: use the worker that came with it", lines[0].SchemaVersion, SchemaVersion)
	}
	return lines, noise, nil
}
