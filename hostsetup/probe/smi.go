package probe

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/hostsetup/nvml"
)

const (
	// smiMost is how much of nvidia-smi's output is read, in bytes: it says 120 kB of a
	// GPU, most of it clocks that could be set.
	smiMost = mostOutput
	// smiDeep is how deep elements may lie in each other; nvidia-smi's lie 7 deep.
	smiDeep = 32
	// smiGPUs is how many GPUs are taken.
	smiGPUs = 1024
)

// ParseSMI reads the output of `nvidia-smi -q -x`, for where NVML cannot be called. It
// returns what could be read, beside the error if the output is cut or is no such
// output at all. nvidia-smi tells no NVLinks, no UUIDs of MIG devices and no containers;
// a compute capability is known of GPUs that policy.GPUs lists.
func ParseSMI(data []byte) (host.Driver, []host.GPU, error) {
	var cut error
	if len(data) > smiMost {
		data, cut = data[:smiMost], fmt.Errorf("nvidia-smi wrote more than %d MiB: the rest is left out", smiMost>>20)
	}
	if bytes.IndexByte(data, '<') < 0 {
		return host.Driver{}, nil, smiText(data)
	}
	log := smiLog{about: smiRecord{}}
	err := log.read(bytes.Map(smiLegal, bytes.ToValidUTF8(data, nil)))
	driver := host.Driver{Version: log.about.text("driver_version"), CUDA: log.about.text("cuda_version")}
	gpus := make([]host.GPU, len(log.gpus))
	for i, g := range log.gpus {
		gpus[i] = g.gpu(i)
	}
	if cut == nil && err != nil {
		cut = fmt.Errorf("nvidia-smi's output is cut or broken after %d GPUs: %w", len(gpus), err)
	}
	if len(gpus) == 0 {
		gpus = nil
	}
	return driver, gpus, cut
}

// smiText is what nvidia-smi says instead of what it was asked for.
func smiText(data []byte) error {
	text, _, _ := strings.Cut(strings.TrimSpace(string(data)), "\n")
	if text == "" {
		return errors.New("nvidia-smi wrote nothing")
	}
	return fmt.Errorf("nvidia-smi says: %s", printable(nvml.Cut(text), false))
}

// smiLegal drops what XML does not allow in a text: a name with an escape in it must not
// hide the GPUs after it.
func smiLegal(r rune) rune {
	if r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF {
		return -1
	}
	return r
}

// smiRecord is the text of elements by their path: "temperature/gpu_temp" → "34 C".
type smiRecord map[string]string

// smiGPU is one element gpu: its own elements, and those that come many times.
type smiGPU struct {
	smiRecord
	mig, processes []smiRecord
}

type smiLog struct {
	about smiRecord
	gpus  []*smiGPU
}

// read goes through the elements and keeps what it has seen when they end too early.
func (l *smiLog) read(data []byte) error {
	d := xml.NewDecoder(bytes.NewReader(data))
	d.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil } // all it says is ASCII
	var path []string
	into, base := l.about, 1
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return l.missing()
		} else if err != nil {
			return err
		}
		switch t := token.(type) {
		case xml.StartElement:
			if len(path) >= smiDeep {
				return fmt.Errorf("elements lie more than %d deep", smiDeep)
			}
			path = append(path, t.Name.Local)
			if t.Name.Local == "supported_clocks" { // thousands of elements
				if err := d.Skip(); err != nil {
					return err
				}
				path = path[:len(path)-1]
				continue
			}
			if into, base, err = l.enter(path, into, base); err != nil {
				return err
			}
		case xml.EndElement:
			path = path[:len(path)-1]
			if len(path) < base { // a record ends: what follows is the GPU's, or no GPU's
				into, base = l.leave(len(path))
			}
		case xml.CharData:
			if text := strings.TrimSpace(string(t)); text != "" && len(path) > base {
				into[strings.Join(path[base:], "/")] = nvml.Cut(text)
			}
		}
	}
}

// missing says what is not there at the end.
func (l *smiLog) missing() error {
	if len(l.gpus) == 0 && len(l.about) == 0 {
		return errors.New("it has no nvidia_smi_log")
	}
	return nil
}

// enter is where texts below an element go to, and how much of their path leads there.
func (l *smiLog) enter(path []string, into smiRecord, base int) (smiRecord, int, error) {
	if path[0] != "nvidia_smi_log" {
		return into, base, fmt.Errorf("it begins with <%s>, not with <nvidia_smi_log>", nvml.Cut(path[0]))
	}
	many := func(list *[]smiRecord) (smiRecord, int, error) {
		r := smiRecord{}
		*list = append(*list, r)
		return r, len(path), nil
	}
	switch strings.Join(path[1:], "/") {
	case "gpu":
		if len(l.gpus) == smiGPUs {
			return into, base, fmt.Errorf("it lists more than %d GPUs", smiGPUs)
		}
		g := &smiGPU{smiRecord: smiRecord{}}
		l.gpus = append(l.gpus, g)
		return g.smiRecord, len(path), nil
	case "gpu/mig_devices/mig_device":
		return many(&l.gpus[len(l.gpus)-1].mig)
	case "gpu/processes/process_info":
		return many(&l.gpus[len(l.gpus)-1].processes)
	}
	return into, base, nil
}

// leave is where texts go to after a record has ended at a depth.
func (l *smiLog) leave(depth int) (smiRecord, int) {
	if depth >= 2 {
		return l.gpus[len(l.gpus)-1].smiRecord, 2
	}
	return l.about, 1
}
