package resolve

import (
	"fmt"
	"net/url"
	"path"
)

// mirror takes what a torch index of the user's says: its address may name the
// CUDA (…/whl/cu126), and its wheels tell which there are. One that cannot be
// asked here, for example behind a login, may still be reached by the builder.
func (d *decider) mirror() error {
	if d.spec.Index.Torch == "" {
		return nil
	}
	if u, err := url.Parse(d.spec.Index.Torch); err == nil {
		if tag, ok := variantOf(path.Base(u.Path)); ok {
			if d.forced != "" && d.forced != tag {
				return &Conflict{What: fmt.Sprintf("--cuda %s with --torch-index-url %s", cudaOf(d.forced), u.Redacted()),
					Why: "the index holds wheels for CUDA " + cudaOf(tag), WaysOut: []string{"drop one of the two"}}
			}
			if d.forced == "" {
				d.forced, d.asked = tag, "the index is of wheels for it"
			}
			return nil
		}
	}
	wheels, err := d.ask.wheels(d.ctx, d.spec.Index.Torch)
	if err == nil {
		d.onMirror = wheels
	}
	return nil
}

// tagged says whether the user's index has a release with CUDA tags ("+cu126"):
// its address names one, or its wheels do.
func (d *decider) tagged(version string) bool {
	if u, err := url.Parse(d.spec.Index.Torch); err == nil {
		if _, ok := variantOf(path.Base(u.Path)); ok {
			return true
		}
	}
	for _, w := range of(d.onMirror, version, d.platform, "") {
		if w.variant != "" {
			return true
		}
	}
	return false
}
