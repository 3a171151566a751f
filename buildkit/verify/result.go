// Package verify is the proof of an image: the program that runs in it, the
// result it writes, and the judge of that result. The judge is pure.
package verify

import (
	_ "embed"
	"encoding/json"
	"fmt"
)

//go:embed verify.py
var program []byte

// Program is the text of verify.py, which runs inside the image.
func Program() []byte { return program }

// Config is what the program is told.
type Config struct {
	Torch bool `json:"torch"`
	GPU   bool `json:"gpu"`
}

// Result is what the program found. Its JSON goes into --metadata-file.
type Result struct {
	SchemaVersion int     `json:"schemaVersion"`
	Tier          int     `json:"tier"` // 1 without a GPU, 2 on GPUs
	Python        string  `json:"python,omitempty"`
	Torch         *Torch  `json:"torch,omitempty"`
	Driver        string  `json:"driver,omitempty"`
	Checks        []Check `json:"checks"`
	GPUs          []GPU   `json:"gpus"`
	Seconds       float64 `json:"seconds"`
}

// Torch is PyTorch as it describes itself.
type Torch struct {
	Version string   `json:"version"` // "2.14.0+cu130"
	CUDA    string   `json:"cuda"`
	Archs   []string `json:"archs"` // "sm_90", "compute_120"
}

// Check is one thing that was tried.
type Check struct {
	Name    string  `json:"name"`
	OK      bool    `json:"ok"`
	Detail  string  `json:"detail"`
	Seconds float64 `json:"seconds"`
}

// GPU is one device and what it computed.
type GPU struct {
	Index             int         `json:"index"`
	Name              string      `json:"name"`
	ComputeCapability string      `json:"computeCapability"`
	Memory            int64       `json:"memory"` // bytes
	Results           []Operation `json:"results"`
}

// Operation is one product or convolution on a GPU.
type Operation struct {
	Op        string  `json:"op"`
	Format    string  `json:"format"` // fp32, tf32, fp16, bf16
	Size      int     `json:"size"`
	Error     any     `json:"error"` // a number relative to max(|A||B|), or "nan"
	Tolerance float64 `json:"tolerance"`
	OK        bool    `json:"ok"`
	TFLOPS    float64 `json:"tflops,omitempty"` // 10^12 floating-point operations a second
}

// Parse reads what the program wrote.
func Parse(data []byte) (*Result, error) {
	var r Result
	if err := json.Unmarshal(data, &r); err != nil {
		return nil, fmt.Errorf("the verification wrote no readable result: %w", err)
	}
	if r.SchemaVersion != 1 || len(r.Checks) == 0 {
		return nil, fmt.Errorf("the verification wrote a result without checks")
	}
	return &r, nil
}
