package linked

import (
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
)

// The first word of the runtime's function table, runtime.pcheader, gives the form of the rest, see
// PCLnTabMagic in internal/abi/symtab.go. In the wrong byte order, it equals none of these values.
const (
	go116 = 0xfffffffa
	go118 = 0xfffffff0 // has one more word, textStart, which is unused since Go 1.26
	go120 = 0xfffffff1 // the same form, but generated functions have other names
)

// maxHeader is the length of runtime.pcheader if words have eight bytes: pcHeader in runtime/symtab.go.
const maxHeader = 8 + 8*8

// maxFunctions bounds the names of a program's functions, in bytes. Those of the largest programs have some ten megabytes; the
// program may be a Builder's, with holes as large as it likes.
const maxFunctions = 256 << 20

// span is a part of a file.
type span struct{ start, end int64 }

// functionNames returns the program's table of names, "" if there is none.
func functionNames(r io.ReaderAt, size int64) (string, error) {
	names, err := findNames(r, size)
	if err != nil || names == (span{}) {
		return "", err
	}
	if n := names.end - names.start; n > maxFunctions {
		return "", fmt.Errorf("its names of functions have %d bytes, and no more than %d are read", n, maxFunctions)
	}
	buf := make([]byte, names.end-names.start)
	if n, err := r.ReadAt(buf, names.start); n < len(buf) {
		return "", err
	}
	return string(buf), nil
}

// findNames finds the table of names. It tries the table's section first, but the linker decides the
// section's name: the C linker merges .data.rel.ro.gopclntab, which Go before 1.26 makes for
// position-independent programs, into .data.rel.ro. Section headers may also be missing. Then it searches
// the whole file.
func findNames(r io.ReaderAt, size int64) (span, error) {
	for _, section := range sections(r) {
		names, err := namesAt(r, section, size)
		if err != nil || names != (span{}) {
			return names, err
		}
	}
	return searchNames(r, size)
}

// sections returns the offsets of the function table according to the section headers.
func sections(r io.ReaderAt) []int64 {
	f, err := elf.NewFile(r)
	if err != nil {
		return nil // the loader ignores section headers, so wrong ones are no error
	}
	var found []int64
	for _, s := range f.Sections {
		isTable := s.Name == ".gopclntab" || s.Name == ".data.rel.ro.gopclntab"
		if isTable && s.Type != elf.SHT_NOBITS && s.Offset < 1<<63 {
			found = append(found, int64(s.Offset))
		}
	}
	return found
}

// namesAt reads the header at an offset.
func namesAt(r io.ReaderAt, at, size int64) (span, error) {
	if at >= size {
		return span{}, nil
	}
	buf := make([]byte, min(maxHeader, size-at))
	n, err := r.ReadAt(buf, at)
	if err != nil && !errors.Is(err, io.EOF) {
		return span{}, err
	}
	return decodeHeader(buf[:n], at, size), nil
}

// searchNames searches a file for the header, which is aligned to a word of at least four bytes. The last
// one wins: if a program embeds another, the other's header is among the constants, which come first. Each
// byte is read once, and each header is checked by itself.
func searchNames(r io.ReaderAt, size int64) (span, error) {
	const step = 1 << 20
	var last span
	buf := make([]byte, step+maxHeader)
	for at := int64(0); at < size; at += step {
		n, err := r.ReadAt(buf[:min(int64(len(buf)), size-at)], at)
		if err != nil && !errors.Is(err, io.EOF) {
			return span{}, err
		}
		for i := 0; i < step && i+4 <= n; i += 4 {
			// The low or the high three bytes of each magic number in either byte order.
			if w := binary.LittleEndian.Uint32(buf[i:]); w>>8 != 0xffffff && w&0xffffff != 0xffffff {
				continue
			}
			if names := decodeHeader(buf[i:n], at+int64(i), size); names != (span{}) {
				last = names
			}
		}
	}
	return last, nil
}

// decodeHeader decodes the header b at an offset of the file. It returns the part of the file with the
// names, or nothing if b is not a header. The table is one block that begins with the header; its parts
// follow in the order of their offsets (cmd/link/internal/ld/pcln.go).
func decodeHeader(b []byte, at, size int64) span {
	order, first := headerForm(b)
	if order == nil {
		return span{}
	}
	width := int(b[7])
	if width != 4 && width != 8 || len(b) < 8+width*(first+5) {
		return span{}
	}
	word := func(i int) uint64 {
		if width == 4 {
			return uint64(order.Uint32(b[8+4*i:]))
		}
		return order.Uint64(b[8+8*i:])
	}
	// Names, compilation units, files, line tables, functions.
	offsets := []uint64{uint64(8 + width*(first+5)), word(first), word(first + 1), word(first + 2), word(first + 3), word(first + 4), uint64(size - at)}
	if word(0) == 0 || !slices.IsSorted(offsets) {
		return span{}
	}
	return span{at + int64(word(first)), at + int64(word(first+1))}
}

// headerForm returns the byte order and the number of words before the offsets: the number of functions,
// the number of files and, since Go 1.18, the address of the code.
func headerForm(b []byte) (order binary.ByteOrder, first int) {
	// Two zero bytes, the smallest instruction size, the word size.
	if len(b) < 8 || b[4] != 0 || b[5] != 0 || b[6] != 1 && b[6] != 2 && b[6] != 4 {
		return nil, 0
	}
	for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		switch order.Uint32(b) {
		case go116:
			return order, 2
		case go118, go120:
			return order, 3
		}
	}
	return nil, 0
}
