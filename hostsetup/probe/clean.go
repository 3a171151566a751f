package probe

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

const (
	mostString = 4 << 10   // bytes of a text out of a machine
	mostConfig = 256 << 10 // of daemon.json, which is kept whole
)

// Clean makes the texts of a host fit for a terminal and a report: cut, valid UTF-8,
// and no control characters, which could move the cursor or hide text. Local and
// Replay clean what they return; facts from elsewhere need it before they are shown.
func Clean(h *host.Host) {
	texts(h, func(field, s string) string {
		if field == "engine.config" {
			return printable(cut(s, mostConfig), true)
		}
		return printable(cut(s, mostString), false)
	})
}

// cut shortens a text to some bytes, at the end of a character.
func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most] + "…"
}

// printable replaces what a terminal would act on: control characters, and marks that
// turn the direction of writing. A text with lines keeps line ends and tabs.
func printable(s string, lines bool) string {
	return strings.Map(func(c rune) rune {
		switch {
		case lines && (c == '\n' || c == '\t'):
			return c
		case c == '\n' || c == '\t' || c == '\r':
			return ' '
		case unicode.Is(unicode.Cc, c), unicode.Is(unicode.Cf, c), c == '\u2028', c == '\u2029':
			return utf8.RuneError
		}
		return c
	}, strings.ToValidUTF8(s, string(utf8.RuneError)))
}

// texts puts each string of a host through f, with the name of its field in JSON:
// "kernel.log.text". Keys of maps too, by the name of the map.
func texts(h *host.Host, f func(field, s string) string) {
	walkTexts(reflect.ValueOf(h).Elem(), "", f)
}

var timeType = reflect.TypeFor[time.Time]()

func walkTexts(v reflect.Value, field string, f func(field, s string) string) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(f(field, v.String()))
	case reflect.Pointer:
		if !v.IsNil() {
			walkTexts(v.Elem(), field, f)
		}
	case reflect.Slice:
		for i := range v.Len() {
			walkTexts(v.Index(i), field, f)
		}
	case reflect.Map:
		walkMap(v, field, f)
	case reflect.Struct:
		if v.Type() == timeType {
			return
		}
		for i := range v.NumField() {
			name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
			if field != "" {
				name = field + "." + name
			}
			walkTexts(v.Field(i), name, f)
		}
	}
}

// walkMap makes a map anew, in the order of its keys: a value in a map cannot be set.
func walkMap(v reflect.Value, field string, f func(field, s string) string) {
	if v.Len() == 0 || v.Type().Key().Kind() != reflect.String {
		return
	}
	values := map[string]reflect.Value{}
	for _, key := range v.MapKeys() {
		values[key.String()] = v.MapIndex(key)
	}
	out := reflect.MakeMapWithSize(v.Type(), v.Len())
	for _, key := range slices.Sorted(maps.Keys(values)) {
		value := reflect.New(v.Type().Elem()).Elem()
		value.Set(values[key])
		walkTexts(value, field, f)
		out.SetMapIndex(reflect.ValueOf(f(field, key)).Convert(v.Type().Key()), value)
	}
	v.Set(out)
}
