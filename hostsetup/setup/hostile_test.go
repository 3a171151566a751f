package setup

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

const evil = "\x1b[2J$(reboot)\n../../evil\u202e"

// eachText calls f for each text in a value, with a way to set it.
func eachText(v reflect.Value, path string, f func(path string, set func(string), is string)) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			eachText(v.Elem(), path, f)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				eachText(v.Field(i), path+"."+v.Type().Field(i).Name, f)
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			eachText(v.Index(i), path, f)
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			is := v.MapIndex(key)
			if is.Kind() == reflect.String {
				f(path+"["+key.String()+"]", func(s string) { v.SetMapIndex(key, reflect.ValueOf(s)) }, is.String())
			}
		}
	case reflect.String:
		f(path, v.SetString, v.String())
	}
}

// Each text that a machine gives is evil once, whole and at its end: no operation has it,
// and no word of the plan steers a terminal.
func TestEvilTexts(t *testing.T) {
	wishes := Wishes{Swarm: true, Hold: true, NvidiaRuntime: true, AllowRestart: true}
	for _, name := range []string{"ubuntu2404-spec-leftovers", "ubuntu2404-b200-proprietary", "debian12-nvidia-570", "ubuntu2404-old-sources", "rhel9-server",
		"ubuntu2404-rootless-27", "ubuntu2404-docker-io", "container-h200-private-engine"} {
		count := 0
		eachText(reflect.ValueOf(recorded(t, name)), "", func(string, func(string), string) { count++ })
		for n := range 2 * count {
			h := recorded(t, name)
			at, where := 0, ""
			eachText(reflect.ValueOf(h), "", func(path string, set func(string), is string) {
				if at == n/2 {
					where = path
					set(map[bool]string{true: evil, false: is + evil}[n%2 == 0])
				}
				at++
			})
			if where == ".Engine.Config" {
				continue // its own text, which is edited and not taken
			}
			for _, w := range []Wishes{wishes, {DriverBranch: "580", DockerFrom: "docker"}} {
				plan, err := Make(h, w, plannedAt())
				if err != nil {
					assert.Equal(t, err.Error(), tidy(err.Error()), "%s %s", name, where)
					continue
				}
				texts(t, plan)
				for _, s := range plan.Steps {
					if s.Op.Reboot != nil {
						assert.Equal(t, s.Op.Reboot.Why, tidy(s.Op.Reboot.Why)) // words
						continue
					}
					data, err := json.Marshal(s.Op)
					assert.NilError(t, err)
					if strings.Contains(string(data), "evil") {
						t.Errorf("%s %s: %s", name, where, data)
					}
				}
			}
		}
	}
}

// A machine that says nothing at all is planned for without a fault.
func TestEmptyHosts(t *testing.T) {
	for _, h := range []*host.Host{{}, {Local: true}, {Local: true, OS: host.OS{ID: "ubuntu"}}, {Local: true, PCI: []host.PCI{{Class: "0302"}}}, {Local: true, GPUs: []host.GPU{{}}, Engine: host.Engine{Version: "29.4.0"}}} {
		for _, w := range []Wishes{{}, {Swarm: true, Hold: true, NvidiaRuntime: true, AllowRestart: true}} {
			plan, err := Make(h, w, plannedAt())
			if err == nil {
				texts(t, plan)
			}
		}
	}
}
