package plugin

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/containerd/errdefs"

	"github.com/dockergpu/docker-gpu/hostsetup/doctor"
)

// image is what an engine says of an image that it has. Nothing is pulled or started.
func (g *gatherer) image(ctx context.Context, contextName, name string) (doctor.ImageFacts, error) {
	e, err := g.open(contextName)
	if err != nil {
		return doctor.ImageFacts{}, err
	}
	defer e.API.Close()
	ctx, cancel := context.WithTimeout(ctx, g.patience)
	defer cancel()
	res, err := e.API.ImageInspect(ctx, name)
	switch {
	case errdefs.IsNotFound(err):
		return doctor.ImageFacts{}, fmt.Errorf("the engine has no image %s; get it with `docker pull %s`", clean(name, 200), shellWord(name))
	case err != nil:
		return doctor.ImageFacts{}, fmt.Errorf("the image %s cannot be inspected: %w", clean(name, 200), err)
	}
	img := doctor.ImageFacts{Name: name, OS: res.Os, Architecture: res.Architecture}
	if res.Config != nil {
		img.Env, img.Labels = res.Config.Env, res.Config.Labels
	}
	// What made its layers tells of driver libraries that were baked in; an engine that
	// does not know is no reason to say nothing.
	if history, err := e.API.ImageHistory(ctx, name); err == nil {
		for _, layer := range history.Items {
			img.History = append(img.History, layer.CreatedBy)
		}
	}
	return img, nil
}

// judgeImages adds what speaks against running images on the host.
func (r *doctorRun) judgeImages(ctx context.Context, j *judgement) error {
	for _, name := range r.opts.images {
		img, err := r.image(ctx, "", name)
		if err != nil {
			return err
		}
		j.Images = append(j.Images, name)
		j.Findings = append(j.Findings, named(name, doctor.ExamineImage(j.host, img))...)
	}
	if len(r.opts.images) > 0 {
		slices.SortStableFunc(j.Findings, func(a, b doctor.Finding) int { return cmp.Compare(rank(a.Severity), rank(b.Severity)) })
	}
	return nil
}

// named says of findings which image they are about, where they do not.
func named(image string, found []doctor.Finding) []doctor.Finding {
	for i := range found {
		if !strings.Contains(found[i].Summary, image) {
			found[i].Summary = "image " + image + ": " + found[i].Summary
		}
	}
	return found
}

func rank(s doctor.Severity) int {
	return slices.Index([]doctor.Severity{doctor.Error, doctor.Warning, doctor.Note}, s)
}
