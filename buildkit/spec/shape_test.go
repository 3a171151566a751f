package spec

import (
	"testing"

	"gotest.tools/v3/assert"
)

// What every key takes, and what is said where another kind of value stands.
func TestValuesOfAnotherKind(t *testing.T) {
	for text, want := range map[string]string{
		// Lists: cmd and entrypoint are lists of arguments, not of one long word.
		"packages: numpy\n":                      `1:11: packages is a list; write [numpy], or each entry in a line after a dash`,
		"packages: transformers >= 5\n":          `1:11: packages is a list; write [transformers >= 5], or each entry in a line after a dash`,
		"cmd: python serve.py --port 80\n":       `1:6: cmd is a list; write [python, serve.py, --port, 80], or each entry in a line after a dash`,
		"entrypoint: /app/run\n":                 `1:13: entrypoint is a list; write [/app/run], or each entry in a line after a dash`,
		"target: {gpus: h100}\n":                 `1:16: gpus is a list; write [h100], or each entry in a line after a dash`,
		"packages: [[numpy]]\n":                  `1:12: an entry of packages is a word`,
		"packages: [{numpy: 2}]\n":               `1:12: an entry of packages is a word`,
		"requirements: [~]\n":                    `1:16: an entry of requirements is empty; leave it out, or write its value`,
		"apt: [git, true]\n":                     `1:12: an entry of apt is text, but true is read as a truth value; put quotes around it: "true"`,
		"cmd: [serve, -p, 8080, 0.5]\n":          `1:24: an entry of cmd is text, but 0.5 is read as a number; put quotes around it: "0.5"`,
		"platforms: [linux/amd64, 2024-01-01]\n": `1:26: an entry of platforms is text, but 2024-01-01 is read as a date; put quotes around it: "2024-01-01"`,
		// A key whose value was commented out.
		"torch: auto\npackages:\n#  - numpy\n": `2:10: packages is empty; leave it out, or write its value`,
		"torch:\n":                             `1:7: torch is empty; leave it out, or write its value`,
		"target:\n":                            `1:8: target is empty; leave it out, or write its value`,
		"labels: ~\n":                          `1:9: labels is empty; leave it out, or write its value`,
		"cuda-only:\n":                         `1:11: cuda-only is empty; leave it out, or write its value`,
		"labels: {a: }\n":                      `1:13: labels.a is empty; leave it out, or write its value`,
		// Words that YAML takes for numbers, truths and dates.
		"python: 3.10\n":             `1:9: python is text, but 3.10 is read as a number; put quotes around it: "3.10"`,
		"torch: 2.14\n":              `1:8: torch is text, but 2.14 is read as a number; put quotes around it: "2.14"`,
		"cuda: 126\n":                `1:7: cuda is text, but 126 is read as a number; put quotes around it: "126"`,
		"target: {driver: 570.86}\n": `1:18: driver is text, but 570.86 is read as a number; put quotes around it: "570.86"`,
		"base: true\n":               `1:7: base is text, but true is read as a truth value; put quotes around it: "true"`,
		"python: 2024-01-01\n":       `1:9: python is text, but 2024-01-01 is read as a date; put quotes around it: "2024-01-01"`,
		"torch: !mine auto\n":        `1:8: torch is text, but auto is read as !mine; put quotes around it: "auto"`,
		"torch: [auto]\n":            `1:8: torch is a word`,
		"labels: {n: 1.0}\n":         `1:13: labels.n is text, but 1.0 is read as a number; put quotes around it: "1.0"`,
		// Truths, numbers and mappings.
		"cuda-only: yes\n":             `1:12: cuda-only is true or false, not "yes"`,
		"cuda-only: 1\n":               `1:12: cuda-only is true or false, not "1"`,
		"version: one\n":               `1:10: version is a whole number, not "one"`,
		"version: 1.0\n":               `1:10: version is a whole number, not "1.0"`,
		"target: h100\n":               `1:9: target is a mapping, with keys of its own`,
		"index: [https://x]\n":         `1:8: index is a mapping, with keys of its own`,
		"labels: [a=b]\n":              `1:9: labels is a mapping of names to values`,
		"? [torch]\n: auto\n":          `1:3: a key is a word`,
		"labels:\n  ? {a: b}\n  : c\n": `2:5: a key is a word`,
	} {
		_, err := Parse("f", []byte(text))
		assert.Error(t, err, "f:"+want, text)
	}
}

// Whole numbers stand where people write them without quotes.
func TestNumbersThatAreWords(t *testing.T) {
	s, err := Parse("gpu.yaml", []byte("user: 1000\ntarget: {driver: 570}\ncmd: [serve, 8080]\nlabels: {build: 7}\n"))
	assert.NilError(t, err)
	assert.DeepEqual(t, s, Spec{User: "1000", Target: Target{Driver: "570"}, Cmd: []string{"serve", "8080"}, Labels: map[string]string{"build": "7"}})
	// YAML 1.1's words of truth are words.
	s, err = Parse("gpu.yaml", []byte("base: on\nuser: 'no'\ncuda-only: true\n"))
	assert.NilError(t, err)
	assert.DeepEqual(t, s, Spec{Base: "on", User: "no", CUDAOnly: true})
}

func TestKeysThatAreNone(t *testing.T) {
	const all = "keys are apt, base, ca-bundle, cmd, cuda, cuda-only, entrypoint, index, labels, packages, platforms, python, requirements, target, tool-base, torch, user, version, workdir"
	for text, want := range map[string]string{
		"pyhton: x\n":                      `1:1: "pyhton" is not a key; did you mean "python"?`,
		"label: {}\n":                      `1:1: "label" is not a key; did you mean "labels"?`,
		"cuda_only: true\n":                `1:1: "cuda_only" is not a key; did you mean "cuda-only"?`,
		"Torch: auto\n":                    `1:1: "Torch" is not a key; did you mean "torch"?`,
		"dependencies: []\n":               `1:1: "dependencies" is not a key; ` + all,
		"? \n: a\n":                        `1:2: "" is not a key; ` + all,
		"index: {urls: []}\n":              `1:9: "urls" is not a key of index; did you mean "url"?`,
		"index: {mirror: x}\n":             `1:9: "mirror" is not a key of index; keys are extra, find-links, torch, url`,
		"target:\n  gpu: [h100]\n":         `2:3: "gpu" is not a key of target; did you mean "gpus"?`,
		"target: {cc: '9.0'}\n":            `1:10: "cc" is not a key of target; keys are driver, gpus`,
		"torch: a\nbase: b\ntorch: c\n":    `3:1: "torch" stands twice, first on line 1`,
		"labels:\n  a: b\n  'a': c\n":      `3:3: "a" stands twice, first on line 2`,
		"index: {url: a, url: b}\n":        `1:17: "url" stands twice, first on line 1`,
		"torch: auto\n\"torch\": '2.14'\n": `2:1: "torch" stands twice, first on line 1`,
	} {
		_, err := Parse("f", []byte(text))
		assert.Error(t, err, "f:"+want, text)
	}
}

func TestPlain(t *testing.T) {
	for in, want := range map[string]string{"": "", "häß": "häß", `a"b`: `a\"b`, "a\nb": `a\nb`, "\u202e": `\u202e`, "\xff": `\xff`} {
		assert.Equal(t, plain(in), want)
	}
	assert.Equal(t, plain("äääääääääääääääääääääääääääääääääääääääääääääääääääääääääääää"), "ääääääääääääääääääääääääääääääääääääääääääääääääääääääääääää…")
}
