package bounded

import "io"

// Writer keeps the first Most bytes that are written to it. What comes after is taken
// without being kept, so that whoever writes can end as usual; with Strict it is refused
// with io.ErrShortWrite, so that whoever writes ends soon.
//
// It is no bytes.Buffer with a Write of its own: io.Copy would go past that, to its ReadFrom.
type Writer struct {
	Most   int
	Strict bool
	data   []byte
	over   bool
}

// Write implements io.Writer.
func (w *Writer) Write(p []byte) (int, error) {
	kept := min(len(p), w.Most-len(w.data))
	w.data = append(w.data, p[:kept]...)
	if kept == len(p) {
		return len(p), nil
	}
	w.over = true
	if w.Strict {
		return kept, io.ErrShortWrite
	}
	return len(p), nil
}

// Bytes are what was kept.
func (w *Writer) Bytes() []byte { return w.data }

// Over says that more was written than was kept.
func (w *Writer) Over() bool { return w.over }
