package elf

import (
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// ErrNotELF means that a file is not an ELF file, but for example a script or a program of another system.
var ErrNotELF = errors.New("not an ELF file")

// Header is the ELF header, https://gabi.xinuos.com/elf/02-eheader.html.
type Header struct {
	Ident     [elf.EI_NIDENT]byte // as in the file
	Class     elf.Class           // from Ident: the width of addresses
	Order     binary.ByteOrder    // from Ident
	Type      elf.Type
	Machine   elf.Machine
	Version   uint32
	Flags     uint32 // specific to the machine, such as its calling convention
	Phentsize uint16 // size of a program header
	phoff     uint64 // offset of the program headers
	phnum     uint16 // number of them
}

// File is an ELF file as a loader reads it: program headers and the dynamic section, but not the section
// headers, which may be stripped or wrong. The standard library's debug/elf needs section headers. Every size
// in the file is checked against the file's own size. A File is not safe for concurrent use.
type File struct {
	Header
	Progs []elf.ProgHeader
	r     io.ReaderAt
	size  int64
	strs  *fileStrings // strings read so far
}

// HeaderSize returns the size of the ELF header in bytes, Elf32_Ehdr or Elf64_Ehdr.
func HeaderSize(c elf.Class) int64 {
	if c == elf.ELFCLASS32 {
		return 52
	}
	return 64
}

// ProgSize returns the size of a program header in bytes, Elf32_Phdr or Elf64_Phdr.
func ProgSize(c elf.Class) int {
	if c == elf.ELFCLASS32 {
		return 32
	}
	return 56
}

// Read reads the header and the program headers of a file of size bytes. The error is [ErrNotELF] if the file does
// not begin like an ELF file.
func Read(r io.ReaderAt, size int64) (*File, error) {
	f, err := ReadHeader(r, size)
	if err != nil {
		return nil, err
	}
	if err := f.ReadProgs(); err != nil {
		return nil, err
	}
	return f, nil
}

// ReadHeader reads a file's header alone, with the errors of [Read]. [File.ReadProgs] reads the program headers.
func ReadHeader(r io.ReaderAt, size int64) (*File, error) {
	f := &File{r: r, size: size}
	if err := f.readHeader(); err != nil {
		return nil, err
	}
	return f, nil
}

// Reopen returns a copy of the file that reads from r and has read no strings yet. The copy is not safe for
// concurrent use.
func (f *File) Reopen(r io.ReaderAt) *File {
	again := *f
	again.r, again.strs = r, nil
	return &again
}

// readHeader reads the ELF header. It rejects a class or byte order that does not exist; the caller checks
// whether the header fits a loader.
func (f *File) readHeader() error {
	if f.size < elf.EI_NIDENT {
		return f.notELF()
	}
	if err := readFull(f.r, f.Ident[:], 0); err != nil {
		return err
	}
	if string(f.Ident[:4]) != elf.ELFMAG {
		return f.notELF()
	}
	// Everything that follows depends on these two.
	f.Class = elf.Class(f.Ident[elf.EI_CLASS])
	if f.Class != elf.ELFCLASS32 && f.Class != elf.ELFCLASS64 {
		return fmt.Errorf("invalid ELF class %d", f.Class)
	}
	switch elf.Data(f.Ident[elf.EI_DATA]) {
	case elf.ELFDATA2LSB:
		f.Order = binary.LittleEndian
	case elf.ELFDATA2MSB:
		f.Order = binary.BigEndian
	default:
		return fmt.Errorf("invalid ELF data encoding %d", f.Ident[elf.EI_DATA])
	}
	if f.size < HeaderSize(f.Class) {
		return errors.New("file too short for an ELF header")
	}
	buf := make([]byte, HeaderSize(f.Class))
	if err := readFull(f.r, buf, 0); err != nil {
		return err
	}
	f.decodeHeader(buf)
	return nil
}

// decodeHeader decodes Elf32_Ehdr or Elf64_Ehdr, which differ in the width of three addresses: the entry point
// and the offsets of program and section headers.
func (f *File) decodeHeader(b []byte) {
	o := f.Order
	f.Type = elf.Type(o.Uint16(b[16:]))
	f.Machine = elf.Machine(o.Uint16(b[18:]))
	f.Version = o.Uint32(b[20:])
	if f.Class == elf.ELFCLASS32 {
		f.phoff = uint64(o.Uint32(b[28:]))
		f.Flags = o.Uint32(b[36:])
		f.Phentsize, f.phnum = o.Uint16(b[42:]), o.Uint16(b[44:])
		return
	}
	f.phoff = o.Uint64(b[32:])
	f.Flags = o.Uint32(b[48:])
	f.Phentsize, f.phnum = o.Uint16(b[54:]), o.Uint16(b[56:])
}

// ReadProgs reads the program headers of a file of [ReadHeader].
func (f *File) ReadProgs() error {
	// The kernel and the loaders accept no other size, though the specification would allow one.
	if int(f.Phentsize) != ProgSize(f.Class) && f.phnum != 0 {
		return fmt.Errorf("program headers of %d bytes, expected %d", f.Phentsize, ProgSize(f.Class))
	}
	buf, err := f.Bytes(f.phoff, uint64(f.phnum)*uint64(f.Phentsize))
	if err != nil {
		return fmt.Errorf("program headers: %w", err)
	}
	f.Progs = make([]elf.ProgHeader, f.phnum)
	for i := range f.Progs {
		f.Progs[i] = f.decodeProg(buf[i*int(f.Phentsize):])
	}
	return nil
}

// decodeProg decodes Elf32_Phdr or Elf64_Phdr. The position of the flags differs: in Elf64_Phdr they come
// second, to align the 64-bit fields.
func (f *File) decodeProg(b []byte) elf.ProgHeader {
	o := f.Order
	if f.Class == elf.ELFCLASS32 {
		u := func(i int) uint64 { return uint64(o.Uint32(b[i:])) }
		return elf.ProgHeader{
			Type: elf.ProgType(u(0)), Off: u(4), Vaddr: u(8), Filesz: u(16), Memsz: u(20),
			Flags: elf.ProgFlag(u(24)), Align: u(28),
		}
	}
	u := func(i int) uint64 { return o.Uint64(b[i:]) }
	return elf.ProgHeader{
		Type: elf.ProgType(o.Uint32(b)), Flags: elf.ProgFlag(o.Uint32(b[4:])),
		Off: u(8), Vaddr: u(16), Filesz: u(32), Memsz: u(40), Align: u(48),
	}
}

// Interp returns PT_INTERP, "" if there is none. The kernel requires the NUL at its end, see elf(5).
func (f *File) Interp() (string, error) {
	for _, p := range f.Progs {
		if p.Type != elf.PT_INTERP {
			continue
		}
		if p.Filesz < 2 || p.Filesz > maxPath {
			return "", fmt.Errorf("interpreter name of %d bytes", p.Filesz)
		}
		buf, err := f.Bytes(p.Off, p.Filesz)
		if err != nil {
			return "", fmt.Errorf("interpreter name: %w", err)
		}
		if buf[len(buf)-1] != 0 {
			return "", errors.New("interpreter name without a NUL at its end")
		}
		return cString(buf), nil
	}
	return "", nil
}

// offset returns the file offset of a virtual address and the number of bytes that follow in its segment.
func (f *File) offset(addr uint64) (off, left uint64, ok bool) {
	for _, p := range f.Progs {
		// Filesz, not Memsz: memory beyond it is zero and not in the file.
		if p.Type == elf.PT_LOAD && addr >= p.Vaddr && addr-p.Vaddr < p.Filesz {
			in := addr - p.Vaddr
			if p.Off > math.MaxInt64 || p.Off+in < p.Off {
				return 0, 0, false
			}
			return p.Off + in, p.Filesz - in, true
		}
	}
	return 0, 0, false
}

// maxTable limits the size of each table that is read from a file, in bytes, because a sparse file of any size
// is cheap to make. The largest symbol tables of real libraries, those of browser engines, have less than 100
// MB.
const maxTable = 256 << 20

// tableLimit returns the maximum size of a table in this file.
func (f *File) tableLimit() int64 { return min(f.size, maxTable) }

// checkRange returns an error if n bytes at off are not all inside the file.
func (f *File) checkRange(off, n uint64) error {
	if size := uint64(f.size); off > size || n > size-off {
		return fmt.Errorf("%d bytes at offset %d are outside of a file of %d bytes", n, off, f.size)
	}
	return nil
}

// CheckComplete returns an error if a PT_LOAD segment ends beyond the end of the file.
func (f *File) CheckComplete() error {
	for _, p := range f.Progs {
		if p.Type == elf.PT_LOAD && f.checkRange(p.Off, p.Filesz) != nil {
			return fmt.Errorf("a segment ends at %d, the file at %d", p.Off+p.Filesz, f.size)
		}
	}
	return nil
}

// Bytes reads n bytes at a file offset. It fails if they are not all inside the file or more than 256 MiB.
func (f *File) Bytes(off, n uint64) ([]byte, error) {
	if err := f.checkRange(off, n); err != nil {
		return nil, err
	}
	if n > maxTable {
		return nil, fmt.Errorf("a table of %d bytes at offset %d is larger than the limit of %d", n, off, maxTable)
	}
	buf := make([]byte, n)
	return buf, readFull(f.r, buf, int64(off))
}

// notELF returns an ErrNotELF that says what the file is instead, judging by its first bytes.
func (f *File) notELF() error {
	var b [4]byte
	n, _ := f.r.ReadAt(b[:], 0)
	switch s := string(b[:n]); {
	case n == 0:
		return fmt.Errorf("%w: it is empty", ErrNotELF)
	case n > 1 && s[:2] == "#!":
		return fmt.Errorf("%w: it is a script (#!)", ErrNotELF)
	case n > 1 && s[:2] == "MZ":
		return fmt.Errorf("%w: it is a Windows program", ErrNotELF)
	case s == "\xcf\xfa\xed\xfe" || s == "\xca\xfe\xba\xbe":
		return fmt.Errorf("%w: it is a macOS program", ErrNotELF)
	default:
		return fmt.Errorf("%w: it starts with %q", ErrNotELF, s)
	}
}

// readFull fills buf from off. A file that ends earlier is an error.
func readFull(r io.ReaderAt, buf []byte, off int64) error {
	n, err := r.ReadAt(buf, off)
	if n == len(buf) {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// cString returns the bytes before the first NUL.
func cString(b []byte) string {
	for i, c := range b {
		if c == 0 {
			return string(b[:i])
		}
	}
	return string(b)
}
