package engine

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/moby/moby/client"
)

// Fate is what a stop of the engine does to a container that runs.
type Fate struct {
	Name string
	// Restart is its restart policy, "always", "unless-stopped", "on-failure"; "" for none.
	Restart string
	// Removed says that it goes with its end, and what it wrote with it (--rm).
	Removed bool
}

// Fates are those of all containers that run, by name. As with Facts, what cannot be
// inspected in time is left out, and the error says so.
func (e *Engine) Fates(ctx context.Context) ([]Fate, error) {
	list, err := e.API.ContainerList(ctx, client.ContainerListOptions{})
	if err != nil {
		return nil, err
	}
	found := e.inspect(ctx, list.Items)
	var fates []Fate
	for _, c := range found.all {
		f := Fate{Name: clean(strings.TrimPrefix(c.Name, "/"), 200)}
		if h := c.HostConfig; h != nil {
			f.Removed = h.AutoRemove
			if !h.RestartPolicy.IsNone() {
				f.Restart = clean(string(h.RestartPolicy.Name), 40)
			}
		}
		fates = append(fates, f)
	}
	slices.SortFunc(fates, func(a, b Fate) int { return cmp.Compare(a.Name, b.Name) })
	return fates, found.err
}
