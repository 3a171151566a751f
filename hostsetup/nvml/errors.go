//go:build linux && cgo

package nvml

import (
	"fmt"

	"github.com/NVIDIA/go-nvml/pkg/nvml"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/internal/policy"
)

// ecc counts memory errors. Without ECC memory there is nothing to count.
func (c *card) ecc() {
	if !c.can("GetEccMode") {
		return
	}
	now, next, ret := c.d.GetEccMode()
	if !c.ok("GetEccMode", ret) {
		return
	}
	e := &host.ECC{On: now == nvml.FEATURE_ENABLED, Pending: next == nvml.FEATURE_ENABLED}
	c.g.ECC = e
	for _, v := range []struct {
		to      *uint64
		kind    nvml.MemoryErrorType
		counter nvml.EccCounterType
	}{
		{&e.VolatileCorrected, nvml.MEMORY_ERROR_TYPE_CORRECTED, nvml.VOLATILE_ECC},
		{&e.VolatileUncorrected, nvml.MEMORY_ERROR_TYPE_UNCORRECTED, nvml.VOLATILE_ECC},
		{&e.AggregateCorrected, nvml.MEMORY_ERROR_TYPE_CORRECTED, nvml.AGGREGATE_ECC},
		{&e.AggregateUncorrected, nvml.MEMORY_ERROR_TYPE_UNCORRECTED, nvml.AGGREGATE_ECC},
	} {
		*v.to, _ = reading(c, fmt.Sprintf("GetTotalEccErrors(%d,%d)", v.kind, v.counter), policy.CountBounds(),
			func() (uint64, nvml.Return) { return c.d.GetTotalEccErrors(v.kind, v.counter) })
	}
	if s, ok := get(c, "GetSramEccErrorStatus", c.d.GetSramEccErrorStatus); ok {
		e.SRAMThresholdExceeded = s.BThresholdExceeded != 0
	}
	single, _ := get(c, "GetRetiredPages(0)", of(c.d.GetRetiredPages, nvml.PAGE_RETIREMENT_CAUSE_MULTIPLE_SINGLE_BIT_ECC_ERRORS))
	double, _ := get(c, "GetRetiredPages(1)", of(c.d.GetRetiredPages, nvml.PAGE_RETIREMENT_CAUSE_DOUBLE_BIT_ECC_ERROR))
	e.RetiredPages, e.RetiredPagesDoubleBits = len(single)+len(double), len(double)
	if p, ok := get(c, "GetRetiredPagesPendingStatus", c.d.GetRetiredPagesPendingStatus); ok {
		e.RetiredPagesPending = p == nvml.FEATURE_ENABLED
	}
}

func (c *card) remap() {
	const call = "GetRemappedRows"
	if !c.can(call) {
		return
	}
	corrected, uncorrected, pending, failed, ret := c.d.GetRemappedRows()
	b := policy.CountBounds()
	if c.ok(call, ret) && sane(c, call, b, corrected) && sane(c, call, b, uncorrected) {
		c.g.RemappedRows = &host.Remap{Corrected: corrected, Uncorrected: uncorrected, Pending: pending, Failed: failed}
	}
}
