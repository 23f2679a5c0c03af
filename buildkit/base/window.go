package base

import (
	"bytes"
	"context"
	"errors"
	"io"
)

// window reads a file through a small piece of it, for a reader of headers that passes over what is between: to seek costs
// nothing, and the last byte of a file comes with the header of the next.
type window struct {
	r     io.ReaderAt
	pos   int64
	size  int64 // of the file
	piece []byte
	at    int64 // where the piece begins
	n     int   // how much of it is read

	ctx  context.Context
	left int64 // bytes that may be read for the headers of this file

	lines int // in the headers of this file: each record is one
}

// newline ends a record.
var newline = []byte("\n")

func newWindow(ctx context.Context, r io.ReaderAt, size int64) *window {
	return &window{r: r, size: size, piece: make([]byte, 4096), ctx: ctx, left: maxHeaders}
}

// maxHeaders is how many bytes the headers of one file may have: archive/tar takes chains of any length, each of a megabyte.
const maxHeaders = 4 << 20

// next begins with the headers of another file.
func (w *window) next() { w.left, w.lines = maxHeaders, 0 }

// Read is [io.Reader].
func (w *window) Read(p []byte) (int, error) {
	if w.pos >= w.size {
		return 0, io.EOF
	}
	if w.left < 0 {
		return 0, errHeader
	}
	if w.pos < w.at || w.pos >= w.at+int64(w.n) {
		if err := context.Cause(w.ctx); err != nil {
			return 0, err
		}
		n, err := w.r.ReadAt(w.piece, w.pos)
		w.at, w.n = w.pos, n
		if n == 0 {
			return 0, err
		}
	}
	n := copy(p, w.piece[w.pos-w.at:w.n])
	w.pos += int64(n)
	w.left -= int64(n)
	w.lines += bytes.Count(p[:n], newline)
	return n, nil
}

// Seek is [io.Seeker].
func (w *window) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += w.pos
	case io.SeekEnd:
		offset += w.size
	}
	if offset < 0 {
		return 0, errors.New("seeking before the beginning")
	}
	w.pos = offset
	return offset, nil
}
