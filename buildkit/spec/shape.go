package spec

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/dockergpu/docker-gpu/internal/nearest"
)

// shape checks a YAML tree beside the struct it will be decoded into, because
// the decoder's own errors name Go types and suggest nothing.
type shape struct{ file string }

func checkShape(file string, root *yaml.Node) error {
	return shape{file}.keys("", root, reflect.TypeFor[Spec]())
}

func (s shape) errorf(at *yaml.Node, format string, args ...any) error {
	return fmt.Errorf("%s:%d:%d: %s", s.file, at.Line, at.Column, fmt.Sprintf(format, args...))
}

// keys walks a mapping whose keys are a struct's fields.
func (s shape) keys(in string, node *yaml.Node, t reflect.Type) error {
	fields := map[string]reflect.Type{}
	var known []string
	for i := range t.NumField() {
		tag, _, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ",")
		fields[tag] = t.Field(i).Type
		known = append(known, tag)
	}
	return s.pairs(node, func(key, value *yaml.Node) error {
		ft, ok := fields[key.Value]
		if !ok {
			return s.errorf(key, "\"%s\" is not a key%s%s", plain(key.Value), in, near(key.Value, known))
		}
		return s.value(key.Value, value, ft)
	})
}

// pairs visits a mapping and refuses a key that stands twice.
func (s shape) pairs(node *yaml.Node, visit func(key, value *yaml.Node) error) error {
	seen := map[string]int{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		if value.Kind == yaml.AliasNode {
			value = value.Alias
		}
		if key.Kind != yaml.ScalarNode {
			return s.errorf(key, "a key is a word")
		}
		if line, twice := seen[key.Value]; twice {
			return s.errorf(key, "\"%s\" stands twice, first on line %d", plain(key.Value), line)
		}
		seen[key.Value] = key.Line
		if err := visit(key, value); err != nil {
			return err
		}
	}
	return nil
}

func (s shape) value(key string, value *yaml.Node, t reflect.Type) error {
	if value.Tag == "!!null" {
		return s.word(key, value, false)
	}
	switch t.Kind() {
	case reflect.Struct:
		if value.Kind != yaml.MappingNode {
			return s.errorf(value, "%s is a mapping, with keys of its own", key)
		}
		return s.keys(" of "+key, value, t)
	case reflect.Slice:
		if value.Kind != yaml.SequenceNode {
			example := plain(value.Value)
			if key == "cmd" || key == "entrypoint" { // one word for each argument
				example = strings.Join(strings.Fields(example), ", ")
			}
			return s.errorf(value, "%s is a list; write [%s], or each entry in a line after a dash", key, example)
		}
		for _, e := range value.Content {
			if err := s.word("an entry of "+key, e, true); err != nil {
				return err
			}
		}
	case reflect.Map:
		if value.Kind != yaml.MappingNode {
			return s.errorf(value, "%s is a mapping of names to values", key)
		}
		return s.pairs(value, func(k, v *yaml.Node) error { return s.word(key+"."+plain(k.Value), v, true) })
	case reflect.Bool:
		if value.Tag != "!!bool" {
			return s.errorf(value, "%s is true or false, not \"%s\"", key, plain(value.Value))
		}
	case reflect.Int:
		if value.Tag != "!!int" {
			return s.errorf(value, "%s is a whole number, not \"%s\"", key, plain(value.Value))
		}
	default:
		return s.word(key, value, key == "user" || key == "driver")
	}
	return nil
}

// word refuses what YAML reads as something other than text: python: 3.10 would
// be the number 3.1 to every other reader of the file. Whole numbers are taken
// where people write them: a user, a driver's branch, an argument.
func (s shape) word(what string, value *yaml.Node, number bool) error {
	if value.Kind == yaml.AliasNode {
		value = value.Alias
	}
	switch {
	case value.Kind != yaml.ScalarNode:
		return s.errorf(value, "%s is a word", what)
	case value.Tag == "!!str" || number && value.Tag == "!!int":
		return nil
	case value.Tag == "!!null":
		return s.errorf(value, "%s is empty; leave it out, or write its value", what)
	}
	kind, ok := map[string]string{"!!int": "a number", "!!float": "a number", "!!bool": "a truth value", "!!timestamp": "a date"}[value.Tag]
	if !ok {
		kind = plain(value.Tag)
	}
	shown := plain(value.Value)
	return s.errorf(value, "%s is text, but %s is read as %s; put quotes around it: \"%s\"", what, shown, kind, shown)
}

// plain is a file's text for a message: what a terminal could act on is escaped, and
// only the beginning of what is long is shown.
func plain(text string) string {
	const most = 60
	if runes := []rune(text); len(runes) > most {
		text = string(runes[:most]) + "…"
	}
	quoted := strconv.Quote(text)
	return quoted[1 : len(quoted)-1]
}

// near suggests the known key that differs in few letters.
func near(key string, known []string) string {
	if best := nearest.Word(key, known, nil); best != "" {
		return fmt.Sprintf("; did you mean %q?", best)
	}
	slices.Sort(known)
	return "; keys are " + strings.Join(known, ", ")
}
