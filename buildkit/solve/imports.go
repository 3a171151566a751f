package solve

import (
	"context"
	"encoding/json"
	"fmt"

	gw "github.com/moby/buildkit/frontend/gateway/client"
)

// imports is a gateway client whose every solve also looks into the caches that
// --cache-from names. BuildKit hands them to a callback as an option and leaves
// it to the callback to use them.
type imports struct {
	gw.Client
	caches []gw.CacheOptionsEntry
}

func withImports(g gw.Client) (gw.Client, error) {
	text := g.BuildOpts().Opts["cache-imports"]
	if text == "" {
		return g, nil
	}
	var caches []gw.CacheOptionsEntry
	if err := json.Unmarshal([]byte(text), &caches); err != nil {
		return nil, fmt.Errorf("--cache-from: %w", err)
	}
	return imports{g, caches}, nil
}

func (i imports) Solve(ctx context.Context, req gw.SolveRequest) (*gw.Result, error) {
	req.CacheImports = append(req.CacheImports, i.caches...)
	return i.Client.Solve(ctx, req)
}
