package plugin

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/containerd/platforms"
	"github.com/google/shlex"
	"github.com/moby/buildkit/cmd/buildctl/build"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/session/auth/authprovider"
	"github.com/moby/buildkit/session/secrets"
	"github.com/moby/buildkit/session/secrets/secretsprovider"
	"github.com/moby/buildkit/session/sshforward/sshprovider"
	"github.com/tonistiigi/go-csvvalue"

	"github.com/dockergpu/docker-gpu/buildkit"
	"github.com/dockergpu/docker-gpu/buildkit/solve"
	"github.com/dockergpu/docker-gpu/buildkit/verify"
)

// wish turns flags, files and plans into a typed request.
func (r *buildRun) wish() (*buildkit.Wish, error) {
	o := r.opts
	outputs, err := o.outputList()
	if err != nil {
		return nil, err
	}
	if _, err := solve.Names(o.tags); err != nil {
		return nil, usageError{err}
	}
	created, err := sourceDate()
	if err != nil {
		return nil, err
	}
	userSecrets, err := secretStore(o.secrets)
	if err != nil {
		return nil, err
	}
	attachables := []session.Attachable{authprovider.NewDockerAuthProvider(authprovider.DockerAuthProviderConfig{
		AuthConfigProvider: authprovider.LoadAuthConfig(r.cli.ConfigFile()),
	})}
	if len(o.ssh) > 0 {
		configs, err := build.ParseSSH(o.ssh)
		if err != nil {
			return nil, flagError("--ssh: %w", err)
		}
		agent, err := sshprovider.NewSSHAgentProvider(configs)
		if err != nil {
			return nil, flagError("--ssh: %w", err)
		}
		attachables = append(attachables, agent)
	}
	if slices.Contains(o.cacheFrom, "") || slices.Contains(o.cacheTo, "") {
		return nil, flagError("--cache-from and --cache-to take a name or type=…, not nothing")
	}
	cacheFrom, err := build.ParseImportCache(caches(o.cacheFrom))
	if err != nil {
		return nil, flagError("--cache-from: %w", err)
	}
	cacheTo, err := build.ParseExportCache(caches(o.cacheTo))
	if err != nil {
		return nil, flagError("--cache-to: %w", err)
	}
	annotations, err := o.annotationAttrs()
	if err != nil {
		return nil, err
	}
	for i := range outputs {
		if outputs[i].Type == "image" || outputs[i].Type == "registry" || outputs[i].Type == "docker" || outputs[i].Type == "oci" {
			maps.Copy(outputs[i].Attrs, annotations)
			if o.compression != "" && outputs[i].Attrs["compression"] == "" {
				outputs[i].Attrs["compression"] = o.compression
			}
		}
	}
	req := solve.Request{
		Spec: r.spec, Plans: r.plans, Lock: r.lock, Locked: o.locked, Verify: verify.Mode(o.verify),
		GPUSalt: buildkit.Salt(&r.host), Exclude: r.project.Exclude,
		Files:     solve.Files{Requirements: r.project.Requirements, Pyproject: r.project.Pyproject, UVLock: r.project.UVLock, Content: r.project.Content},
		CacheFrom: cacheFrom, CacheTo: cacheTo, Attests: o.attests(),
		Secrets: userSecrets, Session: attachables, Entitlements: o.allow, NoCache: o.noCache, Pull: o.pull,
		Network: strings.TrimPrefix(o.network, "default"), Created: created,
	}
	if file := os.Getenv("SSL_CERT_FILE"); req.Spec.CABundle == "" && file != "" {
		if _, err := os.Stat(file); err != nil {
			return nil, fmt.Errorf("$SSL_CERT_FILE: %w; unset it, or name the authorities with --ca-bundle", err)
		}
		req.Spec.CABundle = file
	}
	if o.path != "" {
		req.Dir = r.dir
	}
	return &buildkit.Wish{Request: req, Tags: o.tags, Outputs: outputs}, nil
}

// caches gives a bare image name the form that says it is one.
func caches(values []string) []string {
	var out []string
	for _, v := range values {
		if !strings.Contains(v, "=") {
			v = "type=registry,ref=" + v
		}
		out = append(out, v)
	}
	return out
}

// platforms are those asked for, or the local one's architecture on Linux.
func (r *buildRun) platforms() ([]string, error) {
	if len(r.spec.Platforms) == 0 {
		p := platforms.DefaultSpec()
		return []string{"linux/" + p.Architecture}, nil
	}
	var out []string
	for _, s := range r.spec.Platforms {
		p, err := platforms.Parse(s)
		if err != nil {
			return nil, flagError("--platform %q: %w", s, err)
		}
		p.Variant = ""
		name := platforms.Format(p)
		if slices.Contains(out, name) {
			return nil, flagError("--platform %q: %s is named twice", s, name)
		}
		out = append(out, name)
	}
	return out, nil
}

