package spec

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

//go:embed gpu.schema.json
var schema []byte

// Schema is the JSON Schema of gpu.yaml.
func Schema() []byte { return schema }

// Load reads a gpu.yaml. Errors name the file and the line.
func Load(file string) (Spec, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return Spec{}, fmt.Errorf("the build file cannot be read: %w", err)
	}
	return Parse(file, data)
}

// Parse reads the text of a gpu.yaml; name appears in errors. Keys that are not
// known, keys that stand twice and values of a wrong kind are refused.
func Parse(name string, data []byte) (Spec, error) {
	var doc yaml.Node
	dec := yaml.NewDecoder(bytes.NewReader(data))
	if err := dec.Decode(&doc); err != nil {
		if len(bytes.TrimSpace(data)) == 0 || strings.Contains(err.Error(), "EOF") {
			return Spec{}, nil
		}
		return Spec{}, fmt.Errorf("%s: %w", name, located(err))
	}
	if len(doc.Content) != 1 || doc.Content[0].Kind != yaml.MappingNode {
		return Spec{}, fmt.Errorf("%s:%d: a build file is a mapping of keys such as torch and packages", name, max(doc.Line, 1))
	}
	if err := keys(name, "", doc.Content[0], reflect.TypeFor[Spec]()); err != nil {
		return Spec{}, err
	}
	var s Spec
	if err := doc.Content[0].Decode(&s); err != nil {
		return Spec{}, fmt.Errorf("%s: %w", name, located(err))
	}
	return s, nil
}

// located turns YAML's "line 3: …" into the form that editors jump to.
func located(err error) error {
	return errors.New(strings.TrimPrefix(strings.TrimPrefix(err.Error(), "yaml: "), "unmarshal errors:\n  "))
}

// keys walks a mapping beside the struct it is decoded into.
func keys(file, in string, node *yaml.Node, t reflect.Type) error {
	fields := map[string]reflect.Type{}
	var known []string
	for i := range t.NumField() {
		tag, _, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ",")
		fields[tag] = t.Field(i).Type
		known = append(known, tag)
	}
	seen := map[string]int{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		at := fmt.Sprintf("%s:%d:%d", file, key.Line, key.Column)
		ft, ok := fields[key.Value]
		if !ok {
			return fmt.Errorf("%s: %q is not a key%s%s", at, key.Value, in, near(key.Value, known))
		}
		if line, twice := seen[key.Value]; twice {
			return fmt.Errorf("%s: %q stands twice, first on line %d", at, key.Value, line)
		}
		seen[key.Value] = key.Line
		if err := kind(file, key.Value, value, ft); err != nil {
			return err
		}
	}
	return nil
}

// kind checks a value's shape, so that the error can say what is expected.
func kind(file, key string, value *yaml.Node, t reflect.Type) error {
	at := fmt.Sprintf("%s:%d:%d", file, value.Line, value.Column)
	switch t.Kind() {
	case reflect.Struct:
		if value.Kind != yaml.MappingNode {
			return fmt.Errorf("%s: %s is a mapping", at, key)
		}
		return keys(file, " of "+key, value, t)
	case reflect.Slice:
		if value.Kind != yaml.SequenceNode {
			return fmt.Errorf("%s: %s is a list", at, key)
		}
		for _, e := range value.Content {
			if e.Kind != yaml.ScalarNode {
				return fmt.Errorf("%s:%d:%d: %s is a list of words", file, e.Line, e.Column, key)
			}
		}
	case reflect.Map:
		if value.Kind != yaml.MappingNode {
			return fmt.Errorf("%s: %s is a mapping of names to values", at, key)
		}
	case reflect.Bool:
		if value.Tag != "!!bool" {
			return fmt.Errorf("%s: %s is true or false, not %q", at, key, value.Value)
		}
	default:
		if value.Kind != yaml.ScalarNode || value.Tag == "!!bool" || value.Tag == "!!null" {
			return fmt.Errorf("%s: %s is a word", at, key)
		}
		if value.Tag == "!!float" {
			// python: 3.10 would be read as 3.1.
			return fmt.Errorf("%s: %s is read as a number; put quotes around it: %s: %q", at, key, key, value.Value)
		}
	}
	return nil
}

// near suggests the known key that differs in few letters.
func near(key string, known []string) string {
	best, least := "", 3
	for _, k := range known {
		if d := distance(key, k); d < least {
			best, least = k, d
		}
	}
	if best != "" {
		return fmt.Sprintf("; did you mean %q?", best)
	}
	slices.Sort(known)
	return "; keys are " + strings.Join(known, ", ")
}

// distance is Levenshtein's.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
