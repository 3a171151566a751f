package policy

import (
	"encoding/json"
	"testing"
)

func TestDaemonDefault(t *testing.T) {
	for key, there := range map[string]bool{"runtimes": true, "default-runtime": true, "live-restore": true, "features": false, "hosts": false} {
		value := DaemonDefault(key)
		if (value != "") != there || there && !json.Valid([]byte(value)) {
			t.Errorf("%s: %q", key, value)
		}
	}
}
