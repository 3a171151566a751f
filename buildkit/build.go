package buildkit

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/containerd/platforms"
	bkclient "github.com/moby/buildkit/client"

	"github.com/dockergpu/docker-gpu/buildkit/resolve"
	"github.com/dockergpu/docker-gpu/buildkit/solve"
	"github.com/dockergpu/docker-gpu/buildkit/verify"
	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/internal/engine"
)

// Engine is what a build needs of the Docker Engine besides its builder.
type Engine interface {
	GPUs(ctx context.Context) (*engine.Route, error)
	Load(ctx context.Context, archive io.Reader) error
	Push(ctx context.Context, image string) (digest string, err error)
	Remove(ctx context.Context, image string) error
	Output(ctx context.Context, w engine.Worker) ([]byte, error)
}

// Wish is a build as a user asks for it.
type Wish struct {
	solve.Request
	Tags    []string
	Outputs []solve.Output
}

// Report is a finished build.
type Report struct {
	*solve.Outcome
	// AfterLoad says that the GPUs proved the image in a container, not in the build.
	AfterLoad bool
	// Unproven says in a sentence what was not proven, "" if everything was.
	Unproven string
}

// Display shows one build's progress until its channel is closed.
type Display func(status <-chan *bkclient.SolveStatus) error

// Build resolves, builds, proves and exports. Where the builder has no GPU that
// it lets a build use but the engine has one, the image is loaded under a
// passing name, proven in a container, and only then exported.
func Build(ctx context.Context, b *solve.Builder, e Engine, w *Wish, show Display) (*Report, error) {
	must := w.Verify == verify.Require
	torch := slices.ContainsFunc(w.Plans, func(p resolve.Plan) bool { return p.Torch != nil })
	if must && !torch {
		return nil, errors.New("--verify=require takes PyTorch in the image to compute with; use --verify=cpu")
	}
	unproven := func(why string) (*Report, error) {
		outcome, err := export(ctx, b, e, w, show)
		return &Report{Outcome: outcome, Unproven: why}, err
	}
	if why := notAsked(w.Verify, torch); why != "" {
		return unproven(why)
	}
	foreign := emulated(b, w.Plans)
	if must && foreign != "" {
		return nil, fmt.Errorf("--verify=require: the builder %q only emulates %s, and an emulated program has no GPU; "+
			"name a builder of that platform with --builder, or use --verify=auto", b.Name, foreign)
	}
	if b.GPU != "" {
		report, err := unproven(withoutGPU(foreign))
		var refused *solve.EntitlementError
		if !errors.As(err, &refused) {
			return report, err
		}
		b.GPU = ""
	}
	route, why := afterLoadRoute(ctx, b, e, w.Plans)
	switch {
	case why != "" && must:
		return nil, errors.New("--verify=require: " + why)
	case foreign != "":
		return unproven(withoutGPU(foreign))
	case why != "":
		return unproven("that the image computes on a GPU was not proven: " + why)
	}
	result, err := afterLoad(ctx, b, e, w, route, show)
	if err != nil {
		return nil, err
	}
	outcome, err := export(ctx, b, e, w, show)
	if err != nil {
		return nil, err
	}
	outcome.Results[w.Plans[0].Platform] = result
	return &Report{Outcome: outcome, AfterLoad: true}, nil
}

// notAsked is what stays unproven because nothing asks for a GPU, "" if something does.
func notAsked(mode verify.Mode, torch bool) string {
	switch {
	case mode == verify.Off:
		return "nothing was proven (--verify=off)"
	case !torch:
		return "without PyTorch nothing was computed: only the libraries were checked"
	case mode == verify.CPU:
		return "that the image computes on a GPU was not proven (--verify=cpu)"
	}
	return ""
}

// afterLoadRoute is the way to the engine's GPUs, or why there is none.
func afterLoadRoute(ctx context.Context, b *solve.Builder, e Engine, plans []resolve.Plan) (route *engine.Route, why string) {
	route, err := e.GPUs(ctx)
	switch {
	case err != nil:
		return nil, fmt.Sprintf("the builder %q has no GPU, and %v", b.Name, err)
	case route == nil:
		return nil, fmt.Sprintf("neither the builder %q nor the engine has an NVIDIA GPU; "+
			"`docker info` lists CDI devices once the NVIDIA toolkit is set up", b.Name)
	case len(plans) != 1:
		return nil, "on the engine's GPUs an image is proven for one platform at a time"
	}
	return route, ""
}

