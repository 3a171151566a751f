package probe

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/hostsetup/nvml"
)

// klog picks out of a kernel log the lines that checks look for. It takes lines one by
// one and keeps few, so that a log of any length costs time only.
type klog struct {
	lines ring[host.LogLine]
	xids  ring[host.Xid]
	fell  string // the address that a "fallen off the bus" in several lines is about
}

// ring keeps the first and the last of many: the first tell the cause, the last the state.
type ring[T any] struct {
	first, last []T
}

const keepFirst, keepLast = 100, 200

func (r *ring[T]) add(v T) {
	if len(r.first) < keepFirst {
		r.first = append(r.first, v)
		return
	}
	if r.last = append(r.last, v); len(r.last) >= 2*keepLast {
		r.last = append(r.last[:0], r.last[len(r.last)-keepLast:]...)
	}
}

func (r *ring[T]) newest() (v T, ok bool) {
	if n := len(r.last); n > 0 {
		return r.last[n-1], true
	}
	if n := len(r.first); n > 0 {
		return r.first[n-1], true
	}
	return v, false
}

func (r *ring[T]) all() []T {
	return append(r.first[:len(r.first):len(r.first)], r.last[max(0, len(r.last)-keepLast):]...)
}

const mostLine = 1024 // bytes kept of a line

var (
	xidLine = regexp.MustCompile(`NVRM: Xid \((?:PCI:)?([0-9a-fA-F:.]+)\): (\d{1,5})\b`)
	address = regexp.MustCompile(`\b([0-9a-fA-F]{4,8}):([0-9a-fA-F]{2}):([0-9a-fA-F]{2})(?:\.([0-7]))?\b`)
)

// wanted are texts of lines that a check of the catalogue looks for, in lower case. The
// words come from NVIDIA's modules (NVRM), the module loader and the PCI core.
var wanted = []string{
	"nvrm:", "nvidia-modeset:", "nvidia-uvm:", "nvidia_uvm:", "nvidia-nvswitch", "nvidia-nvlink", "nvidia: module", "nvidia: version magic",
	"nvidia: disagrees", "nvidia: unknown symbol", "rminitadapter", "nouveau",
	"module with unavailable key", "module verification failed", "key was rejected", "lockdown:",
	"can't assign", "no space for", "failed to assign", "fallen off the bus", "sxid",
}

// noise are lines of a healthy driver that would push out the others.
var noise = []string{"nvrm: loading nvidia", "nvrm: version", "nvrm: this can occur"}

// add looks at one line.
func (k *klog) add(since time.Duration, text string) {
	text = cut(strings.TrimSpace(text), mostLine)
	lower := strings.ToLower(text)
	if !containsAny(lower, wanted) || containsAny(lower, noise) {
		return
	}
	// The PCI core assigns other devices' memory too, in lines that name them by address only;
	// which are NVIDIA's is for the check to say, that knows the bus.
	if x := xidLine.FindStringSubmatch(text); x != nil {
		code, _ := strconv.Atoi(x[2])
		k.xids.add(host.Xid{Since: since, PCI: pciAddress(x[1]), Code: code, Text: text})
		k.fell = ""
		return
	}
	if k.fallen(since, text, lower) {
		return
	}
	k.lines.add(host.LogLine{Since: since, Text: text})
}

// fallen takes the ways in which the driver says that a GPU is off the bus without an
// Xid: in one line, or with the address in the line before ("NVRM: The NVIDIA GPU
// 0000:65:00.0", "NVRM: (PCI ID: 10de:2335) installed in this system has",
// "NVRM: fallen off the bus and is not responding to commands."). Both are Xid 79.
func (k *klog) fallen(since time.Duration, text, lower string) bool {
	at := pciAddress(text)
	if strings.Contains(lower, "fallen off the bus") {
		if at == "" {
			at = k.fell
		}
		k.fell = ""
		if last, ok := k.xids.newest(); ok && last.Code == 79 && last.PCI == at && since-last.Since < 10*time.Second {
			return false // the driver says the same once more in words
		}
		k.xids.add(host.Xid{Since: since, PCI: at, Code: 79, Text: text})
		return true
	}
	if strings.Contains(lower, "the nvidia gpu") && at != "" {
		k.fell = at
	}
	return false
}

// pciAddress is the first address in a text in the kernel's form, "0000:65:00.0"; an
// Xid's has no function, and a domain may have eight digits.
func pciAddress(text string) string {
	a := address.FindStringSubmatch(text)
	if a == nil {
		return ""
	}
	return nvml.Address(a[1] + ":" + a[2] + ":" + a[3] + "." + cmp.Or(a[4], "0"))
}

func containsAny(text string, words []string) bool {
	for _, w := range words {
		if strings.Contains(text, w) {
			return true
		}
	}
	return false
}

// stamp finds the time since boot in a line of dmesg or of syslog, "[  123.456789]", near
// its beginning, and what follows it. A log has millions of lines: a regular expression
// takes most of the time that there is.
func stamp(line []byte) (since time.Duration, text []byte, ok bool) {
	for at, end := 0, min(len(line), 256); ; {
		i := bytes.IndexByte(line[at:end], '[')
		if i < 0 {
			return 0, nil, false
		}
		at += i + 1
		inside, rest, closed := bytes.Cut(line[at:end], []byte("]"))
		seconds, micros, _ := bytes.Cut(bytes.TrimLeft(inside, " "), []byte("."))
		if !closed || len(seconds) > 9 || len(micros) != 6 {
			continue
		}
		s, errS := strconv.ParseUint(string(seconds), 10, 32)
		u, errU := strconv.ParseUint(string(micros), 10, 32)
		if errS == nil && errU == nil {
			text := line[end-len(rest):]
			if caller := caller.Find(text); caller != nil {
				text = text[len(caller):]
			}
			return time.Duration(s)*time.Second + time.Duration(u)*time.Microsecond, bytes.TrimPrefix(text, []byte(" ")), true
		}
	}
}

// caller is what kernels with CONFIG_PRINTK_CALLER put behind the time: a thread or a processor.
var caller = regexp.MustCompile(`^ ?\[ *[TC]\d+\]`)

// scan reads a log as text: dmesg's, or kern.log, which holds earlier starts of the
// machine too; only what follows the last start counts.
func (k *klog) scan(ctx context.Context, r io.Reader) error {
	in := bufio.NewReaderSize(r, 64<<10)
	for n := 0; ; n++ {
		if n%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		line, err := in.ReadSlice('\n')
		for long := err; errors.Is(long, bufio.ErrBufferFull); {
			_, long = in.ReadSlice('\n') // the rest of a line that no kernel writes
			err = long
		}
		if since, text, ok := stamp(line); ok {
			if bytes.HasPrefix(text, []byte("Linux version ")) {
				*k = klog{} // the machine started anew
			}
			k.add(since, string(text))
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// record takes one record of /dev/kmsg: "6,339,5140900,-;text\n KEY=value\n".
func (k *klog) record(data []byte) {
	head, text, ok := bytes.Cut(data, []byte(";"))
	if !ok {
		return
	}
	fields := bytes.SplitN(head, []byte(","), 4)
	if len(fields) < 3 {
		return
	}
	micros, err := strconv.ParseInt(string(fields[2]), 10, 64)
	if err != nil || micros < 0 || micros > int64(1<<62)/1000 {
		return
	}
	text, _, _ = bytes.Cut(text, []byte("\n"))
	k.add(time.Duration(micros)*time.Microsecond, string(text))
}
