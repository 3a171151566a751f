package plugin

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/buildkit/project"
	"github.com/dockergpu/docker-gpu/buildkit/resolve"
	"github.com/dockergpu/docker-gpu/buildkit/solve"
	"github.com/dockergpu/docker-gpu/buildkit/verify"
)

// building is a run of build that has read nothing yet, with what it writes.
func building(t *testing.T, args ...string) (r *buildRun, out, stderr *bytes.Buffer) {
	t.Helper()
	for _, name := range []string{"SSL_CERT_FILE", "SOURCE_DATE_EPOCH"} {
		t.Setenv(name, "")
	}
	opts, _ := parsed(t, args...)
	dockerCLI, out, stderr := docker(t)
	return &buildRun{cli: dockerCLI, opts: opts, spec: opts.flagSpec(), project: &project.Project{}}, out, stderr
}

func isUsage(t *testing.T, err error, says string) {
	t.Helper()
	assert.ErrorContains(t, err, says)
	assert.Equal(t, exitCode(err, false), exitUsage)
}

func TestOutputs(t *testing.T) {
	none := map[string]string{}
	for name, c := range map[string]struct {
		args []string
		want []solve.Output
	}{
		"nothing asked is loaded": {nil, []solve.Output{{Type: "docker", Attrs: none}}},
		"load":                    {[]string{"--load"}, []solve.Output{{Type: "docker", Attrs: none}}},
		"push is not loaded":      {[]string{"--push"}, []solve.Output{{Type: "registry", Attrs: none}}},
		"output is not loaded":    {[]string{"-o", "dir"}, []solve.Output{{Type: "local", Dest: "dir", Attrs: none}}},
		"cache only is an output": {[]string{"-o", "type=cacheonly"}, []solve.Output{{Type: "cacheonly", Attrs: none}}},
		"several, in order": {[]string{"-o", "type=oci,dest=a.tar", "-o", "type=image,push=true", "--load"}, []solve.Output{
			{Type: "oci", Dest: "a.tar", Attrs: none}, {Type: "image", Attrs: map[string]string{"push": "true"}}, {Type: "docker", Attrs: none}}},
		"push besides a file": {[]string{"-o", "type=oci,dest=a.tar", "--push"}, []solve.Output{
			{Type: "oci", Dest: "a.tar", Attrs: none}, {Type: "registry", Attrs: none}}},
	} {
		t.Run(name, func(t *testing.T) {
			opts, _ := parsed(t, c.args...)
			got, err := opts.outputList()
			assert.NilError(t, err)
			assert.DeepEqual(t, got, c.want)
		})
	}
	opts, _ := parsed(t, "-o", "type=floppy")
	_, err := opts.outputList()
	isUsage(t, err, `type "floppy"`)
}

func TestAttests(t *testing.T) {
	for _, c := range []struct {
		args []string
		want map[string]string
	}{
		{nil, map[string]string{}},
		{[]string{"--sbom", "--provenance"}, map[string]string{"sbom": "", "provenance": ""}},
		{[]string{"--sbom=false", "--provenance=mode=max"}, map[string]string{"provenance": "mode=max"}},
		{[]string{"--sbom=generator=example.com/scan"}, map[string]string{"sbom": "generator=example.com/scan"}},
	} {
		opts, _ := parsed(t, c.args...)
		assert.DeepEqual(t, opts.attests(), c.want)
	}
}

