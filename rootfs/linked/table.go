package linked

import (
	"debug/elf"
	"encoding/binary"
	"errors"
	"io"
	"slices"
)

// The first word of the runtime's table of functions, runtime.pcheader, says which form the rest has,
// see PCLnTabMagic in internal/abi/symtab.go. Read in the wrong byte order it is none of these.
const (
	go116 = 0xfffffffa
	go118 = 0xfffffff0 // one word more, textStart; since Go 1.26 it is there but unused
	go120 = 0xfffffff1 // the same form, other names of generated functions
)

// maxHeader is the length of runtime.pcheader where words have eight bytes: pcHeader in
// runtime/symtab.go.
const maxHeader = 8 + 8*8

// span is a part of a file.
type span struct{ start, end int64 }

// functionNames returns the program's table of names, "" when there is none.
func functionNames(r io.ReaderAt, size int64) (string, error) {
	names, err := findNames(r, size)
	if err != nil || names == (span{}) {
		return "", err
	}
	buf := make([]byte, names.end-names.start)
	if n, err := r.ReadAt(buf, names.start); n < len(buf) {
		return "", err
	}
	return string(buf), nil
}

// findNames finds the table of names by its section, whose name depends on the linker: the linker of C
// merges .data.rel.ro.gopclntab, which Go before 1.26 makes of position independent programs, into
// .data.rel.ro, and section headers may be missing altogether. Then the whole file is searched.
func findNames(r io.ReaderAt, size int64) (span, error) {
	for _, section := range sections(r) {
		names, err := namesAt(r, section, size)
		if err != nil || names != (span{}) {
			return names, err
		}
	}
	return searchNames(r, size)
}

// sections are the places of the program's table of functions according to its section headers.
func sections(r io.ReaderAt) []int64 {
	f, err := elf.NewFile(r)
	if err != nil {
		return nil // the loader does not mind wrong section headers either
	}
	var found []int64
	for _, s := range f.Sections {
		ours := s.Name == ".gopclntab" || s.Name == ".data.rel.ro.gopclntab"
		if ours && s.Type != elf.SHT_NOBITS && s.Offset < 1<<63 {
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
// one counts: a program that embeds another has the other's among its constants, which are in front.
// Each byte is read once, and each header is judged by itself.
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

// decodeHeader decodes the header b, which is at an offset of the file, and gives the part of the file
// that holds the names; none when b is not a header. The table is one block that begins with the header,
// and the parts of it follow in the order of their offsets (cmd/link/internal/ld/pcln.go).
func decodeHeader(b []byte, at, size int64) span {
	order, first := form(b)
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

// form gives the byte order and the number of words in front of the offsets: how many functions, how
// many files and, since Go 1.18, the address of the code.
func form(b []byte) (order binary.ByteOrder, first int) {
	// Two bytes of zero, the smallest size of an instruction, the size of a word.
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
