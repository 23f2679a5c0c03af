package base

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
)

// copyScanned copies a tar during decompression. It fails as soon as the tar has more files than the bytes read for its base
// allow, so that a small blob is refused before it fills the disk with hundreds of megabytes.
func copyScanned(ctx context.Context, w io.Writer, r io.Reader, a *account) error {
	out, in := io.Pipe()
	scanned := make(chan struct{})
	go func() {
		defer close(scanned)
		out.CloseWithError(scan(ctx, out, a))
	}()
	_, err := io.Copy(&expanded{ctx, io.MultiWriter(w, in), a}, r)
	in.CloseWithError(err)
	<-scanned
	return err
}

// scan reads the headers of a tar until its end or until a limit is exceeded. It reports no other errors: the caller's later
// reading finds them.
func scan(ctx context.Context, r io.Reader, a *account) error {
	limited := &headerReader{r: r}
	tr := tar.NewReader(limited)
	for {
		limited.left, limited.lines, limited.on = maxHeaders, 0, true
		h, err := tr.Next()
		limited.on = false
		if errors.Is(err, errHeader) {
			return err
		}
		if err != nil {
			break
		}
		if err := plainEntry(h); err != nil {
			return err
		}
		if err := a.entry(ctx, h, limited.lines); err != nil {
			return err
		}
		if _, err := io.Copy(io.Discard, tr); err != nil {
			break
		}
	}
	_, err := io.Copy(io.Discard, r)
	return err
}

// headerReader limits the bytes of one file's headers, and counts their lines: each PAX record is one.
type headerReader struct {
	r     io.Reader
	left  int64
	lines int
	on    bool // within headers
}

func (h *headerReader) Read(p []byte) (int, error) {
	if h.on && h.left < 0 {
		return 0, errHeader
	}
	n, err := h.r.Read(p)
	if h.on {
		h.left -= int64(n)
		h.lines += bytes.Count(p[:n], newline)
	}
	return n, err
}
