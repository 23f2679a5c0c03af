package base

import (
	"archive/tar"
	"errors"
	"io"
)

// copyScanned copies a tar that is being decompressed, and ends as soon as it has more files than the bytes that were read
// for it allow: a small blob is refused before it has become hundreds of megabytes on the disk.
func copyScanned(w io.Writer, r io.Reader, packed *counter) error {
	out, in := io.Pipe()
	scanned := make(chan struct{})
	go func() {
		defer close(scanned)
		out.CloseWithError(scan(out, packed))
	}()
	_, err := io.Copy(&expanded{w: io.MultiWriter(w, in), packed: packed}, r)
	in.CloseWithError(err)
	<-scanned
	return err
}

// scan reads the headers of a tar, up to its end or to what is too much. What is no tar is somebody else's to find.
func scan(r io.Reader, packed *counter) error {
	limited := &headerReader{r: r}
	tr := tar.NewReader(limited)
	entries, names := 0, 0
	for {
		limited.left, limited.on = maxHeaders, true
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
		entries++
		names += textOf(h)
		// The reader is ahead of what is scanned, so that this is no stricter than what is counted in the end.
		b := newBudget(packed.ctx, packed.n.Load())
		if entries > b.entries {
			return b.tooMany()
		}
		if names > b.names {
			return b.tooLong()
		}
		if _, err := io.Copy(io.Discard, tr); err != nil {
			break
		}
	}
	_, err := io.Copy(io.Discard, r)
	return err
}

// headerReader bounds what is read for the headers of one file.
type headerReader struct {
	r    io.Reader
	left int64
	on   bool
}

func (h *headerReader) Read(p []byte) (int, error) {
	if h.on && h.left < 0 {
		return 0, errHeader
	}
	n, err := h.r.Read(p)
	h.left -= int64(n)
	return n, err
}
