package policy

import (
	"testing"

	"gotest.tools/v3/assert"
)

func TestWhatAnEngineCanDo(t *testing.T) {
	for _, c := range []struct {
		version, cdi string
		gpus         bool
		schema       string
	}{
		{"20.10.24+dfsg1", "no", false, ""},
		{"24.0.9", "no", false, ""},
		{"25.0.0", "feature", false, "0.6.0"},
		{"26.0.2", "feature", false, "0.6.0"},
		{"26.1.0", "feature", false, "0.7.0"},
		{"28.1.1", "feature", false, "0.8.0"},
		{"28.2.0", "default", false, "1.0.0"},
		{"29.1.4", "default", false, "1.0.0"},
		{"29.2.0", "default", true, "1.0.0"},
		{"29.7.2", "default", true, "1.1.0"},
		// None of Docker's releases: built from the present source.
		{"dev", "default", true, "1.1.0"},
		{"library-import", "default", true, "1.1.0"},
		{"2.0.0-beta.24", "default", true, "1.1.0"},
		{"", "default", true, "1.1.0"},
		{"1.13.1", "no", false, ""},
		{"17.03.1-ce", "no", false, ""},
		{"16.9", "default", true, "1.1.0"},
		// A candidate is made of what its release will be.
		{"29.2.0-rc.1", "default", true, "1.0.0"},
		{"5:25.0.0~beta.1-1~debian.12~bookworm", "feature", false, "0.6.0"},
	} {
		e := EngineOf(c.version)
		assert.Equal(t, e.CDI, c.cdi, c.version)
		assert.Equal(t, e.GPUsByCDI, c.gpus, c.version)
		assert.Equal(t, e.Schema, c.schema, c.version)
	}
}

func TestEnginesAreInOrderAndSourced(t *testing.T) {
	all := Engines()
	for i, e := range all {
		assert.Assert(t, e.Source != "" && e.Date != "", e.From)
		if i > 0 {
			assert.Equal(t, Compare(e.From, all[i-1].From), 1, e.From)
			assert.Assert(t, Compare(e.Schema, all[i-1].Schema) >= 0, "%s reads less than what came before", e.From)
		}
	}
	for _, f := range CDIFields() {
		assert.Assert(t, EngineOf(f.Engine).Schema != "" && f.Source != "" && f.Date != "", f.Name)
	}
}
