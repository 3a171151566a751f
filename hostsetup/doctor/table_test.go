package doctor

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/golden"

	"github.com/dockergpu/docker-gpu/internal/policy"
)

// catalogue are how many rows the catalogue of failures has by letter: driver, health,
// Docker. Checks beyond them have their numbers from where it ends.
func catalogue() map[string]int { return map[string]int{"G": 20, "H": 14, "C": 42} }

// missingRows are rows of the catalogue for which there is no check, with the reason. A
// row that is neither a check nor here fails the test.
func missingRows() map[string]string { return map[string]string{} }

// byTextAlone are rows that nothing on a host shows; `explain` and images know them.
func byTextAlone() map[string]string {
	return map[string]string{
		"C035": "a message of a program in the container; nothing is wrong on the host",
		"C070": "the platform stands in an image, not on the host: `docker gpu doctor IMAGE` compares it",
	}
}

// retired are codes that were checks once, and are never used again.
func retired() map[string]string {
	return map[string]string{
		"V002": "C034 tells of the toolkit's security holes",
		"V004": "C069 tells of engines from before CDI",
	}
}

func TestRetiredCodesStayRetired(t *testing.T) {
	for _, c := range All() {
		assert.Assert(t, retired()[c.Code] == "", "%s meant something else once", c.Code)
	}
}

// TestTable compares docs/checks.md with the checks; with -update it writes the page.
func TestTable(t *testing.T) {
	const page = "../../docs/checks.md"
	want := checksPage()
	if golden.FlagUpdate() {
		assert.NilError(t, os.WriteFile(page, []byte(want), 0o644))
	}
	got, err := os.ReadFile(page)
	assert.NilError(t, err)
	assert.Assert(t, string(got) == want, "docs/checks.md is not what the checks say: run `go test ./hostsetup/doctor -run TestTable -update`")
}

func TestEveryRowOfTheCatalogueIsAccountedFor(t *testing.T) {
	var have []string
	for _, c := range All() {
		have = append(have, c.Code)
		if slices.Contains(c.Needs, textOnly) {
			assert.Assert(t, byTextAlone()[c.Code] != "", "%s looks at nothing and nobody says why", c.Code)
		}
	}
	rows := 0
	for letter, last := range catalogue() {
		for i := range last {
			code := fmt.Sprintf("%s%03d", letter, i+1)
			assert.Assert(t, slices.Contains(have, code) != (missingRows()[code] != ""), "%s must be a check or have a reason, not both", code)
			rows++
		}
	}
	assert.Equal(t, rows, 76, "the rows of the catalogue")
	for code := range missingRows() {
		var n int
		_, err := fmt.Sscanf(code[1:], "%03d", &n)
		assert.Assert(t, err == nil && n >= 1 && n <= catalogue()[code[:1]], "%s is no row of the catalogue", code)
	}
	for code := range byTextAlone() {
		assert.Assert(t, slices.Contains(have, code), "%s is no check", code)
	}
}

// What smoke calls CUDA's failures, doctor and explain know.
func TestCUDAFailuresHaveCodesOfChecks(t *testing.T) {
	var have, named []string
	for _, c := range All() {
		have = append(have, c.Code)
	}
	for _, call := range []string{"cuInit", "cuMemAlloc", "cuModuleLoadDataEx", ""} {
		for result := range 1000 {
			if code := policy.CUDAFailure(call, result); code != "" {
				assert.Assert(t, slices.Contains(have, code), "%s = %d is %s, which is no check", call, result, code)
				named = append(named, code)
			}
		}
	}
	slices.Sort(named)
	assert.DeepEqual(t, slices.Compact(named), []string{"C014", "C015", "C016", "G002", "G009", "G010", "H002", "H013"})
}

func checksPage() string {
	var b strings.Builder
	b.WriteString("# What `docker gpu doctor` looks for\n\nGenerated from the checks by `go test ./hostsetup/doctor -run TestTable -update`; do not edit.\n" +
		"`docker gpu explain TEXT` finds the code of an error text. A text that begins with `/` and ends with `/` is a pattern.\n")
	for _, g := range []struct {
		group Group
		title string
	}{{Driver, "Kernel and driver"}, {Health, "The GPUs' health"}, {Toolkit, "Container toolkit and CDI"}, {Engine, "Docker, containers, Compose, Swarm"}, {Version, "Ends of life and security"}} {
		var rows []string
		for _, c := range All() {
			if c.Group == g.group {
				rows = append(rows, fmt.Sprintf("| %s | %s | %s | %s | %s | %s |\n", c.Code, cell(c.Title), c.Severity, symptomCell(c.Symptoms), cell(c.Cause), cell(c.Remedy)))
			}
		}
		if len(rows) > 0 {
			slices.Sort(rows)
			fmt.Fprintf(&b, "\n## %s\n\n| code | what is checked | severity | what users see | cause | fix |\n|---|---|---|---|---|---|\n%s", g.title, strings.Join(rows, ""))
		}
	}
	b.WriteString("\nA fix that is empty is said by the finding, for the host at hand.\n\n## Known by their text alone\n\n")
	for _, code := range slices.Sorted(maps.Keys(byTextAlone())) {
		fmt.Fprintf(&b, "- %s: %s.\n", code, byTextAlone()[code])
	}
	b.WriteString("\n## Codes that are no longer used\n\n")
	for _, code := range slices.Sorted(maps.Keys(retired())) {
		fmt.Fprintf(&b, "- %s: %s.\n", code, retired()[code])
	}
	b.WriteString("\n## Rows of the catalogue without a check\n\n")
	if len(missingRows()) == 0 {
		b.WriteString("None: each of its 76 rows is a check.\n")
	}
	for _, code := range slices.Sorted(maps.Keys(missingRows())) {
		fmt.Fprintf(&b, "- %s: %s.\n", code, missingRows()[code])
	}
	return b.String()
}

func symptomCell(symptoms []string) string {
	var out []string
	for _, s := range symptoms {
		if p, ok := strings.CutPrefix(s, "re:"); ok {
			s = "/" + p + "/"
		}
		fence := "`"
		if strings.Contains(s, "`") {
			fence = "``"
		}
		out = append(out, fence+cell(s)+fence)
	}
	return strings.Join(out, "<br>")
}

// cell makes a text fit for a table of Markdown.
func cell(s string) string {
	return strings.ReplaceAll(strings.Join(strings.Fields(s), " "), "|", `\|`)
}
