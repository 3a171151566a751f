package plugin

import (
	"io"
	"strconv"
	"strings"
	"unicode"

	"github.com/docker/cli/cli/command/formatter"
	"github.com/docker/go-units"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

const (
	lsTable = "table {{.Index}}\t{{.Name}}\t{{.Memory}}\t{{.Temperature}}\t{{.Utilization}}\t{{.UUID}}\t{{.UsedBy}}"
	lsQuiet = "{{.UUID}}"
	absent  = "-"
)

// lsRow is a line: a GPU or one of its MIG devices.
type lsRow struct {
	formatter.HeaderContext
	index string
	gpu   host.GPU // of a MIG device: what it has of its own
	users []holder
	trunc bool
}

func lsWrite(out io.Writer, opts lsOptions, rows []*lsRow) error {
	format := formatter.Format(opts.format)
	switch {
	case opts.format == formatter.TableFormatKey && opts.quiet:
		format = lsQuiet
	case opts.format == formatter.TableFormatKey || opts.format == "":
		format = lsTable
	}
	empty := &lsRow{}
	empty.Header = formatter.SubHeaderContext{
		"Index": "GPU", "Name": "NAME", "Memory": "MEMORY", "MemoryUsed": "USED", "MemoryTotal": "TOTAL", "Temperature": "TEMP", "Utilization": "UTIL",
		"UUID": "UUID", "UsedBy": "USED BY", "State": "STATE", "Containers": "CONTAINERS", "Images": "IMAGES", "Services": "SERVICES", "Processes": "PROCESSES",
	}
	ctx := formatter.Context{Output: out, Format: format, Trunc: !opts.noTrunc}
	return ctx.Write(empty, func(write func(formatter.SubContext) error) error {
		for _, r := range rows {
			if err := write(r); err != nil {
				return err
			}
		}
		return nil
	})
}

// MarshalJSON is what --format json prints.
func (r *lsRow) MarshalJSON() ([]byte, error) { return formatter.MarshalJSON(r) }

// Index is "0", of a MIG device "0:1", as --gpus device= takes both.
func (r *lsRow) Index() string { return r.index }

// Name is the model.
func (r *lsRow) Name() string { return r.short(cell(lsOr(r.gpu.Name, absent)), 40) }

// State is "ok", "lost", or "failing" where NVML calls failed.
func (r *lsRow) State() string {
	switch {
	case r.gpu.Lost:
		return "lost"
	case len(r.gpu.Errors) > 0:
		return "failing"
	}
	return "ok"
}

// Memory is used and total.
func (r *lsRow) Memory() string {
	switch {
	case r.gpu.Lost:
		return "lost"
	case r.gpu.Memory == 0:
		return absent
	}
	return r.MemoryUsed() + " / " + r.MemoryTotal()
}

// MemoryUsed is what programs have taken.
func (r *lsRow) MemoryUsed() string { return units.BytesSize(float64(r.gpu.MemoryUsed)) }

// MemoryTotal is all that there is.
func (r *lsRow) MemoryTotal() string { return units.BytesSize(float64(r.gpu.Memory)) }

// Temperature is in degrees Celsius.
func (r *lsRow) Temperature() string {
	if r.gpu.Temperature == nil {
		return absent
	}
	return strconv.Itoa(r.gpu.Temperature.GPU) + "C"
}

// Utilization is the share of time in which the GPU computed.
func (r *lsRow) Utilization() string {
	if r.gpu.Utilization == nil {
		return absent
	}
	return strconv.Itoa(r.gpu.Utilization.GPU) + "%"
}

// UUID begins so that it tells one from another.
func (r *lsRow) UUID() string {
	id := cell(r.gpu.UUID)
	if runes := []rune(id); r.trunc && len(runes) > 12 {
		return string(runes[:12])
	}
	return lsOr(id, absent)
}

// UsedBy are all users, containers first.
func (r *lsRow) UsedBy() string {
	const most = 3
	var texts []string
	for i, h := range r.users {
		if r.trunc && i == most {
			texts = append(texts, "+"+strconv.Itoa(len(r.users)-most))
			break
		}
		texts = append(texts, h.text(r))
	}
	return lsOr(strings.Join(texts, ", "), absent)
}

// Containers are the names of containers.
func (r *lsRow) Containers() string { return r.each(func(h holder) string { return h.container }) }

// Images are those of the containers.
func (r *lsRow) Images() string { return r.each(func(h holder) string { return h.image }) }

// Services are Compose's, as project/service.
func (r *lsRow) Services() string { return r.each(func(h holder) string { return h.service }) }

// Processes are those outside containers, as name[pid].
func (r *lsRow) Processes() string { return r.each(func(h holder) string { return h.process }) }

func (r *lsRow) each(f func(holder) string) string {
	var texts []string
	for _, h := range r.users {
		if s := f(h); s != "" {
			texts = append(texts, cell(s))
		}
	}
	return strings.Join(texts, ",")
}

// short cuts a text unless --no-trunc.
func (r *lsRow) short(s string, most int) string {
	if runes := []rune(s); r.trunc && len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return s
}

func lsOr(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// cell makes a machine's text fit for a terminal: no control or direction characters, one line, 512 runes.
func cell(s string) string {
	runes := []rune(strings.ToValidUTF8(s, "?"))
	if len(runes) > 512 {
		runes = append(runes[:511], '…')
	}
	for i, r := range runes {
		if !unicode.IsPrint(r) {
			runes[i] = '?'
		}
	}
	return string(runes)
}
