package elf

import (
	"errors"
	"fmt"
)

// maxString limits one string of an ELF file. The longest are names of C++ symbols and search paths, of which
// Nix has some of a few kilobytes.
const maxString = 1 << 16

// maxPath is PATH_MAX, with the final NUL. The kernel opens no longer path.
const maxPath = 4096

// fileStrings caches strings of a file by offset and limits their total size. Thousands of entries may refer to
// one string, and a string may be the end of a longer one: without a limit, a small file could ask for
// gigabytes.
type fileStrings struct {
	have map[uint64]string
	left int64 // bytes that may still be read
}

// newFileStrings returns a cache whose limit depends on the file's size. The strings that a linker writes
// hardly overlap.
func newFileStrings(size int64) *fileStrings {
	return &fileStrings{map[uint64]string{}, 2*size + maxPath}
}

// stringAt reads a string of at most n bytes, with its NUL, at off. Each string is read once.
func (f *File) stringAt(off, n uint64) (string, error) {
	if f.strs == nil {
		f.strs = newFileStrings(f.tableLimit())
	}
	if s, ok := f.strs.have[off]; ok && uint64(len(s)) < n {
		return s, nil
	}
	s, err := f.cString(off, n)
	if err != nil {
		return "", err
	}
	if f.strs.left -= int64(len(s)) + 1; f.strs.left < 0 {
		return "", errors.New("its strings together are longer than the file")
	}
	f.strs.have[off] = s
	return s, nil
}

// cString reads a string of at most n bytes, with its NUL, at off. It reads small pieces, because n may be
// wrong.
func (f *File) cString(off, n uint64) (string, error) {
	const piece = 128
	var s []byte
	for done := uint64(0); done < n; done += piece {
		want := min(piece, n-done)
		// The file may end before the last piece does, after the end of the string.
		if size := uint64(f.size); off+done < size {
			want = min(want, size-off-done)
		}
		b, err := f.Bytes(off+done, want)
		if err != nil {
			return "", fmt.Errorf("string: %w", err)
		}
		part := cString(b)
		s = append(s, part...)
		if len(part) < len(b) {
			return string(s), nil
		}
	}
	if n >= maxPath {
		return "", fmt.Errorf("string at offset %d is longer than %d bytes", off, n)
	}
	return "", fmt.Errorf("string at offset %d has no end", off)
}
