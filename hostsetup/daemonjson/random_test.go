package daemonjson

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// writer writes random objects in a random manner.
type writer struct {
	*rand.Rand
	unit, newline, colon string
	inline, wild         bool
}

func (w *writer) pick(from ...string) string { return from[w.IntN(len(from))] }

func newWriter(seed uint64) *writer {
	w := &writer{Rand: rand.New(rand.NewPCG(seed, 7))}
	w.unit = w.pick("\t", "  ", "    ", " ", "")
	w.newline = w.pick("\n", "\n", "\r\n")
	w.colon = w.pick(": ", ":", " : ", ":\t")
	w.inline, w.wild = w.IntN(4) == 0, w.IntN(5) == 0
	return w
}

// space is what stands before a member at a depth.
func (w *writer) space(depth int) string {
	switch {
	case w.wild:
		return w.pick("", " ", "\n", "\t \r\n", "  ")
	case w.inline:
		return ""
	}
	return w.newline + strings.Repeat(w.unit, depth)
}

func (w *writer) key() string {
	return w.pick(`"features"`, `"cdi"`, `"runtimes"`, `"nvidia"`, `"path"`, `"default-runtime"`, `"live-restore"`, `"node-generic-resources"`,
		`"buildkit"`, `"é"`, `"\u0061b"`, `"a\"{,}"`, fmt.Sprintf(`"k%d"`, w.IntN(50)))
}

func (w *writer) value(depth int) string {
	if depth < 4 {
		switch w.IntN(3) {
		case 0:
			return w.object(depth)
		case 1:
			var parts []string
			for range w.IntN(3) {
				parts = append(parts, w.space(depth+1)+w.value(depth+1))
			}
			return "[" + strings.Join(parts, ",") + w.space(depth) + "]"
		}
	}
	return w.pick("true", "false", "null", "0", "-1.50e+3", "123456789012345678901234567890", `""`, `"nvidia"`, `"<&>"`, `"\ud83d\ude80 } ] , :"`)
}

func (w *writer) object(depth int) string {
	var parts, keys []string
	for range w.IntN(5) {
		key := w.key()
		if slices.Contains(keys, key) {
			continue
		}
		keys = append(keys, key)
		value := w.value(depth + 1)
		if w.IntN(3) > 0 && slices.Contains([]string{`"features"`, `"runtimes"`, `"nvidia"`}, key) {
			value = w.object(depth + 1)
		}
		parts = append(parts, w.space(depth+1)+key+w.colon+value)
	}
	if len(parts) == 0 {
		return w.pick("{}", "{}", "{ }", "{"+w.newline+"}")
	}
	return "{" + strings.Join(parts, ",") + w.space(depth) + "}"
}

func (w *writer) file() []byte {
	return []byte(w.pick("", "", "\xef\xbb\xbf") + w.object(0) + w.pick("", w.newline, w.newline+w.newline))
}

func (w *writer) edits() (edits []Edit) {
	for range 1 + w.IntN(3) {
		e := Edit{Key: []string{w.pick("features", "runtimes", "default-runtime", "k1", "é")}}
		for range w.IntN(3) {
			e.Key = append(e.Key, w.pick("cdi", "nvidia", "path", "ab", "a\"{,}"))
		}
		if w.IntN(3) > 0 {
			e.Value = json.RawMessage(strings.ReplaceAll(w.value(2), "null", "7"))
		}
		if possible(append(edits, e)) == nil {
			edits = append(edits, e)
		}
	}
	return edits
}

func TestRandomObjects(t *testing.T) {
	made := 0
	for seed := range uint64(5000) {
		w := newWriter(seed)
		text, edits := w.file(), w.edits()
		if _, err := Apply(text, edits); err == nil {
			made++
		}
		if !t.Run(fmt.Sprint(seed), func(t *testing.T) { promises(t, text, edits) }) {
			t.Fatalf("text %q, edits %q", text, edits)
		}
	}
	if made < 3000 {
		t.Errorf("only %d of the objects could be edited", made)
	}
}

func FuzzApply(f *testing.F) {
	all := wishes(f)
	for name, text := range corpus(f) {
		wish := name[strings.LastIndexByte(name, '.')+1:]
		f.Add(text, wish, "", "")
	}
	f.Add([]byte(`{"a":{"b":[1,{}]}}`), "", "a\nb", `{"c":[{},""]}`)
	f.Add([]byte("{\n  \"a\" : {}\n}"), "", "a\nb\nc", "1e9")
	f.Add([]byte("{\"a\": {\"b\": 1}, \"c\": 2}"), "out", "a\nb", "")
	f.Fuzz(func(t *testing.T, text []byte, wish, key, value string) {
		edits := slices.Clone(all[wish])
		if key != "" {
			e := Edit{Key: strings.Split(key, "\n")}
			if value != "" {
				e.Value = json.RawMessage(value)
			}
			edits = append(edits, e)
		}
		if len(edits) > 0 {
			promises(t, text, edits)
		}
	})
}
