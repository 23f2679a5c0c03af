package base

import (
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
}

func newWindow(r io.ReaderAt, size int64) *window {
	return &window{r: r, size: size, piece: make([]byte, 4096)}
}

// Read is [io.Reader].
func (w *window) Read(p []byte) (int, error) {
	if w.pos >= w.size {
		return 0, io.EOF
	}
	if w.pos < w.at || w.pos >= w.at+int64(w.n) {
		n, err := w.r.ReadAt(w.piece, w.pos)
		w.at, w.n = w.pos, n
		if n == 0 {
			return 0, err
		}
	}
	n := copy(p, w.piece[w.pos-w.at:w.n])
	w.pos += int64(n)
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
