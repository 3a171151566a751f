package daemonjson

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/golden"

	"github.com/dockergpu/docker-gpu/internal/splice"
)

// wishes are the edits that setup makes and takes back, by name.
func wishes(t testing.TB) map[string][]Edit {
	t.Helper()
	data, err := os.ReadFile("testdata/wishes.json")
	assert.NilError(t, err)
	var all map[string][]Edit
	assert.NilError(t, json.Unmarshal(data, &all))
	return all
}

// corpus are daemon.json files of all shapes, by NAME.WISH.
func corpus(t testing.TB) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob("testdata/corpus/*.json")
	assert.NilError(t, err)
	assert.Assert(t, len(files) > 90, "%d files", len(files))
	all := map[string][]byte{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		assert.NilError(t, err)
		all[strings.TrimSuffix(filepath.Base(file), ".json")] = data
	}
	return all
}

// What becomes of each file, or why it is left alone.
func TestCorpus(t *testing.T) {
	all := wishes(t)
	for name, text := range corpus(t) {
		t.Run(name, func(t *testing.T) {
			wish := strings.TrimPrefix(filepath.Ext(name), ".")
			assert.Assert(t, len(all[wish]) > 0, "no wish is called %q", wish)
			after, err := Apply(text, all[wish])
			if err != nil {
				after = []byte("refused: " + err.Error() + "\n")
			}
			golden.AssertBytes(t, after, filepath.Join("corpus", name+".golden"))
		})
	}
}

func TestCorpusKeepsThePromises(t *testing.T) {
	for name, text := range corpus(t) {
		for wish, edits := range wishes(t) {
			t.Run(name+"/"+wish, func(t *testing.T) { promises(t, text, edits) })
		}
	}
}

// A file of 5 MB, on many lines and on one.
func TestLargeFiles(t *testing.T) {
	for _, between := range []string{"\n    ", " "} {
		text := []byte("{\n  \"labels\": [" + strings.Repeat(between+"\"a-label=of some length, forty bytes\",", 120_000) + between + "\"last=1\"\n  ]\n}\n")
		assert.Assert(t, len(text) > 5<<20-1<<20)
		after, err := Apply(text, wishes(t)["runtime"])
		assert.NilError(t, err)
		assert.Assert(t, bytes.HasPrefix(after, text[:len(text)-3]))
		back, left, err := Revert(after, text, wishes(t)["runtime"])
		assert.NilError(t, err)
		assert.Assert(t, bytes.Equal(back, text) && len(left) == 0)
	}
}

// promises are what holds for every text and all edits.
func promises(t *testing.T, text []byte, edits []Edit) {
	t.Helper()
	given := bytes.Clone(text)
	after, err := Apply(text, edits)
	assert.Assert(t, bytes.Equal(text, given), "the text itself is not written to")
	if err != nil {
		assert.Assert(t, !strings.ContainsFunc(err.Error(), unicode.IsControl), "%q", err)
		return // refused, which is always allowed
	}
	all, err := Read(after)
	assert.NilError(t, err, "%q", after)

	right := true
	for _, e := range edits {
		_, body, _ := read(after)
		value, ok, _, err := lookup(body, e.Key)
		assert.NilError(t, err)
		assert.Equal(t, ok, e.Value != nil, "%q in %q", e.Key, after)
		assert.Assert(t, !ok || splice.Equal(value, e.Value), "%q: %s", e.Key, value)
		_, body, _ = read(text)
		value, ok, _, err = lookup(body, e.Key)
		right = right && err == nil && ok == (e.Value != nil) && (!ok || splice.Equal(value, e.Value))
	}
	assert.Equal(t, right, bytes.Equal(text, after), "what is right already is left alone: %q", after)

	again, err := Apply(after, edits)
	assert.NilError(t, err)
	assert.Assert(t, bytes.Equal(again, after), "twice is not once: %q, %q", after, again)

	back, left, err := Revert(after, text, edits)
	assert.NilError(t, err)
	assert.Assert(t, bytes.Equal(back, text) && len(left) == 0, "there and back: %q, %q", text, back)

	const mark = "\xef\xbb\xbf"
	assert.Equal(t, bytes.HasPrefix(after, []byte(mark)), bytes.HasPrefix(text, []byte(mark)))
	if blank := len(bytes.Trim(text, mark+" \t\r\n")) == 0; !blank {
		assert.Equal(t, bytes.HasSuffix(after, []byte("\n")), bytes.HasSuffix(text, []byte("\n")), "the end of the file")
		kept(t, bytes.TrimPrefix(text, []byte(mark)), bytes.TrimPrefix(after, []byte(mark)), edits)
	}
	if windows := bytes.Count(text, []byte("\r\n")); windows > 0 && windows == bytes.Count(text, []byte("\n")) {
		assert.Equal(t, bytes.Count(after, []byte("\r\n")), bytes.Count(after, []byte("\n")), "line endings")
	}
	amid(t, text, after, all, edits)
}

