package engine

import (
	"testing"

	"gotest.tools/v3/assert"
)

func TestFates(t *testing.T) {
	inspect := func(name, host string) string {
		return `200 {"Id":"x","Name":"/` + name + `","HostConfig":` + host + `}`
	}
	d := &daemon{answers: map[string]string{
		"GET /containers/json":   `200 [{"Id":"a","State":"running"},{"Id":"b","State":"running"},{"Id":"c","State":"running"},{"Id":"d","State":"running"}]`,
		"GET /containers/a/json": inspect("web", `{"RestartPolicy":{"Name":"unless-stopped"}}`),
		"GET /containers/b/json": inspect("job", `{"AutoRemove":true,"RestartPolicy":{"Name":"no"}}`),
		"GET /containers/c/json": inspect(`a\u001b[2Jshell`, `{"RestartPolicy":{"Name":""}}`),
		"GET /containers/d/json": `404 {"message":"No such container: d"}`, // it has ended meanwhile
	}}
	fates, err := d.engine(t).Fates(t.Context())
	assert.NilError(t, err)
	assert.DeepEqual(t, fates, []Fate{{Name: "a [2Jshell"}, {Name: "job", Removed: true}, {Name: "web", Restart: "unless-stopped"}})
}

func TestFatesThatAreNotTold(t *testing.T) {
	d := &daemon{answers: map[string]string{"GET /containers/json": `500 {"message":"busy"}`}}
	_, err := d.engine(t).Fates(t.Context())
	assert.ErrorContains(t, err, "busy")

	d = &daemon{answers: map[string]string{"GET /containers/json": `200 [{"Id":"a","State":"running"}]`, "GET /containers/a/json": `500 {"message":"busy"}`}}
	fates, err := d.engine(t).Fates(t.Context())
	assert.ErrorContains(t, err, "container a cannot be inspected")
	assert.Equal(t, len(fates), 0)
}
