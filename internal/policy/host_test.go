package policy

import (
	"testing"
	"time"

	"gotest.tools/v3/assert"
)

func TestHypervisorsAndCDIFieldsSayWhereTheyAreFrom(t *testing.T) {
	seen := map[string]bool{}
	check := func(key, source, date string) {
		assert.Assert(t, !seen[key] && source != "", key)
		_, err := time.Parse(time.DateOnly, date)
		assert.NilError(t, err)
		seen[key] = true
	}
	for _, h := range Hypervisors() {
		assert.Assert(t, h.Text != "" && h.Name != "")
		check("hypervisor "+h.Text, h.Source, h.Date)
	}
	for _, f := range CDIFields() {
		assert.Assert(t, f.Name != "" && f.Schema > "0.5")
		check("field "+f.Name, f.Source, f.Date)
	}
}
