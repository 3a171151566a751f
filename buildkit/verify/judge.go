package verify

import (
	"fmt"
	"strings"

	"github.com/dockergpu/docker-gpu/buildkit/resolve"
)

// Failure is an image that was looked at and found wrong.
type Failure struct{ Wrong []string }

func (e *Failure) Error() string {
	return "the image failed its verification, so nothing was exported: " + strings.Join(e.Wrong, "; ")
}

// tolerated says that a failed check is the base image's own affair: libraries
// that stand twice in an image that came with PyTorch waste space, and which of
// them is loaded the products have shown to work.
func tolerated(c Check, plan resolve.Plan) bool {
	return c.Name == "duplicates" && plan.Torch != nil && plan.Torch.InBase
}

// Judge compares a result with the plan and returns a *Failure that names
// everything wrong, or nil.
func Judge(r *Result, plan resolve.Plan) error {
	var wrong []string
	for _, c := range r.Checks {
		if !c.OK && !tolerated(c, plan) {
			wrong = append(wrong, c.Name+": "+c.Detail)
		}
	}
	if t := plan.Torch; t != nil && r.Torch != nil {
		public, _, _ := strings.Cut(r.Torch.Version, "+")
		if t.Version != "" && !t.InBase && public != t.Version {
			wrong = append(wrong, fmt.Sprintf("torch is %s, not the %s that was asked for", r.Torch.Version, t.Version))
		}
		if plan.CUDA != "" && r.Torch.CUDA != plan.CUDA {
			wrong = append(wrong, fmt.Sprintf("torch is made for CUDA %q, not %s", r.Torch.CUDA, plan.CUDA))
		}
		if len(plan.Targets) > 0 {
			if err := resolve.CheckArchs(plan.Targets, r.Torch.Archs); err != nil {
				wrong = append(wrong, err.Error())
			}
		}
	}
	if r.Tier == 2 && len(r.GPUs) == 0 && len(wrong) == 0 {
		wrong = append(wrong, "no GPU was seen inside the image")
	}
	if len(wrong) > 0 {
		return &Failure{Wrong: wrong}
	}
	return nil
}
