// Package holes copies files of unknown origin without filling the disk: [Copy] writes a hole for each page of zeros.
//
// The size of a file in an archive or a container is whatever its creator claims. A file of 1 TiB may take a few bytes
// there, and takes as few in the copy.
package holes

import (
	"bytes"
	"fmt"
	"io"
	"os"
)

// page is the size of the smallest hole, in bytes. File systems allocate blocks of at least this size.
const page = 4 << 10

var zeros [page]byte

// TooLargeError reports a file with more bytes than the limit.
type TooLargeError struct {
	Limit int64 // in bytes
}

func (e *TooLargeError) Error() string { return fmt.Sprintf("it has more than %d bytes", e.Limit) }

// Copy writes the content of r to a new, empty file. It returns the size of the file, and how much of it is data and not
// holes. If there are more than limit bytes, it fails with a [*TooLargeError].
func Copy(f *os.File, r io.Reader, limit int64) (size, data int64, err error) {
	buf := make([]byte, 64*page)
	for {
		n, readErr := fill(r, buf)
		if int64(n) > limit-size {
			return size, data, &TooLargeError{limit}
		}
		wrote, err := writeData(f, buf[:n], size)
		size, data = size+int64(n), data+wrote
		switch {
		case err != nil:
			return size, data, err
		case readErr == io.EOF:
			return size, data, f.Truncate(size) // the file may end with a hole
		case readErr != nil:
			return size, data, readErr
		}
	}
}

// fill reads until the block is full. Unlike [io.ReadFull], it returns the reader's own error.
func fill(r io.Reader, block []byte) (n int, err error) {
	for n < len(block) && err == nil {
		var more int
		more, err = r.Read(block[n:])
		n += more
	}
	return n, err
}

// writeData writes the pages of a block that have data.
func writeData(f *os.File, block []byte, at int64) (data int64, err error) {
	for from := 0; from < len(block); {
		to := from
		for to < len(block) && !isHole(block[to:]) {
			to = min(to+page, len(block))
		}
		if to > from {
			n, err := f.WriteAt(block[from:to], at+int64(from))
			data += int64(n)
			if err != nil {
				return data, err
			}
		}
		for from = to; from < len(block) && isHole(block[from:]); {
			from = min(from+page, len(block))
		}
	}
	return data, nil
}

// isHole reports whether a block starts with a page of zeros.
func isHole(block []byte) bool {
	n := min(page, len(block))
	return bytes.Equal(block[:n], zeros[:n])
}
