package graph

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/template"
	"unicode"

	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"

	"github.com/dockergpu/docker-gpu/templates"
)

// Dockerfile is text that builds the same image with plain `docker buildx build`,
// so that nobody is tied to this tool. The build's routes are secrets there too:
//
//	docker buildx build --secret id=gpu-ca,src=FILE -t NAME .
func Dockerfile(in Input, img dockerspec.DockerOCIImage) (string, error) {
	t, err := template.New("Dockerfile").Funcs(template.FuncMap{
		"script":      func(name string) string { return strings.TrimRight(string(Script(name)), "\n") },
		"json":        jsonList,
		"quote":       quoted,
		"variable":    variable,
		"keys":        func(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) },
		"split":       func(s string) []string { name, value, _ := strings.Cut(s, "="); return []string{name, value} },
		"installArgs": func(l Layer) []string { return l.installArgs(in.torchIndex()) },
		"join":        strings.Join,
	}).Parse(templates.Dockerfile())
	if err != nil {
		return "", err
	}
	base := in.Lock.Base.Ref
	if !in.Lock.Base.Local {
		base += "@" + in.Lock.Base.Digest
	}
	tool := "base"
	if t := in.Lock.ToolBase; t != nil {
		tool = t.Ref + "@" + t.Digest
	}
	var b strings.Builder
	err = t.Execute(&b, map[string]any{
		"In": in, "Config": img.Config, "Base": base, "Tool": tool, "Venv": Venv,
		"Layers": Layers(in.Lock.Wheels), "Steps": len(in.Lock.Wheels) > 0 || in.Account != nil, "HasVenv": in.Lock.ToolBase == nil,
		"Parents": strings.Join(in.Parents, ":"), "Epoch": Epoch().Unix(),
	})
	return b.String(), err
}

// quoted is a word of a Dockerfile. A line of it ends at a line break, quotes or not.
func quoted(s string) (string, error) {
	if strings.ContainsAny(s, "\n\r") {
		return "", fmt.Errorf("a Dockerfile cannot hold the line break in the label or variable %q; build with docker gpu, or leave it out", s)
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "$", `\$`).Replace(s) + `"`, nil
}

// variable is the name of one, which nothing can quote.
func variable(name string) (string, error) {
	if name == "" || strings.ContainsFunc(name, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r) || strings.ContainsRune("\"'`$\\#", r)
	}) {
		return "", fmt.Errorf("a Dockerfile cannot hold the variable %q of the base; build with docker gpu, or take another --base", name)
	}
	return name, nil
}

func jsonList(v []string) (string, error) {
	data, err := json.Marshal(v)
	return string(data), err
}