// emulated names the platforms that the builder's GPU proves nothing for.
func emulated(b *solve.Builder, plans []resolve.Plan) string {
	var foreign []string
	for _, plan := range plans {
		if platform, err := platforms.Parse(plan.Platform); err == nil && b.Emulates(platform) {
			foreign = append(foreign, plan.Platform)
		}
	}
	return strings.Join(foreign, ", ")
}

func withoutGPU(foreign string) string {
	if foreign == "" {
		return ""
	}
	return "that the image computes on a GPU was not proven for " + foreign + ", which the builder only emulates"
}

// export builds and sends the image where the user wants it.
func export(ctx context.Context, b *solve.Builder, e Engine, w *Wish, show Display) (*solve.Outcome, error) {
	outputs, push := w.Outputs, []string(nil)
	if b.Moby && !b.OCIStore {
		outputs, push = pushAfter(outputs, w.Tags)
	}
	outcome, err := once(ctx, b, e, w, w.Tags, outputs, show)
	if err != nil {
		return nil, err
	}
	for _, tag := range push {
		digest, err := e.Push(ctx, tag)
		if err != nil {
			return nil, err
		}
		outcome.Response["containerimage.digest"] = digest
	}
	return outcome, nil
}

// pushAfter turns pushing outputs into loading ones and the names to push then:
// an engine with the old store cannot push from within a build.
func pushAfter(outputs []solve.Output, tags []string) (kept []solve.Output, push []string) {
	for _, o := range outputs {
		names, attrs := tags, map[string]string{}
		if name := o.Attrs["name"]; name != "" {
			names, attrs["name"] = strings.Split(name, ","), name
		}
		pushed, _ := strconv.ParseBool(o.Attrs["push"])
		// Without a name it stays as it is, and solve.Exports refuses it.
		if (o.Type == "registry" || pushed) && len(names) > 0 {
			o = solve.Output{Type: "image", Attrs: attrs}
			for _, n := range names {
				if !slices.Contains(push, n) {
					push = append(push, n)
				}
			}
		}
		kept = append(kept, o)
	}
	return kept, push
}

func once(ctx context.Context, b *solve.Builder, e Engine, w *Wish, tags []string, outputs []solve.Output, show Display) (*solve.Outcome, error) {
	entries, wait, err := solve.Exports(ctx, b, tags, outputs, e.Load)
	if err != nil {
		return nil, err
	}
	r := w.Request
	r.Exports = entries
	status := make(chan *bkclient.SolveStatus)
	r.Status = status
	shown := make(chan error, 1)
	go func() { shown <- show(status) }()
	outcome, err := solve.Build(ctx, b, &r)
	endErr := wait(err)
	if showErr := <-shown; err == nil {
		err = errors.Join(endErr, showErr)
	}
	if err != nil {
		return nil, err
	}
	return outcome, nil
}

// afterLoad proves the image in a container with the engine's GPUs.
func afterLoad(ctx context.Context, b *solve.Builder, e Engine, w *Wish, route *engine.Route, show Display) (*verify.Result, error) {
	name := "docker-gpu-verify:" + token()
	// Also where the build fails: the engine may have taken the image by then.
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
		defer cancel()
		_ = e.Remove(ctx, name)
	}()
	if _, err := once(ctx, b, e, w, []string{name}, []solve.Output{{Type: "docker"}}, show); err != nil {
		return nil, err
	}
	config, err := json.Marshal(verify.Config{Torch: true, GPU: true})
	if err != nil {
		return nil, err
	}
	data, err := e.Output(ctx, engine.Worker{
		For: "verification", Image: name, Devices: route.Requests(),
		Command: []string{"python3", "-c", string(verify.Program()), "--config", string(config), "--out", "/dev/stdout"},
	})
	if err != nil {
		return nil, err
	}
	result, err := verify.Parse(data)
	if err != nil {
		return nil, err
	}
	return result, verify.Judge(result, w.Plans[0])
}

func token() string {
	b := make([]byte, 6)
	_, _ = rand.Read(b)
	return hex.EncodeToString(b)
}

// Salt identifies a machine's driver and GPUs, so that a proof is made again
// after either changed. A machine that is not known gets a new one each time.
func Salt(h *host.Host) string {
	if h == nil || h.Driver.Version == "" || len(h.GPUs) == 0 {
		return token()
	}
	sum := sha256.New()
	fmt.Fprintln(sum, h.Driver.Version)
	for _, g := range h.GPUs {
		fmt.Fprintln(sum, g.UUID, g.Name)
	}
	return hex.EncodeToString(sum.Sum(nil))
}
