package ldd

import (
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// ErrNotELF says that a file is not an ELF file at all: a script, or a program of another system.
var ErrNotELF = errors.New("not an ELF file")

// header is the ELF header, https://gabi.xinuos.com/elf/02-eheader.html.
type header struct {
	ident     [elf.EI_NIDENT]byte // as in the file
	class     elf.Class           // out of ident: the width of addresses
	order     binary.ByteOrder    // out of ident
	typ       elf.Type
	machine   elf.Machine
	version   uint32
	flags     uint32 // of the machine: its calling convention
	phoff     uint64 // where the program headers are,
	phentsize uint16 // how long each is
	phnum     uint16 // and how many there are
}

// prog is a program header.
type prog struct {
	typ                       elf.ProgType
	flags                     elf.ProgFlag
	off, vaddr, filesz, memsz uint64
	align                     uint64
}

// elfFile is an ELF file read as a loader reads it: program headers and the dynamic section, never the
// section headers, which may be stripped or wrong without anyone noticing. The standard library's
// debug/elf needs them. Every size in the file is checked against the file's own size.
type elfFile struct {
	header
	r     io.ReaderAt
	size  int64
	progs []prog
	strs  *fileStrings // read so far
}

// Sizes of the header and of one program header per class.
func headerSize(c elf.Class) int64 {
	if c == elf.ELFCLASS32 {
		return 52
	}
	return 64
}

// progSize is the size of Elf32_Phdr or Elf64_Phdr.
func progSize(c elf.Class) int {
	if c == elf.ELFCLASS32 {
		return 32
	}
	return 56
}

// readELF reads a file's header and program headers.
func readELF(r io.ReaderAt, size int64) (*elfFile, error) {
	f := &elfFile{r: r, size: size}
	if err := f.readHeader(); err != nil {
		return nil, err
	}
	if err := f.readProgs(); err != nil {
		return nil, err
	}
	return f, nil
}

// readHeader reads the ELF header. A class or byte order that does not exist is an error; whether the
// header fits a loader is for the caller to say.
func (f *elfFile) readHeader() error {
	if f.size < elf.EI_NIDENT {
		return f.notELF()
	}
	if _, err := readFull(f.r, f.ident[:], 0); err != nil {
		return err
	}
	if string(f.ident[:4]) != elf.ELFMAG {
		return f.notELF()
	}
	// Everything behind depends on these two.
	f.class = elf.Class(f.ident[elf.EI_CLASS])
	if f.class != elf.ELFCLASS32 && f.class != elf.ELFCLASS64 {
		return fmt.Errorf("invalid ELF class %d", f.class)
	}
	switch elf.Data(f.ident[elf.EI_DATA]) {
	case elf.ELFDATA2LSB:
		f.order = binary.LittleEndian
	case elf.ELFDATA2MSB:
		f.order = binary.BigEndian
	default:
		return fmt.Errorf("invalid ELF data encoding %d", f.ident[elf.EI_DATA])
	}
	if f.size < headerSize(f.class) {
		return errors.New("file too short for an ELF header")
	}
	buf := make([]byte, headerSize(f.class))
	if _, err := readFull(f.r, buf, 0); err != nil {
		return err
	}
	f.decodeHeader(buf)
	return nil
}

// decodeHeader decodes Elf32_Ehdr or Elf64_Ehdr, which differ in the width of three addresses: the entry
// point and the offsets of program and section headers.
func (f *elfFile) decodeHeader(b []byte) {
	o := f.order
	f.typ = elf.Type(o.Uint16(b[16:]))
	f.machine = elf.Machine(o.Uint16(b[18:]))
	f.version = o.Uint32(b[20:])
	if f.class == elf.ELFCLASS32 {
		f.phoff = uint64(o.Uint32(b[28:]))
		f.flags = o.Uint32(b[36:])
		f.phentsize, f.phnum = o.Uint16(b[42:]), o.Uint16(b[44:])
		return
	}
	f.phoff = o.Uint64(b[32:])
	f.flags = o.Uint32(b[48:])
	f.phentsize, f.phnum = o.Uint16(b[54:]), o.Uint16(b[56:])
}

// readProgs reads the program headers.
func (f *elfFile) readProgs() error {
	// The kernel and the loaders know no other size, though the specification would allow one.
	if int(f.phentsize) != progSize(f.class) && f.phnum != 0 {
		return fmt.Errorf("program headers of %d bytes, expected %d", f.phentsize, progSize(f.class))
	}
	buf, err := f.bytes(f.phoff, uint64(f.phnum)*uint64(f.phentsize))
	if err != nil {
		return fmt.Errorf("program headers: %w", err)
	}
	f.progs = make([]prog, f.phnum)
	for i := range f.progs {
		f.progs[i] = f.decodeProg(buf[i*int(f.phentsize):])
	}
	return nil
}

// decodeProg decodes Elf32_Phdr or Elf64_Phdr. The flags stand at different places: second in the wide
// one, so that the 64-bit fields behind are aligned.
func (f *elfFile) decodeProg(b []byte) prog {
	o := f.order
	if f.class == elf.ELFCLASS32 {
		u := func(i int) uint64 { return uint64(o.Uint32(b[i:])) }
		return prog{
			typ: elf.ProgType(u(0)), off: u(4), vaddr: u(8), filesz: u(16), memsz: u(20),
			flags: elf.ProgFlag(u(24)), align: u(28),
		}
	}
	u := func(i int) uint64 { return o.Uint64(b[i:]) }
	return prog{
		typ: elf.ProgType(o.Uint32(b)), flags: elf.ProgFlag(o.Uint32(b[4:])),
		off: u(8), vaddr: u(16), filesz: u(32), memsz: u(40), align: u(48),
	}
}

// interp returns PT_INTERP, "" when there is none. The kernel wants the NUL at its end, see elf(5).
func (f *elfFile) interp() (string, error) {
	for _, p := range f.progs {
		if p.typ != elf.PT_INTERP {
			continue
		}
		if p.filesz < 2 || p.filesz > maxPath {
			return "", fmt.Errorf("interpreter name of %d bytes", p.filesz)
		}
		buf, err := f.bytes(p.off, p.filesz)
		if err != nil {
			return "", fmt.Errorf("interpreter name: %w", err)
		}
		if buf[len(buf)-1] != 0 {
			return "", errors.New("interpreter name without an end")
		}
		return cString(buf), nil
	}
	return "", nil
}

// offset returns where in the file a virtual address is, and how many bytes of its segment follow.
func (f *elfFile) offset(addr uint64) (off, left uint64, ok bool) {
	for _, p := range f.progs {
		// filesz, not memsz: what is behind in memory is zero and not in the file.
		if p.typ == elf.PT_LOAD && addr >= p.vaddr && addr-p.vaddr < p.filesz {
			in := addr - p.vaddr
			if p.off > math.MaxInt64 || p.off+in < p.off {
				return 0, 0, false
			}
			return p.off + in, p.filesz - in, true
		}
	}
	return 0, 0, false
}

// maxTable bounds each table that is read of a file, in bytes: a sparse file has any size and costs its maker nothing.
// The largest symbol tables of real libraries, those of browser engines, have less than 100 MB.
const maxTable = 256 << 20

// tableLimit is the file's size as a bound of what is read of it.
func (f *elfFile) tableLimit() int64 { return min(f.size, maxTable) }

// check says whether n bytes at off are inside of the file.
func (f *elfFile) checkRange(off, n uint64) error {
	if size := uint64(f.size); off > size || n > size-off {
		return fmt.Errorf("%d bytes at offset %d are outside of a file of %d bytes", n, off, f.size)
	}
	return nil
}

// bytes reads n bytes at off.
func (f *elfFile) bytes(off, n uint64) ([]byte, error) {
	if err := f.checkRange(off, n); err != nil {
		return nil, err
	}
	if n > maxTable {
		return nil, fmt.Errorf("%d bytes at offset %d are more than the %d of any table", n, off, maxTable)
	}
	buf := make([]byte, n)
	_, err := readFull(f.r, buf, int64(off))
	return buf, err
}

// notELF says what the file is instead, as far as its first bytes tell.
func (f *elfFile) notELF() error {
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

// readFull fills buf from off; a file that ends before is an error.
func readFull(r io.ReaderAt, buf []byte, off int64) (int, error) {
	n, err := r.ReadAt(buf, off)
	if n == len(buf) {
		return n, nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return n, err
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
