package probe

import (
	"sort"
	"strconv"
	"strings"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/internal/policy"
)

// ecc adds up the places that newer drivers (R450) tell one by one; older ones, of cards
// before Turing, tell a total.
func (g *smiReader) ecc() {
	if rows := "remapped_rows/remapped_row_"; g.text(rows+"corr") != "" || g.text(rows+"unc") != "" {
		r := &host.Remap{Corrected: int(g.count(rows + "corr")), Uncorrected: int(g.count(rows + "unc"))}
		r.Pending, _ = g.is(rows + "pending")
		r.Failed, _ = g.is(rows + "failure")
		g.out.RemappedRows = r
	}
	on, known := g.is("ecc_mode/current_ecc")
	if !known {
		return
	}
	e := &host.ECC{On: on}
	e.Pending, _ = g.is("ecc_mode/pending_ecc")
	sum := func(group string, names ...string) (n uint64) {
		for _, name := range names {
			n += g.count("ecc_errors/" + group + "/" + name)
		}
		return n
	}
	corrected := []string{"sram_correctable", "dram_correctable", "single_bit/total"}
	uncorrected := []string{"sram_uncorrectable", "sram_uncorrectable_parity", "sram_uncorrectable_secded", "dram_uncorrectable", "double_bit/total"}
	e.VolatileCorrected, e.AggregateCorrected = sum("volatile", corrected...), sum("aggregate", corrected...)
	e.VolatileUncorrected, e.AggregateUncorrected = sum("volatile", uncorrected...), sum("aggregate", uncorrected...)
	e.SRAMThresholdExceeded, _ = g.is("ecc_errors/aggregate/sram_threshold_exceeded")
	single, double := g.count("retired_pages/multiple_single_bit_retirement/retired_count"), g.count("retired_pages/double_bit_retirement/retired_count")
	e.RetiredPages, e.RetiredPagesDoubleBits = int(single+double), int(double)
	e.RetiredPagesPending, _ = g.is("retired_pages/pending_retirement")
	g.out.ECC = e
}

func (g *smiReader) pcie() {
	const link = "pci/pci_gpu_link_info/"
	var p host.PCIe
	var told bool
	for _, v := range []struct {
		to         *int
		path, unit string
		b          policy.Bounds
	}{
		{&p.Gen, link + "pcie_gen/current_link_gen", "", policy.GenBounds()},
		{&p.MaxGen, link + "pcie_gen/max_link_gen", "", policy.GenBounds()},
		{&p.Width, link + "link_widths/current_link_width", "x", policy.WidthBounds()},
		{&p.MaxWidth, link + "link_widths/max_link_width", "x", policy.WidthBounds()},
	} {
		if n, ok := g.number(g.smiRecord, v.path, v.unit, 1, v.b); ok {
			*v.to, told = int(n), true
		}
	}
	p.Replays = g.count("pci/replay_counter")
	if told {
		g.out.PCIe = &p
	}
}

func (g *smiReader) fabric() {
	state := g.text("fabric/state")
	if state == "" {
		return
	}
	f := &host.Fabric{State: strings.ReplaceAll(strings.ToLower(state), " ", "-")}
	if s := g.text("fabric/status"); !strings.EqualFold(s, "Success") {
		f.Status = s
	}
	var bad []string
	for name, words := range map[string]string{"bandwidth": "degraded bandwidth", "route_recovery_in_progress": "route recovery in progress",
		"route_unhealthy": "route unhealthy", "access_timeout_recovery": "access timeout recovery in progress"} {
		v := g.text("fabric/health/" + name)
		if strings.EqualFold(v, "true") || strings.EqualFold(v, "degraded") {
			bad = append(bad, words)
		}
	}
	if summary := g.text("fabric/health/summary"); len(bad) == 0 && summary != "" && !strings.EqualFold(summary, "healthy") {
		bad = append(bad, strings.ToLower(summary))
	}
	sort.Strings(bad)
	f.Health = strings.Join(bad, ", ")
	g.out.Fabric = f
}

func (g *smiReader) mig() {
	on, known := g.is("mig_mode/current_mig")
	if !known {
		return
	}
	m := &host.MIG{On: on}
	m.Pending, _ = g.is("mig_mode/pending_mig")
	for i, r := range g.smiGPU.mig {
		d := host.MIGDevice{Index: i, UUID: r.text("uuid")}
		for path, to := range map[string]*int{"index": &d.Index, "gpu_instance_id": &d.GI, "compute_instance_id": &d.CI} {
			if n, err := strconv.Atoi(r[path]); err == nil && n >= 0 {
				*to = n
			}
		}
		total, _ := g.number(r, "fb_memory_usage/total", "MiB", smiMiB, policy.MemoryBounds())
		used, _ := g.number(r, "fb_memory_usage/used", "MiB", smiMiB, policy.MemoryBounds())
		if used <= total {
			d.Memory, d.MemoryUsed = uint64(total), uint64(used)
		}
		m.Devices = append(m.Devices, d)
	}
	g.out.MIG = m
}

func (g *smiReader) processes() {
	for _, r := range g.smiGPU.processes {
		pid, err := strconv.Atoi(r["pid"])
		if err != nil || pid <= 0 {
			continue
		}
		p := host.Process{PID: pid, Name: r.text("process_name")}
		switch kind := r["type"]; {
		case strings.Contains(kind, "M"): // "M+C": a client of MPS
			p.Kind = "mps"
		case strings.Contains(kind, "C"): // "C+G": most that draw compute, too
			p.Kind = "compute"
		case kind == "G":
			p.Kind = "graphics"
		}
		memory, _ := g.number(r, "used_memory", "MiB", smiMiB, policy.MemoryBounds())
		p.Memory = uint64(memory)
		if g.out.MIG != nil {
			p.MIG = smiInstance(g.out.MIG.Devices, r)
		}
		g.out.Processes = append(g.out.Processes, p)
	}
}

// smiInstance is the MIG device that a process runs on, nil if that is not told.
func smiInstance(devices []host.MIGDevice, r smiRecord) *int {
	gi, err := strconv.Atoi(r["gpu_instance_id"])
	if err != nil {
		return nil
	}
	ci, err := strconv.Atoi(r["compute_instance_id"])
	for _, d := range devices {
		if d.GI == gi && (err != nil || d.CI == ci) {
			return &d.Index
		}
	}
	return nil
}
