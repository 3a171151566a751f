package engine

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

func TestGPUsOfAnEngine(t *testing.T) {
	d := &daemon{answers: map[string]string{"GET /info": `200 {"Runtimes":{"runc":{"path":"runc"},"nvidia":{"path":"nvidia-container-runtime"}},
		"DiscoveredDevices":[{"Source":"cdi","ID":"nvidia.com/gpu=all"}]}`}}
	r, err := d.engine(t).GPUs(t.Context())
	assert.NilError(t, err)
	assert.DeepEqual(t, r, &Route{CDI: []string{"nvidia.com/gpu=all"}, Runtime: true})

	d = &daemon{answers: map[string]string{"GET /info": `200 {"Runtimes":{"runc":{"path":"runc"}}}`}}
	r, err = d.engine(t).GPUs(t.Context())
	assert.NilError(t, err)
	assert.Assert(t, r == nil)

	d = &daemon{answers: map[string]string{"GET /info": `500 {"message":"starting up"}`}}
	_, err = d.engine(t).GPUs(t.Context())
	assert.ErrorContains(t, err, "does not answer")
	assert.ErrorContains(t, err, "starting up")
}

const load = "POST /images/load"

func TestLoadSendsTheArchive(t *testing.T) {
	d := &daemon{answers: map[string]string{load: `200 {"stream":"Loaded image: x:latest\n"}`}}
	assert.NilError(t, d.engine(t).Load(t.Context(), strings.NewReader("archive")))
	assert.Equal(t, d.body, "archive")
}

// The engine answers 200 before it reads the archive, so a failure is in the stream.
func TestLoadReportsWhatTheStreamSays(t *testing.T) {
	for name, c := range map[string]struct{ answer, says string }{
		"in the stream": {`200 {"stream":"Loading"}` + "\n" + `{"errorDetail":{"message":"no space left on device"},"error":"no space left on device"}`, "no space left on device"},
		"at once":       {`500 {"message":"invalid tar header"}`, "invalid tar header"},
		"cut off":       {`200 {"stream":"Loa`, "unexpected EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			d := &daemon{answers: map[string]string{load: c.answer}}
			err := d.engine(t).Load(t.Context(), strings.NewReader("archive"))
			assert.ErrorContains(t, err, "the engine does not take the image")
			assert.ErrorContains(t, err, c.says)
		})
	}
}

const push = "POST /images/registry.example.com/me/x/push"

func TestPushReturnsTheDigest(t *testing.T) {
	d := &daemon{answers: map[string]string{push: `200 {"status":"The push refers to repository [registry.example.com/me/x]"}
{"status":"Pushing","progressDetail":{"current":1,"total":2},"id":"a1"}
{"status":"latest: digest: sha256:abc size: 1"}
{"progressDetail":{},"aux":{"Tag":"latest","Digest":"sha256:abc","Size":1}}
`}}
	digest, err := d.engine(t).Push(t.Context(), "registry.example.com/me/x")
	assert.NilError(t, err)
	assert.Equal(t, digest, "sha256:abc")
	assert.Equal(t, d.calls[0], push+"?tag=latest")
	data, err := base64.URLEncoding.DecodeString(d.header.Get("X-Registry-Auth"))
	assert.NilError(t, err)
	var auth map[string]string
	assert.NilError(t, json.Unmarshal(data, &auth))
	assert.Equal(t, auth["username"]+":"+auth["password"], "me:secret")
}

func TestPushReportsWhatTheRegistrySays(t *testing.T) {
	for name, c := range map[string]struct{ answer, says string }{
		"in the stream": {`200 {"status":"Preparing"}` + "\n" + `{"errorDetail":{"message":"denied: requested access"},"error":"denied: requested access"}`, "denied: requested access; run `docker login`"},
		"at once":       {`404 {"message":"No such image: x"}`, "No such image"},
		"cut off":       {`200 {"status":"Prep`, "unexpected EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			d := &daemon{answers: map[string]string{push: c.answer}}
			digest, err := d.engine(t).Push(t.Context(), "registry.example.com/me/x:latest")
			assert.ErrorContains(t, err, "registry.example.com/me/x:latest cannot be pushed")
			assert.ErrorContains(t, err, c.says)
			assert.Equal(t, digest, "")
		})
	}
	_, err := (&daemon{}).engine(t).Push(t.Context(), "NOT A NAME")
	assert.ErrorContains(t, err, "is no image name")
}

func TestRemoveOfWhatIsNotThere(t *testing.T) {
	const remove = "DELETE /images/x:1"
	for name, c := range map[string]struct{ answer, says string }{
		"removed": {`200 [{"Untagged":"x:1"}]`, ""},
		"absent":  {`404 {"message":"No such image: x:1"}`, ""},
		"in use":  {`409 {"message":"conflict: image is in use"}`, "in use"},
	} {
		t.Run(name, func(t *testing.T) {
			d := &daemon{answers: map[string]string{remove: c.answer}}
			err := d.engine(t).Remove(t.Context(), "x:1")
			if c.says == "" {
				assert.NilError(t, err)
			} else {
				assert.ErrorContains(t, err, c.says)
			}
			assert.Equal(t, d.asked(remove), 1)
		})
	}
}

func TestImageID(t *testing.T) {
	d := &daemon{answers: map[string]string{"GET /images/x:1/json": `200 {"Id":"sha256:abc"}`}}
	id, err := d.engine(t).ImageID(t.Context(), "x:1")
	assert.NilError(t, err)
	assert.Equal(t, id, "sha256:abc")
}

func TestHas(t *testing.T) {
	for answer, want := range map[string]bool{`200 {"Id":"sha256:a"}`: true, `404 {"message":"No such image: a:1"}`: false} {
		has, err := (&daemon{answers: map[string]string{"GET /images/a:1/json": answer}}).engine(t).Has(t.Context(), "a:1")
		assert.NilError(t, err)
		assert.Equal(t, has, want)
	}
	_, err := (&daemon{answers: map[string]string{"GET /images/a:1/json": `500 {"message":"broken"}`}}).engine(t).Has(t.Context(), "a:1")
	assert.ErrorContains(t, err, "broken")
}
