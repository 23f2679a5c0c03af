package packages

import "fmt"

// varint decodes a SQLite integer: seven bits per byte, the highest first, and all eight bits of the ninth
// byte. n is its length in bytes, 0 if b is too short.
func varint(b []byte) (v uint64, n int) {
	for i := range min(len(b), 9) {
		if i == 8 {
			return v<<8 | uint64(b[i]), 9
		}
		v = v<<7 | uint64(b[i]&0x7f)
		if b[i] < 0x80 {
			return v, i + 1
		}
	}
	return 0, 0
}

// column returns the bytes of a record's column. A record is a header, which has its own size and the type
// of each column, followed by the columns (section 2.1).
func column(record []byte, want int) ([]byte, error) {
	size, n := varint(record)
	if n == 0 || size > uint64(len(record)) || size < uint64(n) {
		return nil, fmt.Errorf("%w: a record with a header of %d bytes", errCorrupt, size)
	}
	header, body := record[n:size], record[size:]
	for i := 0; ; i++ {
		kind, n := varint(header)
		if n == 0 {
			return nil, fmt.Errorf("%w: no column %d", errCorrupt, want)
		}
		width := columnSize(kind)
		if width > uint64(len(body)) {
			return nil, fmt.Errorf("%w: a column of %d bytes", errCorrupt, width)
		}
		if i == want {
			return body[:width], nil
		}
		header, body = header[n:], body[width:]
	}
}

// columnSize returns the number of bytes of a column from its type: integers of 0 to 8 bytes, blobs, text.
func columnSize(kind uint64) uint64 {
	switch {
	case kind <= 4:
		return kind
	case kind == 5:
		return 6
	case kind <= 7:
		return 8
	case kind < 12: // the constants 0 and 1, and two reserved types
		return 0
	}
	return (kind - 12) / 2
}