func (o *buildOptions) outputList() ([]solve.Output, error) {
	var outputs []solve.Output
	for _, s := range o.outputs {
		out, err := solve.ParseOutput(s)
		if err != nil {
			return nil, usageError{err}
		}
		outputs = append(outputs, out)
	}
	if o.push {
		outputs = append(outputs, solve.Output{Type: "registry", Attrs: map[string]string{}})
	}
	// Unlike docker buildx, a build on a remote builder is loaded when nothing
	// else is asked for: an image that is nowhere helps nobody.
	if o.load || len(outputs) == 0 {
		outputs = append(outputs, solve.Output{Type: "docker", Attrs: map[string]string{}})
	}
	return outputs, nil
}

// loads says that the image will be on the engine, for `docker run`.
func (o *buildOptions) loads() bool {
	outputs, err := o.outputList()
	return err == nil && slices.ContainsFunc(outputs, func(out solve.Output) bool { return out.Type == "docker" && out.Dest == "" })
}

func (o *buildOptions) attests() map[string]string {
	out := map[string]string{}
	for kind, value := range map[string]string{"sbom": o.sbom, "provenance": o.provenance} {
		switch value {
		case "", "false":
		case "true":
			out[kind] = ""
		default:
			out[kind] = value
		}
	}
	return out
}

// annotationLevel is where an annotation may stand; a platform is one of several.
var annotationLevel = regexp.MustCompile(`^(index|index-descriptor|(manifest|manifest-descriptor)(\[[A-Za-z0-9_/-]+\])?)$`)

// annotationAttrs gives annotations the form of exporter attributes; a key may
// begin with "index:", "index,manifest:" and the like, as in docker buildx build.
func (o *buildOptions) annotationAttrs() (map[string]string, error) {
	attrs := map[string]string{}
	for _, a := range o.annotations {
		key, value, ok := strings.Cut(a, "=")
		if !ok || key == "" {
			return nil, flagError("--annotation %q is not key=value", a)
		}
		levels, rest, ok := strings.Cut(key, ":")
		if !ok {
			levels, rest = "manifest", key
		}
		for level := range strings.SplitSeq(levels, ",") {
			if !annotationLevel.MatchString(level) {
				return nil, flagError("--annotation %q: %q is no level; levels are manifest, index, manifest-descriptor, index-descriptor", a, level)
			}
			attrs["annotation"+strings.TrimSuffix("-"+level, "-manifest")+"."+rest] = value
		}
	}
	return attrs, nil
}

// secretStore reads --secret values: id=…[,src=…|env=…].
func secretStore(values []string) (secrets.SecretStore, error) {
	if len(values) == 0 {
		return nil, nil
	}
	var sources []secretsprovider.Source
	for _, v := range values {
		fields, err := csvvalue.Fields(v, nil)
		if err != nil {
			return nil, flagError("--secret %q: %w", v, err)
		}
		var s secretsprovider.Source
		var kind string
		for _, f := range fields {
			key, value, _ := strings.Cut(f, "=")
			switch strings.ToLower(key) {
			case "id":
				s.ID = value
			case "src", "source":
				s.FilePath = value
			case "env":
				s.Env = value
			case "type":
				if kind = value; kind != "file" && kind != "env" {
					return nil, flagError("--secret: type %q is not one of file, env", kind)
				}
			default:
				return nil, flagError("--secret: key %q is not one of id, src, env, type", key)
			}
		}
		if kind == "env" && s.Env == "" {
			s.Env, s.FilePath = s.FilePath, ""
		}
		sources = append(sources, s)
	}
	store, err := secretsprovider.NewStore(sources)
	if err != nil {
		return nil, flagError("--secret: %w", err)
	}
	return store, nil
}

// words reads an entrypoint or command: a JSON list, or words as a shell has them.
// Nothing is nil: an empty list would clear what gpu.yaml says.
func words(s string) ([]string, error) {
	var list []string
	if s == "" || strings.HasPrefix(s, "[") && json.Unmarshal([]byte(s), &list) == nil {
		return list, nil
	}
	if meant := strings.TrimLeft(strings.TrimPrefix(s, "["), " "); meant != s && strings.HasPrefix(meant, `"`) {
		return nil, errors.New("it begins as a JSON list of words and is none")
	}
	return shlex.Split(s)
}
