package plugin

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/moby/buildkit/session/secrets"
	"gotest.tools/v3/assert"
)

func TestSecretsAreReadFromWhereTheyAre(t *testing.T) {
	file := filepath.Join(t.TempDir(), "netrc")
	assert.NilError(t, os.WriteFile(file, []byte("from a file"), 0o600))
	t.Setenv("BUILD_TOKEN", "from the environment")
	for value, want := range map[string]string{
		"id=s,src=" + file:                "from a file",
		"id=s,source=" + file:             "from a file",
		"ID=s,type=file,src=" + file:      "from a file",
		"id=s,env=BUILD_TOKEN":            "from the environment",
		"id=s,type=env,src=BUILD_TOKEN":   "from the environment",
		"type=env,env=BUILD_TOKEN,id=s":   "from the environment",
		`id=s,"src=` + file + `"`:         "from a file",
		"id=s,type=env,env=BUILD_NOT_SET": "",
	} {
		store, err := secretStore([]string{value})
		assert.NilError(t, err, value)
		got, err := store.GetSecret(t.Context(), "s")
		assert.NilError(t, err, value)
		assert.Equal(t, string(got), want, value)
	}
	// The name alone is a variable, where there is one.
	store, err := secretStore([]string{"id=BUILD_TOKEN", "id=b,src=" + file})
	assert.NilError(t, err)
	got, err := store.GetSecret(t.Context(), "BUILD_TOKEN")
	assert.NilError(t, err)
	assert.Equal(t, string(got), "from the environment")
	_, err = store.GetSecret(t.Context(), "c")
	assert.Assert(t, errors.Is(err, secrets.ErrNotFound), "%v", err)
	// No secrets are no store: BuildKit is then not asked for one.
	store, err = secretStore(nil)
	assert.NilError(t, err)
	assert.Assert(t, store == nil)
}

func TestSecretsThatCannotBe(t *testing.T) {
	for value, says := range map[string]string{
		"netrc":                  `key "netrc" is not one of id, src, env, type`,
		"id=a,target=/x":         `key "target" is not one of id, src, env, type`,
		"id=a,src=/no/such/file": "/no/such/file",
		"src=/dev/null":          "missing ID",
		"id=a,type=vault,src=x":  `type "vault" is not one of file, env`,
		`id=a,"src`:              "--secret",
	} {
		_, err := secretStore([]string{value})
		isUsage(t, err, says)
		assert.ErrorContains(t, err, "--secret")
	}
}
