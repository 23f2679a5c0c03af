package base

import (
	"bytes"
	"context"
	"errors"
	"io"
)

// window reads a file through a small buffer, for a reader that only wants the headers of a tar. Seeking costs nothing, and
// one read gets the last byte of a file together with the header of the next.
type window struct {
	r     io.ReaderAt
	pos   int64
	size  int64 // of the file
	piece []byte
	at    int64 // offset of the piece
	n     int   // length of the piece

	ctx  context.Context
	left int64 // bytes that the headers of this file may still have

	lines int // in the headers of this file: each PAX record is one
}

// newline ends a PAX record.
var newline = []byte("\n")

func newWindow(ctx context.Context, r io.ReaderAt, size int64) *window {
	return &window{r: r, size: size, piece: make([]byte, 4096), ctx: ctx, left: maxHeaders}
}

// maxHeaders limits the headers of one file, in bytes: archive/tar accepts any number of headers of a megabyte each.
const maxHeaders = 4 << 20

// next starts with the headers of another file.
func (w *window) next() { w.left, w.lines = maxHeaders, 0 }

// Read implements [io.Reader].
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

// Seek implements [io.Seeker].
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
