package solve

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/session/secrets"
	"github.com/moby/buildkit/session/secrets/secretsprovider"

	"github.com/dockergpu/docker-gpu/buildkit/graph"
	"github.com/dockergpu/docker-gpu/buildkit/spec"
	"github.com/dockergpu/docker-gpu/internal/bounded"
)

// store hands out the build's own secrets first, then the user's.
type store struct {
	own  map[string][]byte
	user secrets.SecretStore
}

func (s store) GetSecret(ctx context.Context, id string) ([]byte, error) {
	if data, ok := s.own[id]; ok {
		return data, nil
	}
	if s.user != nil {
		return s.user.GetSecret(ctx, id)
	}
	return nil, fmt.Errorf("secret %s: %w", id, secrets.ErrNotFound)
}

// maxCABundle bounds the bundle: BuildKit refuses secrets over 500 KiB
// (session/secrets: MaxSecretSize).
const maxCABundle = secretsprovider.MaxSecretSize

// routes are the secrets that say how to reach the indexes.
func routes(s spec.Spec) (map[string][]byte, error) {
	own := map[string][]byte{}
	index, err := json.Marshal(map[string]any{
		"url": s.Index.URL, "extra": s.Index.Extra, "findLinks": s.Index.FindLinks, "torch": s.Index.Torch,
	})
	if err != nil {
		return nil, err
	}
	own[graph.SecretIndex] = index
	if s.CABundle == "" {
		return own, nil
	}
	data, err := bounded.ReadFile(s.CABundle, 16<<20)
	if err != nil {
		return nil, fmt.Errorf("--ca-bundle: %w", err)
	}
	if !strings.Contains(string(data), "-----BEGIN CERTIFICATE-----") {
		return nil, fmt.Errorf("--ca-bundle %s holds no PEM certificate", s.CABundle)
	}
	if len(data) > maxCABundle {
		return nil, fmt.Errorf("--ca-bundle %s is %d bytes, over the %d that a build secret may have; "+
			"name a file with your organisation's authorities only: the image's own are kept", s.CABundle, len(data), maxCABundle)
	}
	own[graph.SecretCA] = data
	return own, nil
}

func secretProvider(s spec.Spec, user secrets.SecretStore) (session.Attachable, error) {
	own, err := routes(s)
	if err != nil {
		return nil, err
	}
	return secretsprovider.NewSecretProvider(store{own, user}), nil
}
