package probe

import (
	"fmt"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// Redact puts pseudonyms in place of what names a machine or its owner: serial numbers
// and UUIDs, the host's name, network addresses, the endpoint, registries, users,
// passwords. Equal things get equal pseudonyms wherever they stand, so that a device
// in a container's request is still the GPU of that name.
func Redact(h *host.Host) {
	r := redactor{uuids: map[string]string{}, others: map[string]string{}, count: map[string]int{}, given: map[string]bool{}}
	for _, g := range h.GPUs { // first those that are listed, so that they are numbered like the GPUs
		r.uuid(g.UUID)
		if g.MIG != nil {
			for _, d := range g.MIG.Devices {
				r.uuid(d.UUID)
			}
		}
	}
	pseudonym := r.other("host", h.Name)
	short, _, _ := strings.Cut(h.Name, ".")
	for _, name := range []string{h.Name, short} {
		if !plain(name) {
			r.words = append(r.words, word{name, pseudonym})
		}
	}
	for i, g := range h.GPUs {
		r.words = append(r.words, word{g.Serial, fmt.Sprintf("%013d", i+1)})
	}
	r.listed = slices.Sorted(maps.Keys(r.uuids))
	texts(h, r.text)
}

// redactor knows the pseudonyms given out.
type redactor struct {
	uuids  map[string]string // by the UUID in lower case
	listed []string          // those of the GPUs, sorted
	others map[string]string // by kind and text
	given  map[string]bool   // the pseudonyms, which stay as they are
	count  map[string]int
	words  []word // texts that are replaced where they stand as words
}

type word struct{ text, pseudonym string }

var (
	fullUUID  = regexp.MustCompile(`\b[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\b`)
	shortUUID = regexp.MustCompile(`\b(GPU|MIG)-([0-9a-fA-F]{4,8}(?:-[0-9a-fA-F]{0,4}){0,4})`)
	longHex   = regexp.MustCompile(`\b[0-9a-f]{32,64}\b`)
	mac       = regexp.MustCompile(`\b(?:[0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}\b`)
	ipv4      = regexp.MustCompile(`\b\d{1,3}(?:\.\d{1,3}){3}\b`)
	ipv6      = regexp.MustCompile(`[0-9a-fA-F:]*:[0-9a-fA-F:]*:[0-9a-fA-F:.]*`)
	hostOfURL = regexp.MustCompile(`\b([a-z][a-z0-9+]{1,10}://)(?:[^/\s"'@]*@)?([A-Za-z0-9.\-_]+|\[[0-9a-fA-F:.]+\])`)
	homeDir   = regexp.MustCompile(`(/home/|/Users/)([^/\s"',:;]+)`)
	secret    = regexp.MustCompile(`(?i)("[^"\n]*(?:token|passw|secret|(?:api|access)[-_]?key|credential)[^"\n]*"\s*:\s*)"(?:[^"\\\n]|\\.)*"`)
	secretArg = regexp.MustCompile(`(?i)\b([a-z0-9_.-]*(?:token|passw|secret|(?:api|access)[-_]?key|credential)[a-z0-9_.-]*=)[^\s",]+`)
	dockerID  = regexp.MustCompile(`\b(?:[A-Z2-7]{4}:){11}[A-Z2-7]{4}\b`)
	registry  = regexp.MustCompile(`^(?:[a-zA-Z0-9_-]+\.)+[a-zA-Z0-9-]+(?::\d+)?/|^localhost(?::\d+)?/|^[a-zA-Z0-9_-]+:\d+/`)
	// fqdn takes no file: its last part is a public suffix or one that organisations use inside.
	fqdn = regexp.MustCompile(`(?i)\b(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+(?:com|net|org|edu|gov|io|dev|ai|cloud|eu|de|uk|fr|cn|jp|corp|local|lan|internal|intra|localdomain)\b`)
)

// text redacts one text of a host. Some fields are names as a whole, some are never one.
func (r *redactor) text(field, s string) string {
	switch field {
	case "name":
		return r.other("host", s)
	case "engine.endpoint":
		if strings.HasPrefix(s, "unix://") || strings.HasPrefix(s, "npipe://") {
			return r.free(s) // the kind of path matters: rootless, Desktop
		}
		scheme, _, ok := strings.Cut(s, "://")
		if !ok {
			return r.other("endpoint", s)
		}
		return scheme + "://" + r.other("endpoint", s)
	case "context":
		if s == "default" || strings.HasPrefix(s, "desktop-") || s == "rootless" {
			return s
		}
		return r.other("context", s)
	case "gpus.serial":
		for _, w := range r.words {
			if s != "" && w.text == s {
				return w.pseudonym
			}
		}
	case "kernel.installed.signer":
		// Ubuntu names a machine's own key by it; an image of another machine has that one's.
		const own = " Secure Boot Module Signature key"
		if name, ok := strings.CutSuffix(s, own); ok {
			return r.other("host", name) + own
		}
	case "engine.containers.image":
		if m := registry.FindString(s); m != "" && !public(strings.TrimSuffix(m, "/")) {
			s = r.other("registry", m) + ".example/" + s[len(m):]
		}
	case "os.id", "os.like", "os.version", "os.pretty", "arch", "kernel.release", "kernel.nextBoot", "kernel.installed.release", "kernel.installed.nvidia",
		"packages.name", "packages.version", "units.name", "gpus.name", "gpus.vbios", "gpus.gsp", "pci.address", "gpus.pci", "xids.pci", "driver.libraries.path",
		"toolkit.repositories.uri", "toolkit.repositories.file", "toolkit.sources", "kernel.modules.version":
		return s // names of the field, in which a host's name or a version like an address must not be replaced
	}
	return r.free(s)
}

// free redacts a text of any kind.
func (r *redactor) free(s string) string {
	if len(s) < 3 {
		return s
	}
	s = secret.ReplaceAllString(s, `$1"redacted"`)
	s = secretArg.ReplaceAllString(s, `${1}redacted`)
	s = hostOfURL.ReplaceAllStringFunc(s, func(u string) string {
		m := hostOfURL.FindStringSubmatch(u)
		if public(m[2]) || m[1] == "unix://" || m[1] == "fd://" || m[1] == "npipe://" {
			return m[1] + m[2]
		}
		if _, err := netip.ParseAddr(strings.Trim(m[2], "[]")); err == nil {
			return m[1] + m[2] // the same as where it stands alone: below
		}
		return m[1] + r.other("server", m[2])
	})
	s = fullUUID.ReplaceAllStringFunc(s, r.uuid)
	s = shortUUID.ReplaceAllStringFunc(s, r.short)
	s = dockerID.ReplaceAllStringFunc(s, func(id string) string { return r.other("engine", id) })
	s = longHex.ReplaceAllStringFunc(s, func(id string) string {
		name := r.other("id", id)
		return strings.Repeat("0", max(0, len(id)-len(name)+2)) + name[2:]
	})
	s = mac.ReplaceAllStringFunc(s, func(a string) string { return r.other("mac", a) })
	s = ipv6.ReplaceAllStringFunc(s, r.address)
	s = ipv4.ReplaceAllStringFunc(s, r.address)
	s = homeDir.ReplaceAllStringFunc(s, func(d string) string {
		m := homeDir.FindStringSubmatch(d)
		return m[1] + r.other("user", m[2])
	})
	for _, w := range r.words {
		s = replaceWord(s, w.text, w.pseudonym)
	}
	return fqdn.ReplaceAllStringFunc(s, func(name string) string {
		if public(name) {
			return name
		}
		return r.other("server", name)
	})
}

// uuid is the pseudonym of a UUID, with or without what stands before it. The number
// is in front, so that a shortened one still tells which it is.
func (r *redactor) uuid(id string) string {
	at := fullUUID.FindStringIndex(id)
	if at == nil {
		return id
	}
	key := strings.ToLower(id[at[0]:at[1]])
	if r.given[key] {
		return id
	}
	if r.uuids[key] == "" {
		r.uuids[key] = fmt.Sprintf("%08d-0000-0000-0000-000000000000", len(r.uuids)+1)
	}
	r.given[r.uuids[key]] = true
	return id[:at[0]] + r.uuids[key] + id[at[1]:]
}

// short is a shortened UUID, such as users give to --gpus.
func (r *redactor) short(id string) string {
	kind, digits, _ := strings.Cut(id, "-")
	digits = strings.ToLower(digits)
	if strings.HasSuffix(digits, "-0000-0000-0000-0000") {
		return id // the front of a pseudonym
	}
	for _, full := range r.listed {
		if strings.HasPrefix(full, digits) {
			return kind + "-" + r.uuids[full][:max(8, len(digits))]
		}
		if strings.HasPrefix(r.uuids[full], digits) {
			return id
		}
	}
	return kind + "-" + strings.Repeat("x", len(digits)) // of none that is known
}

func (r *redactor) address(text string) string {
	bare := text
	a, err := netip.ParseAddr(bare)
	if err != nil { // punctuation of the sentence around it
		bare = strings.Trim(text, ":.")
		if a, err = netip.ParseAddr(bare); err != nil {
			return text
		}
	}
	if a.IsLoopback() || a.IsUnspecified() {
		return text
	}
	return strings.Replace(text, bare, r.other("address", a.String()), 1)
}

// other is a numbered pseudonym of a kind; the same text gets the same one.
func (r *redactor) other(kind, text string) string {
	if text == "" {
		return ""
	}
	if r.given[text] {
		return text
	}
	key := kind + " " + text
	if r.others[key] == "" {
		r.count[kind]++
		r.others[key] = fmt.Sprintf("%s%d", kind, r.count[kind])
		r.given[r.others[key]] = true
	}
	return r.others[key]
}
