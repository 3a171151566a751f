package probe

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// mostRecording bounds a recording: 500 GPUs with all their facts take some 2 MiB.
const mostRecording = 16 << 20

// mostDepth is above that of any host: eight.
const mostDepth = 32

// Record writes a host as JSON that Replay reads. With redact it holds no serial
// numbers, UUIDs, host names, addresses, user names or passwords: pseudonyms stand for
// them, the same for the same everywhere.
func Record(w io.Writer, h host.Host, redact bool) error {
	h, err := clone(h)
	if err != nil {
		return err
	}
	if h.SchemaVersion == 0 {
		h.SchemaVersion = host.SchemaVersion
	}
	Clean(&h)
	if redact {
		Redact(&h)
	}
	data, err := json.MarshalIndent(h, "", "  ")
	if err != nil {
		return fmt.Errorf("the host cannot be recorded: %w", err)
	}
	if len(data) >= mostRecording {
		return fmt.Errorf("the host cannot be recorded: it takes %d bytes, more than the %d that can be replayed", len(data), mostRecording)
	}
	_, err = w.Write(append(data, '\n'))
	return err
}

// clone copies all of a host, so that changes to texts in it stay in the copy.
func clone(h host.Host) (out host.Host, err error) {
	data, err := json.Marshal(h)
	if err == nil {
		err = json.Unmarshal(data, &out)
	}
	if err != nil {
		err = fmt.Errorf("the host cannot be recorded: %w", err)
	}
	return out, err
}

// Replay reads what Record wrote. The file may come from anyone: its size, depth and
// texts are bounded, and an error says what is wrong with it.
func Replay(r io.Reader) (host.Host, error) {
	h, err := replay(r)
	if err != nil {
		return host.Host{}, fmt.Errorf("the recording cannot be used: %w", err)
	}
	Clean(&h)
	return h, nil
}

func replay(r io.Reader) (h host.Host, err error) {
	data, err := io.ReadAll(io.LimitReader(r, mostRecording+1))
	switch {
	case err != nil:
		return h, err
	case len(data) > mostRecording:
		return h, fmt.Errorf("it is larger than %d MiB", mostRecording>>20)
	case len(bytes.TrimSpace(data)) == 0:
		return h, errors.New("it is empty")
	}
	if err := shape(data); err != nil {
		return h, err
	}
	var head struct {
		SchemaVersion *json.Number `json:"schemaVersion"`
	}
	if err := json.Unmarshal(data, &head); err != nil || head.SchemaVersion == nil {
		return h, errors.New("it has no schemaVersion: is it a file of `docker gpu doctor --record`?")
	}
	if v := head.SchemaVersion.String(); v != fmt.Sprint(host.SchemaVersion) {
		return h, fmt.Errorf("it has schema version %s and this docker gpu reads %d: use the docker gpu that wrote it, or record the host again",
			cut(v, 20), host.SchemaVersion)
	}
	if err := json.Unmarshal(data, &h); err != nil {
		var wrong *json.UnmarshalTypeError
		if errors.As(err, &wrong) {
			return h, fmt.Errorf("%s is a %s there, which it cannot be (byte %d)", printable(cut(wrong.Field, 100), false), cut(wrong.Value, 40), wrong.Offset)
		}
		return h, errors.New(printable(oneLine(err.Error()), false))
	}
	return h, nil
}

// shape goes through the JSON without keeping it: is it whole, one object, and not deep?
func shape(data []byte) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	for depth, first := 0, true; ; first = false {
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return fmt.Errorf("it is cut off after %d bytes: record the host again, or copy the file anew", len(data))
		}
		if err != nil {
			return fmt.Errorf("byte %d: %s", dec.InputOffset(), printable(oneLine(strings.TrimPrefix(err.Error(), "json: ")), false))
		}
		if d, ok := tok.(json.Delim); ok {
			if d == '{' || d == '[' {
				depth++
			} else {
				depth--
			}
		}
		switch {
		case first && tok != json.Delim('{'):
			return errors.New("it is not a JSON object")
		case depth > mostDepth:
			return fmt.Errorf("it is nested deeper than %d at byte %d, which no host is", mostDepth, dec.InputOffset())
		case depth == 0:
			if rest := bytes.TrimSpace(data[dec.InputOffset():]); len(rest) > 0 {
				return fmt.Errorf("more follows its end at byte %d", dec.InputOffset())
			}
			return nil
		}
	}
}
