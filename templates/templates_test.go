package templates

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"text/template"

	"gotest.tools/v3/assert"
)

// functions are those that a Dockerfile's maker hands in, by name alone.
func functions() template.FuncMap {
	known := template.FuncMap{}
	for _, name := range []string{"script", "json", "quote", "variable", "keys", "split", "installArgs", "join"} {
		known[name] = func(...any) string { return "" }
	}
	return known
}

// Package graph tests what comes of it; here is what no Dockerfile of it may lack.
func TestDockerfile(t *testing.T) {
	text := Dockerfile()
	_, err := template.New("Dockerfile").Funcs(functions()).Parse(text)
	assert.NilError(t, err)

	// A stage that is copied from has been there before.
	var stages []string
	stage := regexp.MustCompile(`^FROM \S+ AS (\S+)$`)
	from := regexp.MustCompile(`(?:--from=|from=)([a-z]+)`)
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if m := stage.FindStringSubmatch(line); m != nil {
			stages = append(stages, m[1])
		}
		for _, m := range from.FindAllStringSubmatch(line, -1) {
			assert.Assert(t, slices.ContainsFunc(stages, func(s string) bool { return strings.HasPrefix(s, m[1]) }), "%s is copied from before it is there: %s", m[1], line)
		}
	}
	assert.DeepEqual(t, stages, []string{"base", "tool", "environment", "wheel{{$i}}", "account"})

	// Routes are secrets of steps and never arguments or variables, which stay in the image.
	assert.Assert(t, !regexp.MustCompile(`(?m)^(ARG|ENV) .*(TOKEN|PASSWORD|INDEX|CA_BUNDLE)`).MatchString(text))
	for line := range strings.Lines(text) {
		if strings.Contains(line, "id=gpu-ca") {
			assert.Assert(t, strings.Contains(line, "--mount=type=secret") || strings.HasPrefix(line, "#"), line)
		}
	}
	assert.Assert(t, !strings.Contains(text, "\t") && !strings.Contains(text, "\r"))
}
