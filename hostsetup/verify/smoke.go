package verify

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/internal/worker/report"
)

// Try is one run of the worker in a container.
type Try struct {
	Route string // one of Routes
	// Refused is why no container ran, in the engine's words; "" if one did.
	Refused string
	// Lost is why the engine was not heard to the end, such as a connection that broke.
	Lost string
	// Late says that the container did not end in time and was removed.
	Late    bool
	Exit    int
	Output  []byte // what the worker wrote to standard output
	Errors  []byte // and to standard error
	Seconds float64
}

// Reload is what a worker said in a container after the host's systemd was reloaded; the
// container had its GPUs before.
type Reload struct {
	// Skipped is why it was not tried.
	Skipped string
	After   Try
}

// Extra is what was tried beside the routes; nil where that was not asked for.
type Extra struct {
	// SMI is `nvidia-smi -L` in the user's own image.
	SMI    *Try
	Reload *Reload
}

// SmokeReport is how far up the ladder a host is. Its JSON is public.
type SmokeReport struct {
	SchemaVersion int  `json:"schemaVersion"`
	OK            bool `json:"ok"`
	// Broken is the name of the first rung that does not hold, Layer whose work that is, See
	// the row of the catalogue that it belongs to, for `docker gpu doctor` and `explain`.
	Broken string   `json:"broken,omitempty"`
	Layer  string   `json:"layer,omitempty"`
	See    string   `json:"see,omitempty"`
	Rungs  []Rung   `json:"rungs"`
	Routes []Taken  `json:"routes,omitempty"`
	Notes  []string `json:"notes,omitempty"`
	// Outside are the UUIDs that the host's own tools show.
	Outside []string `json:"outside,omitempty"`
}

// Rung is one stage of the ladder and whether it holds.
type Rung struct {
	Name  string `json:"name"`
	Title string `json:"title"`
	Layer string `json:"layer"`
	OK    bool   `json:"ok"`
	// Skipped is why it was not looked at; it is then neither right nor wrong.
	Skipped string  `json:"skipped,omitempty"`
	Detail  string  `json:"detail,omitempty"`
	Seconds float64 `json:"seconds,omitempty"`
	See     string  `json:"see,omitempty"`
}

// Taken is a route and what became of it.
type Taken struct {
	Route string `json:"route"`
	// By is the way that the engine really went: "cdi", "hook", "runtime", or "" unknown.
	By string `json:"by,omitempty"`
	// Inside are the UUIDs that the container had.
	Inside  []string `json:"inside,omitempty"`
	Seconds float64  `json:"seconds"`
}

// climb is a host and its tries while they are judged.
type climb struct {
	host  *host.Host
	tries []tried
	more  Extra
}

// tried is a Try whose lines were read.
type tried struct {
	Try
	lines []report.Line
	// broken is why the lines cannot be trusted to the end: "" if they can.
	broken string
}

// JudgeSmoke judges what the worker said on each route in the light of the host's facts.
// It is pure.
func JudgeSmoke(h *host.Host, tries []Try, more Extra) *SmokeReport {
	c := climb{host: h, more: more}
	r := &SmokeReport{SchemaVersion: 1, OK: true, Outside: outside(h)}
	for _, t := range tries {
		read := readTry(t)
		c.tries = append(c.tries, read)
		r.Routes = append(r.Routes, Taken{Route: t.Route, By: read.by(), Inside: read.uuids(), Seconds: t.Seconds})
	}
	for _, s := range Ladder() {
		if s.Name == SMI && more.SMI == nil {
			continue // it is of --image only
		}
		rung := c.judge(s)
		rung.Name, rung.Title, rung.Layer = s.Name, s.Title, s.Layer
		rung.Detail, rung.Skipped = clean(rung.Detail), clean(rung.Skipped)
		r.Rungs = append(r.Rungs, rung)
		if !rung.OK && rung.Skipped == "" && r.OK {
			r.OK, r.Broken, r.Layer, r.See = false, rung.Name, rung.Layer, rung.See
		}
	}
	// Whatever was not looked at: without a computation nothing is proven.
	if i := slices.IndexFunc(r.Rungs, func(rung Rung) bool { return rung.Name == "kernel" }); r.OK && !r.Rungs[i].OK {
		r.OK, r.Broken, r.Layer = false, "kernel", r.Rungs[i].Layer
	}
	r.Notes = notes(h, c.tries)
	return r
}

// lost begins what is said of an engine that broke off.
const lost = "the engine broke off while a container ran: "

// readTry reads a worker's lines and says where they break off.
func readTry(t Try) tried {
	lines, noise, err := report.Read(bytes.NewReader(t.Output))
	r := tried{Try: t, lines: lines}
	switch {
	case t.Refused != "":
		r.broken = loaderHint(t.Refused)
	case t.Lost != "":
		r.broken = lost + t.Lost
	case err != nil:
		r.broken = err.Error()
	case len(lines) > 0 && lines[len(lines)-1].Stage == report.End:
		if !lines[len(lines)-1].OK && !slices.ContainsFunc(lines[:len(lines)-1], func(l report.Line) bool { return !l.OK }) {
			r.broken = "the worker says that something is wrong, and the line that says what is lost"
		}
	case t.Late:
		r.broken = fmt.Sprintf("the container did not end within %.0f s", t.Seconds)
	default:
		r.broken = fmt.Sprintf("the worker ended with exit code %d and without a verdict", t.Exit)
		said := ""
		if len(noise) > 0 {
			said = noise[len(noise)-1]
		}
		if said = cmp.Or(reason(t.Errors), said); said != "" {
			r.broken += ": " + said
		}
	}
	return r
}

// reason is why a program ended, by what it wrote to standard error: the last line, or the
// first one of what Go writes of a crash, which ends with registers.
func reason(text []byte) string {
	if bytes.Contains(text, []byte("\ngoroutine ")) {
		first, _, _ := bytes.Cut(bytes.TrimSpace(text), []byte("\n"))
		return string(first)
	}
	return loaderHint(lastLine(text))
}

// loaderHint adds what it means to the kernel's word for a loader that is not there: the
// engine passes it on, or the container that was started.
func loaderHint(said string) string {
	if strings.HasPrefix(said, "exec ") && strings.HasSuffix(said, "no such file or directory") {
		return said + "; does the image have a GNU C library, as those of Debian, Ubuntu and Red Hat do?"
	}
	return said
}

func lastLine(text []byte) string {
	text = bytes.TrimSpace(text)
	return string(text[bytes.LastIndexByte(text, '\n')+1:])
}

// by is the way that the engine went, by the marker that nvidia-ctk's CDI specs set; the
// hook's way always has the variable (host.md section 4, `--gpus` path).
func (t tried) by() string {
	if len(t.lines) == 0 || t.lines[0].Stage != report.Start {
		return ""
	}
	visible := t.lines[0].Visible
	switch {
	case t.Route == Runtime:
		return Runtime
	case t.Route == CDI, visible == nil, *visible == "void":
		return CDI
	}
	return "hook"
}

// stage are the lines of a stage, and of a format if one is given.
func (t tried) stage(name, format string) (found []report.Line) {
	for _, l := range t.lines {
		if l.Stage == name && (format == "" || l.Format == format) {
			found = append(found, l)
		}
	}
	return found
}

// uuids are those of the devices that the container had.
func (t tried) uuids() (ids []string) {
	for _, l := range t.stage(report.Device, "") {
		ids = append(ids, clean(l.GPU))
	}
	return ids
}
