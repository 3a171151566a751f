package engine

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/distribution/reference"
	"github.com/docker/cli/cli/command"
	"github.com/moby/moby/client"
	"github.com/moby/moby/client/pkg/jsonmessage"
)

// Load takes an image archive, as `docker load` does.
func (e *Engine) Load(ctx context.Context, archive io.Reader) error {
	resp, err := e.API.ImageLoad(ctx, archive, client.ImageLoadWithQuiet(true))
	if err != nil {
		return fmt.Errorf("the engine does not take the image: %w", err)
	}
	defer resp.Close()
	if err := jsonmessage.DisplayJSONMessagesStream(resp, io.Discard, 0, false, nil); err != nil {
		return fmt.Errorf("the engine does not take the image: %w", err)
	}
	return nil
}

// ImageID is the ID of an image by name.
func (e *Engine) ImageID(ctx context.Context, image string) (string, error) {
	res, err := e.API.ImageInspect(ctx, image)
	return res.ID, err
}

// Has says whether the engine has an image of a name.
func (e *Engine) Has(ctx context.Context, image string) (bool, error) {
	_, err := e.ImageID(ctx, image)
	if errdefs.IsNotFound(err) {
		return false, nil
	}
	return err == nil, err
}

// Tags are the names of a repository's images, "REPOSITORY:TAG", sorted.
func (e *Engine) Tags(ctx context.Context, repository string) (names []string, err error) {
	list, err := e.API.ImageList(ctx, client.ImageListOptions{Filters: client.Filters{}.Add("reference", repository)})
	if err != nil {
		return nil, fmt.Errorf("the engine does not list its images: %w", err)
	}
	for _, image := range list.Items {
		for _, name := range image.RepoTags {
			// Podman's name for what comes from no registry.
			if name = strings.TrimPrefix(name, "localhost/"); strings.HasPrefix(name, repository+":") {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return names, nil
}

// Remove removes an image name; one that is not there is no error.
func (e *Engine) Remove(ctx context.Context, image string) error {
	_, err := e.API.ImageRemove(ctx, image, client.ImageRemoveOptions{PruneChildren: true})
	if err != nil && strings.Contains(err.Error(), "No such image") {
		return nil
	}
	return err
}

// Pull gets an image from its registry with the user's credentials, as `docker pull`
// does. Progress goes to w as lines.
func (e *Engine) Pull(ctx context.Context, image string, w io.Writer) error {
	named, auth, err := e.registry(image)
	if err != nil {
		return err
	}
	resp, err := e.API.ImagePull(ctx, named.String(), client.ImagePullOptions{RegistryAuth: auth})
	if err != nil {
		return fmt.Errorf("%s cannot be pulled: %w", named, err)
	}
	defer resp.Close()
	if err := jsonmessage.DisplayJSONMessagesStream(resp, w, 0, false, nil); err != nil {
		return fmt.Errorf("%s cannot be pulled: %w", named, err)
	}
	return nil
}

// registry is an image's name with a tag, and the user's credentials for its registry.
func (e *Engine) registry(image string) (reference.Named, string, error) {
	named, err := reference.ParseNormalizedNamed(image)
	if err != nil {
		return nil, "", fmt.Errorf("%q is no image name: %w", image, err)
	}
	named = reference.TagNameOnly(named)
	auth, err := command.RetrieveAuthTokenFromImage(e.config, named.String())
	return named, auth, err
}
