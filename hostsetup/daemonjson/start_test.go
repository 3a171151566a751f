package daemonjson

import (
	"errors"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

func TestConflicts(t *testing.T) {
	for name, c := range map[string]struct{ text, flags, want string }{
		"hosts, short":       {`{"hosts": ["fd://"]}`, "-H fd://", "hosts -H"},
		"hosts, attached":    {`{"hosts": ["fd://"]}`, "-Hfd://", "hosts -H"},
		"hosts, long":        {`{"hosts": ["fd://"]}`, "--host=fd://", "hosts --host"},
		"two, in order":      {`{"labels": ["a"], "debug": true}`, "--debug --label=b", "debug --debug, labels --label"},
		"short ones as one":  {`{"log-level": "info", "debug": false}`, "-Dl info", "debug -D, log-level -l"},
		"not in a value":     {`{"debug": true}`, "-lD", ""},
		"registries":         {`{"insecure-registries": []}`, "--insecure-registry x", "insecure-registries --insecure-registry"},
		"features":           {`{"features": {"cdi": true}}`, "--feature buildkit=true", "features --feature"},
		"runtimes":           {`{"runtimes": {"nvidia": {}}}`, "--add-runtime crun=/x --default-runtime=crun", ""},
		"a runtime so named": {`{"runtimes": {"debug": {}}}`, "--debug", ""},
		"an option so named": {`{"log-opts": {"labels": "x"}}`, "--label=a=b", ""},
		"within proxies":     {`{"proxies": {"http-proxy": "x", "no-proxy": "y"}}`, "--no-proxy z", "no-proxy --no-proxy"},
		"off is set too":     {`{"live-restore": false}`, "--live-restore=true", "live-restore --live-restore"},
		"names like others":  {`{"debug": true}`, "--debugging -H fd:// --host-gateway-ip=x debug", ""},
		"no file":            {"", "-H fd://", ""},
		"broken":             {`{"hosts"`, "-H fd://", ""},
		"an old engine":      {`{"data-root": "/x"}`, "-g /y", "data-root -g"},
		"nothing but signs":  {`{"debug": true}`, "- -- =", ""},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, c := range Conflicts([]byte(c.text), append([]string{"/usr/bin/dockerd"}, strings.Fields(c.flags)...)) {
				got = append(got, c.Key+" "+c.Flag)
			}
			assert.Equal(t, strings.Join(got, ", "), c.want)
		})
	}
}

func TestCheck(t *testing.T) {
	for name, c := range map[string]struct{ text, flags, says string }{
		"good":                   {`{"features": {"cdi": true}}`, "-H fd:// --containerd=/run/containerd/containerd.sock", ""},
		"no file":                {"", "-H fd://", ""},
		"null":                   {"null", "", ""},
		"broken":                 {"{", "", "line 1, column 2: it ends in the middle"},
		"both":                   {`{"live-restore": true, "hosts": []}`, "-H fd:// --live-restore", "hosts, live-restore: set in the file and by -H, --live-restore on dockerd's command line, and dockerd does not start with both: take one away"},
		"no such runtime":        {`{"default-runtime": "nvidia"}`, "", `default-runtime is "nvidia", which runtimes does not define: dockerd does not start with it`},
		"a runtime":              {`{"default-runtime": "nvidia", "runtimes": {"nvidia": {"path": "x"}}}`, "", ""},
		"a runtime as a flag":    {`{"default-runtime": "nvidia"}`, "--add-runtime nvidia=/x", ""},
		"another runtime":        {`{"default-runtime": "nvidia", "runtimes": {"Nvidia": {}}}`, "", "which runtimes does not define"},
		"Docker's own":           {`{"default-runtime": "runc"}`, "", ""},
		"a shim of containerd's": {`{"default-runtime": "io.containerd.kata.v2"}`, "", ""},
		"of another kind":        {`{"default-runtime": 7, "runtimes": []}`, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			err := Check([]byte(c.text), strings.Fields(c.flags))
			if c.says == "" {
				assert.NilError(t, err)
				return
			}
			assert.ErrorContains(t, err, c.says)
			var conflict ConflictError
			assert.Equal(t, errors.As(err, &conflict), name == "both")
		})
	}
}

func TestRestart(t *testing.T) {
	for name, c := range map[string]struct{ before, after, want string }{
		"nothing":                    {`{"data-root": "/x", "n": 1}`, "{\n\"n\": 1, \"data-root\": \"/x\"}", ""},
		"a runtime":                  {"", `{"runtimes": {"nvidia": {"path": "x"}}, "default-runtime": "nvidia"}`, ""},
		"a runtime less":             {`{"runtimes": {"a": {}, "nvidia": {}}}`, `{"runtimes": {"a": {}}}`, ""},
		"the last runtime":           {`{"runtimes": {"nvidia": {}}, "default-runtime": "nvidia"}`, "{}", "default-runtime, runtimes"},
		"live-restore":               {"{}", `{"live-restore": true}`, ""},
		"live-restore goes":          {`{"live-restore": true}`, "", "live-restore"},
		"live-restore off":           {`{"live-restore": true}`, `{"live-restore": false}`, ""},
		"CDI":                        {"", `{"features": {"cdi": true}}`, "features.cdi"},
		"CDI goes":                   {`{"features": {"cdi": true}}`, "{}", "features.cdi"},
		"another feature":            {`{"features": {"cdi": true}}`, `{"features": {"cdi": true, "buildkit": false}}`, ""},
		"features of another kind":   {`{"features": []}`, `{"features": {"buildkit": true}}`, "features"},
		"a limit goes":               {`{"max-concurrent-downloads": 1}`, "{}", ""},
		"several":                    {`{"bip": "10.0.0.1/24"}`, `{"node-generic-resources": [], "debug": true, "data-root": "/y"}`, "bip, data-root, node-generic-resources"},
		"what nobody knows":          {"{}", `{"a-key-of-the-future": 1}`, "a-key-of-the-future"},
		"a key that is like another": {`{"a.b": 1}`, `{"a.b": 2}`, "a.b"},
	} {
		t.Run(name, func(t *testing.T) {
			keys, err := Restart([]byte(c.before), []byte(c.after))
			assert.NilError(t, err)
			assert.Equal(t, strings.Join(keys, ", "), c.want)
		})
	}
	_, err := Restart([]byte("{"), nil)
	assert.ErrorContains(t, err, "it ends in the middle")
	_, err = Restart(nil, []byte("[]"))
	assert.ErrorContains(t, err, "there is an array")
}