// kept compares, in the object at a path, what no edit names: bytes and order stay.
func kept(t *testing.T, before, after []byte, edits []Edit, path ...string) {
	t.Helper()
	list := func(text []byte) (raw, through []string) {
		members, _, err := splice.Object(text, path...)
		assert.NilError(t, err)
		for _, m := range members {
			at := append(slices.Clone(path), m.Key)
			switch {
			case slices.ContainsFunc(edits, func(e Edit) bool { return slices.Equal(e.Key, at) }):
			case slices.ContainsFunc(edits, func(e Edit) bool { return len(e.Key) > len(at) && slices.Equal(e.Key[:len(at)], at) }):
				through = append(through, m.Key)
			default:
				raw = append(raw, string(text[m.Start:m.End]))
			}
		}
		return raw, through
	}
	was, from := list(before)
	is, to := list(after)
	assert.DeepEqual(t, is, was)
	for _, key := range from {
		if slices.Contains(to, key) {
			kept(t, before, after, edits, append(slices.Clone(path), key)...)
			continue
		}
		// It went, and so had nothing but what the edits name.
		value, _, err := splice.Get(before, append(slices.Clone(path), key)...)
		assert.NilError(t, err)
		kept(t, value, []byte("{}"), below(edits, append(slices.Clone(path), key)))
	}
}

// below are the edits within an object, seen from there.
func below(edits []Edit, path []string) (inner []Edit) {
	for _, e := range edits {
		if len(e.Key) > len(path) && slices.Equal(e.Key[:len(path)], path) {
			inner = append(inner, Edit{e.Key[len(path):], e.Value})
		}
	}
	return inner
}

// amid takes the edits back after somebody else has changed the file: what that was stays.
func amid(t *testing.T, text, after []byte, all map[string]json.RawMessage, edits []Edit) {
	t.Helper()
	others := []Edit{{Key: []string{"zz-somebody"}, Value: json.RawMessage(`{"else": 1}`)}}
	if _, there := all["zz-somebody"]; there || slices.ContainsFunc(edits, func(e Edit) bool { return strings.EqualFold(e.Key[0], "zz-somebody") || e.Value == nil }) {
		return
	}
	both, err := Apply(after, others)
	assert.NilError(t, err)
	want, err := Apply(text, others)
	assert.NilError(t, err)
	got, left, err := Revert(both, text, edits)
	assert.NilError(t, err)
	assert.Equal(t, len(left), 0)
	_, a, _ := read(got)
	_, b, _ := read(want)
	assert.Assert(t, splice.Equal(a, b), "%q, %q", got, want)
	if !bytes.Contains(bytes.Join(bytes.Fields(text), nil), []byte("{}")) { // the space in an empty object is lost
		assert.Assert(t, bytes.Equal(got, want) || len(bytes.TrimSpace(text)) < 4, "%q, %q", got, want)
	}
}
