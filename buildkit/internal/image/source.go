package image

import (
	"context"
	"fmt"
	"hash/crc32"
	"io"
)

// copyTo writes the content of e to w and returns its checksum. The content must have exactly the size in the header.
func (e entry) copyTo(ctx context.Context, w io.Writer, buf []byte) (sum uint32, err error) {
	name, size := e.header.Name, e.header.Size
	file, err := e.open()
	if err != nil {
		return 0, fmt.Errorf("reading %q: %w", name, err)
	}
	defer func() {
		if closeErr := file.Close(); closeErr != nil && err == nil {
			err = fmt.Errorf("closing %q: %w", name, closeErr)
		}
	}()
	// Without the limit, a file that has grown would be too long for its header, and tar.Writer's error would not name
	// the cause.
	src := &source{ctx: ctx, name: name, r: file}
	n, err := io.CopyBuffer(w, io.LimitReader(src, size), buf)
	if err != nil {
		return 0, err
	}
	if n < size {
		return 0, changed(name, fmt.Sprintf("it ends after %d of %d bytes", n, size))
	}
	// If there is one more byte, the file has grown and only a part of it was copied.
	sum = src.sum
	switch _, err := io.ReadFull(src, buf[:1]); err {
	case io.EOF:
		return sum, nil
	case nil:
		return 0, changed(name, fmt.Sprintf("it has more than %d bytes", size))
	default:
		return 0, err
	}
}

// source reads a file until ctx ends, computes the checksum, and names the file in errors.
type source struct {
	ctx  context.Context
	name string
	r    io.Reader
	sum  uint32
}

// Read is [io.Reader]. It checks the context before each piece of bufferSize: often enough for a person who waits, and
// too rarely to cost time.
func (s *source) Read(p []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := s.r.Read(p)
	s.sum = crc32.Update(s.sum, crc32.IEEETable, p[:n])
	if err != nil && err != io.EOF {
		err = fmt.Errorf("reading %q: %w", s.name, err)
	}
	return n, err
}
