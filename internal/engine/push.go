package engine

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/moby/moby/client"
)

// Push sends an image to its registry with the user's credentials, as `docker
// push` does, and returns its digest there.
func (e *Engine) Push(ctx context.Context, image string) (string, error) {
	named, auth, err := e.registry(image)
	if err != nil {
		return "", err
	}
	resp, err := e.API.ImagePush(ctx, named.String(), client.ImagePushOptions{RegistryAuth: auth})
	if err != nil {
		return "", fmt.Errorf("%s cannot be pushed: %w", named, err)
	}
	var digest string
	for m, err := range resp.JSONMessages(ctx) {
		if err != nil {
			return "", fmt.Errorf("%s cannot be pushed: %w", named, err)
		}
		if m.Error != nil {
			return "", fmt.Errorf("%s cannot be pushed: %s; run `docker login` if the registry wants credentials", named, m.Error.Message)
		}
		if m.Aux != nil {
			var aux struct{ Digest string }
			if json.Unmarshal(*m.Aux, &aux) == nil && aux.Digest != "" {
				digest = aux.Digest
			}
		}
	}
	return digest, nil
}