func TestAnnotations(t *testing.T) {
	opts, _ := parsed(t, "--annotation=a=1", "--annotation=manifest:b=2", "--annotation=index:c=3=3",
		"--annotation=manifest-descriptor:d=", "--annotation=index-descriptor:e=5")
	attrs, err := opts.annotationAttrs()
	assert.NilError(t, err)
	assert.DeepEqual(t, attrs, map[string]string{"annotation.a": "1", "annotation.b": "2", "annotation-index.c": "3=3",
		"annotation-manifest-descriptor.d": "", "annotation-index-descriptor.e": "5"})

	opts, _ = parsed(t, "--annotation=index,manifest:a=1", "--annotation=manifest[linux/amd64]:b=2", "--annotation=c=x:y")
	attrs, err = opts.annotationAttrs()
	assert.NilError(t, err)
	assert.DeepEqual(t, attrs, map[string]string{"annotation-index.a": "1", "annotation.a": "1",
		"annotation-manifest[linux/amd64].b": "2", "annotation.c": "x:y"})
	for _, bad := range []string{"layer:a=1", "index,:a=1", "manifest[linux/amd64:a=1"} {
		opts := &buildOptions{annotations: []string{bad}}
		_, err := opts.annotationAttrs()
		isUsage(t, err, "is no level")
	}
	for _, bad := range []string{"alone", "=value", ""} {
		opts := &buildOptions{annotations: []string{bad}}
		_, err := opts.annotationAttrs()
		isUsage(t, err, "is not key=value")
	}
}

func TestWords(t *testing.T) {
	for in, want := range map[string][]string{
		"":                           nil,
		`["python3", "-m", "a b"]`:   {"python3", "-m", "a b"},
		"[]":                         {}, // clears what gpu.yaml says
		"python3 -m 'a b' \"c d\" e": {"python3", "-m", "a b", "c d", "e"},
		"[ -f x ]":                   {"[", "-f", "x", "]"}, // no JSON, but a program
	} {
		got, err := words(in)
		assert.NilError(t, err)
		assert.DeepEqual(t, got, want)
	}
	_, err := words("echo 'open")
	assert.ErrorContains(t, err, "EOF")
	for _, in := range []string{`["python3", "-m"`, `["python3", 8080]`, `[ "a",]`, `["a"] b`} {
		_, err := words(in)
		assert.Error(t, err, "it begins as a JSON list of words and is none", in)
	}
}

func TestPlatforms(t *testing.T) {
	for _, c := range []struct{ args, want []string }{
		{nil, []string{"linux/" + runtime.GOARCH}},
		{[]string{"--platform=linux/amd64,linux/arm64/v8"}, []string{"linux/amd64", "linux/arm64"}},
		{[]string{"--platform=linux/x86_64", "--platform=linux/aarch64"}, []string{"linux/amd64", "linux/arm64"}},
	} {
		r, _, _ := building(t, c.args...)
		got, err := r.platforms()
		assert.NilError(t, err)
		assert.DeepEqual(t, got, c.want)
	}
	r, _, _ := building(t, "--platform=linux/")
	_, err := r.platforms()
	isUsage(t, err, `--platform "linux/"`)
	// One platform by two names would be built twice and exported under one key.
	for _, twice := range []string{"linux/arm64,linux/arm64/v8", "linux/amd64,linux/x86_64"} {
		r, _, _ := building(t, "--platform="+twice)
		_, err := r.platforms()
		isUsage(t, err, "is named twice")
	}
}

