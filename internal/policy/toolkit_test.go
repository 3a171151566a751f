package policy

import (
	"testing"

	"gotest.tools/v3/assert"
)

func TestToolkitFlawsAreInOrder(t *testing.T) {
	for _, f := range ToolkitFlaws() {
		assert.Assert(t, f.From != "" && f.Fixed != "" && f.What != "" && f.Source != "" && f.Date != "", "%+v", f)
		assert.Assert(t, Compare(f.From, f.Fixed) < 0, "%s begins after it was fixed", f.What)
		assert.Assert(t, Compare(f.Fixed, ToolkitCurrent) <= 0, "%s is fixed in a release newer than the one to install", f.What)
	}
}

func TestAFaultIsOfItsVersionsAlone(t *testing.T) {
	for _, c := range []struct {
		version, fixed string
		want           bool
	}{
		{"1.17.3", "1.17.5", false}, {"1.17.4", "1.17.5", true}, {"1.17.5", "1.17.5", false},
		{"1.18.2", "1.19.0", true}, {"1.20.0", "1.20.1", true}, {"1.20.1", "1.20.1", false}, {"1.20.0-1", "1.20.1", true},
	} {
		_, ok := ToolkitFault(c.version, c.fixed)
		assert.Equal(t, ok, c.want, "%s before %s", c.version, c.fixed)
	}
}
