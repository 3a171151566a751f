package plugin

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/docker/go-units"
	"github.com/moby/sys/atomicwriter"

	"github.com/dockergpu/docker-gpu/buildkit"
	"github.com/dockergpu/docker-gpu/buildkit/lock"
	"github.com/dockergpu/docker-gpu/buildkit/project"
	"github.com/dockergpu/docker-gpu/buildkit/solve"
	"github.com/dockergpu/docker-gpu/buildkit/verify"
	"github.com/dockergpu/docker-gpu/internal/engine"
)

// finish writes the lock and the files that were asked for, and tells the user.
func (r *buildRun) finish(ctx context.Context, b *solve.Builder, e *engine.Engine, report *buildkit.Report) error {
	id := imageID(b, report.Response)
	if !b.Moby && len(r.opts.outputs) == 0 && !r.opts.push && len(r.opts.tags) > 0 {
		// The engine that loaded the image decides what its ID is.
		if loaded, err := e.ImageID(ctx, r.opts.tags[0]); err == nil {
			id = loaded
		}
	}
	if r.opts.iidFile != "" {
		if err := atomicwriter.WriteFile(r.opts.iidFile, []byte(id), 0o644); err != nil {
			return fmt.Errorf("--iidfile: %w", err)
		}
	}
	if r.opts.metadataFile != "" {
		data, err := json.MarshalIndent(buildMetadata(r, report), "", "  ")
		if err != nil {
			return err
		}
		if err := atomicwriter.WriteFile(r.opts.metadataFile, append(data, '\n'), 0o644); err != nil {
			return fmt.Errorf("--metadata-file: %w", err)
		}
	}
	changed := false
	if r.opts.path != "" || r.opts.lock != "" {
		var err error
		if changed, err = project.WriteLock(r.lockFile(), report.Lock); err != nil {
			return fmt.Errorf("the image was built, but its lock could not be written: %w", err)
		}
	}
	if r.opts.quiet {
		_, err := fmt.Fprintln(r.cli.Out(), id)
		return err
	}
	printReport(r.cli.Err(), r, report, id, changed)
	return nil
}

// imageID is what `docker images` will show: containerd's store names an image
// by its manifest, the older one by its config.
func imageID(b *solve.Builder, response map[string]string) string {
	if b.OCIStore {
		return cmp.Or(response["containerimage.digest"], response["containerimage.config.digest"])
	}
	return cmp.Or(response["containerimage.config.digest"], response["containerimage.digest"])
}

func buildMetadata(r *buildRun, report *buildkit.Report) map[string]any {
	out := map[string]any{}
	for k, v := range report.Response {
		out[k] = v
		if data, err := base64.StdEncoding.DecodeString(v); err == nil && json.Valid(data) && strings.HasPrefix(string(data), "{") {
			out[k] = json.RawMessage(data)
		}
	}
	out["dockergpu.plan"] = r.plans
	out["dockergpu.verify"] = report.Results
	return out
}

func printReport(w io.Writer, r *buildRun, report *buildkit.Report, id string, locked bool) {
	fmt.Fprintln(w)
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, plan := range r.plans {
		if len(r.plans) > 1 {
			fmt.Fprintf(tw, "%s\t\n", plan.Platform)
		}
		if l := report.Lock.Platforms[plan.Platform]; l != nil && len(l.Wheels) > 0 {
			fmt.Fprintf(tw, "packages\t%s\n", packages(l.Wheels))
		}
		if res := report.Results[plan.Platform]; res != nil {
			printResult(tw, res)
		}
	}
	if report.AfterLoad {
		fmt.Fprintf(tw, "proven\tin a container on the engine, because the builder gives builds no GPU\n")
	}
	if report.Unproven != "" {
		fmt.Fprintf(tw, "not proven\t%s\n", report.Unproven)
	}
	if id != "" {
		fmt.Fprintf(tw, "image\t%s\n", id)
	}
	_ = tw.Flush()
	if locked {
		fmt.Fprintf(w, "\n%s holds every package and the base by hash: keep it with the project.\n", relative(r.lockFile()))
	}
	if len(r.opts.tags) > 0 && r.opts.loads() && r.plans[0].Torch != nil {
		fmt.Fprintf(w, "\nNext: docker run --rm --gpus all %s python3 -c \"import torch; print(torch.cuda.get_device_name())\"\n", r.opts.tags[0])
	}
}

// packages says how many there are and how large, and which are as good as the
// compiler that made them: what a build makes from source has no locked bits.
func packages(wheels []lock.Wheel) string {
	var size int64
	var built []string
	for _, w := range wheels {
		size += w.Size
		if w.Source {
			built = append(built, w.Name)
		}
	}
	text := fmt.Sprintf("%d, %s to download", len(wheels), units.HumanSizeWithPrecision(float64(size), 3))
	if len(built) > 0 {
		text += "; built from source: " + strings.Join(built, ", ")
	}
	return text
}

func printResult(w io.Writer, res *verify.Result) {
	for _, c := range res.Checks {
		mark := "ok"
		if !c.OK {
			mark = "note" // what must not be wrong has failed the build before
		}
		fmt.Fprintf(w, "%s\t%s  %s\n", clean(c.Name, 40), mark, clean(c.Detail, 400))
	}
	for _, g := range res.GPUs {
		fmt.Fprintf(w, "GPU %d\t%s, compute capability %s, driver %s\n", g.Index, clean(g.Name, 80), clean(g.ComputeCapability, 10), cmp.Or(clean(res.Driver, 40), "unknown"))
		var speeds []string
		for _, o := range g.Results {
			if o.TFLOPS > 0 {
				speeds = append(speeds, fmt.Sprintf("%s %.4g", clean(o.Format, 20), o.TFLOPS))
			}
		}
		if len(speeds) > 0 {
			slices.Sort(speeds)
			fmt.Fprintf(w, "\tTFLOP/s: %s\n", strings.Join(speeds, ", "))
		}
	}
}

// relative shortens a path for people.
func relative(file string) string {
	if wd, err := os.Getwd(); err == nil {
		if rest, ok := strings.CutPrefix(file, wd+"/"); ok {
			return rest
		}
	}
	return file
}
