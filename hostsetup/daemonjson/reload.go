package daemonjson

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/dockergpu/docker-gpu/internal/policy"
	"github.com/dockergpu/docker-gpu/internal/splice"
)

// Restart names what differs between two texts and dockerd takes only when it starts
// anew: "features.cdi". Where there is nothing, a reload is enough.
func Restart(before, after []byte) ([]string, error) {
	old, err := Read(before)
	if err != nil {
		return nil, err
	}
	changed, err := Read(after)
	if err != nil {
		return nil, err
	}
	const features = "features" // each of them is taken in its own way
	keys := differing("", old, changed)
	if i := slices.Index(keys, features); i >= 0 {
		var a, b map[string]json.RawMessage
		if members(old[features], &a) && members(changed[features], &b) {
			keys = slices.Replace(keys, i, i+1, differing(features+".", a, b)...)
		}
	}
	return keys, nil
}

func members(value json.RawMessage, into *map[string]json.RawMessage) bool {
	return value == nil || json.Unmarshal(value, into) == nil
}

// differing are the keys of two objects whose change takes a restart, in order.
func differing(above string, before, after map[string]json.RawMessage) (keys []string) {
	all := map[string]json.RawMessage{}
	maps.Copy(all, before)
	maps.Copy(all, after)
	for _, key := range slices.Sorted(maps.Keys(all)) {
		was, had := before[key]
		is, has := after[key]
		how := policy.DaemonReload(above + key)
		if had == has && splice.Equal(was, is) || has && how >= policy.WhenSet || how == policy.Always {
			continue
		}
		keys = append(keys, above+key)
	}
	return keys
}