func TestWishCarriesTheFlags(t *testing.T) {
	r, _, _ := building(t, "-t", "a:1", "-t", "b:2", "--verify=cpu", "--locked", "--no-cache", "--pull", "--network=host", "--allow=network.host",
		"--cache-from=user/app:cache", "--cache-to=type=inline", "--sbom", "--ca-bundle=mine.pem", "--torch=2.14.0", "--load")
	r.dir, r.plans = "/project", []resolve.Plan{{Platform: "linux/amd64"}}
	r.project = &project.Project{Requirements: []string{"r.txt"}, Pyproject: true, UVLock: true, Exclude: []string{".git"}, Content: map[string][]byte{"r.txt": []byte("idna")}}
	t.Setenv("SOURCE_DATE_EPOCH", "1700000000")
	t.Setenv("SSL_CERT_FILE", "/etc/ssl/other.pem")
	w, err := r.wish()
	assert.NilError(t, err)
	assert.DeepEqual(t, w.Tags, []string{"a:1", "b:2"})
	assert.DeepEqual(t, w.Outputs, []solve.Output{{Type: "docker", Attrs: map[string]string{}}})
	assert.Equal(t, w.Verify, verify.CPU)
	assert.Assert(t, w.Locked && w.NoCache && w.Pull)
	assert.Equal(t, w.Network, "host")
	assert.DeepEqual(t, w.Entitlements, []string{"network.host"})
	assert.Equal(t, w.CacheFrom[0].Attrs["ref"], "user/app:cache")
	assert.Equal(t, w.CacheTo[0].Type, "inline")
	assert.DeepEqual(t, w.Attests, map[string]string{"sbom": ""})
	assert.DeepEqual(t, w.Plans, r.plans)
	assert.DeepEqual(t, w.Exclude, []string{".git"})
	assert.DeepEqual(t, w.Files, solve.Files{Requirements: []string{"r.txt"}, Pyproject: true, UVLock: true, Content: r.project.Content})
	assert.Equal(t, w.Created, time.Unix(1700000000, 0).UTC())
	assert.Equal(t, w.Spec.CABundle, "mine.pem", "the flag comes before $SSL_CERT_FILE")
	assert.Equal(t, w.Dir, "", "without PATH nothing is copied")
	assert.Assert(t, w.GPUSalt != "" && len(w.Session) == 1)
}

func TestWishWithoutFlags(t *testing.T) {
	r, _, _ := building(t)
	r.dir, r.opts.path = "/project", "."
	company := filepath.Join(t.TempDir(), "company.pem")
	assert.NilError(t, os.WriteFile(company, nil, 0o600))
	t.Setenv("SSL_CERT_FILE", company)
	w, err := r.wish()
	assert.NilError(t, err)
	assert.Equal(t, w.Dir, "/project")
	assert.Equal(t, w.Network, "", "BuildKit's own default")
	assert.Equal(t, w.Spec.CABundle, company)
	assert.Assert(t, w.Created.IsZero())
	assert.Assert(t, w.Secrets == nil)

	// Nobody who set a variable long ago thinks of a flag that was not given.
	t.Setenv("SSL_CERT_FILE", company+".none")
	_, err = r.wish()
	assert.Error(t, err, "$SSL_CERT_FILE: stat "+company+".none: no such file or directory; unset it, or name the authorities with --ca-bundle")
}

// Compression and annotations are the image's: a directory has neither.
func TestWishPassesCompressionAndAnnotationsToImages(t *testing.T) {
	r, _, _ := building(t, "--compression=zstd", "--annotation=k=v", "-o", "type=registry", "-o", "type=image,compression=gzip",
		"-o", "type=oci,dest=a.tar", "-o", "dir", "--load")
	w, err := r.wish()
	assert.NilError(t, err)
	zstd := map[string]string{"compression": "zstd", "annotation.k": "v"}
	assert.DeepEqual(t, w.Outputs, []solve.Output{
		{Type: "registry", Attrs: zstd},
		{Type: "image", Attrs: map[string]string{"compression": "gzip", "annotation.k": "v"}},
		{Type: "oci", Dest: "a.tar", Attrs: zstd},
		{Type: "local", Dest: "dir", Attrs: map[string]string{}},
		{Type: "docker", Attrs: zstd},
	})
}

func TestWishRefusesWrongValues(t *testing.T) {
	for says, args := range map[string][]string{
		"--output":     {"-o", "type=floppy"},
		"--secret":     {"--secret", "id=a,src=/no/such/file"},
		"--ssh":        {"--ssh", "default=/no/such/socket"},
		"--cache-from": {"--cache-from", "type=local,src"},
		"--cache-to":   {"--cache-to", "type=local,dest"},
		"--annotation": {"--annotation", "alone"},
	} {
		r, _, _ := building(t, args...)
		_, err := r.wish()
		isUsage(t, err, says)
	}
}
