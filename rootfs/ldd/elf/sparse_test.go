package elf

import (
	"debug/elf"
	"encoding/binary"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
	"github.com/fromscratch-go/fromscratch/rootfs/ldd/elf/elftest"
)

// sparseFile is a file of a terabyte that begins with some bytes, followed by a hole. Such a file takes a few
// kilobytes on disk.
type sparseFile []byte

const sparseSize = 1 << 40

func (s sparseFile) ReadAt(p []byte, off int64) (int, error) {
	clear(p)
	if off < int64(len(s)) {
		copy(p, s[off:])
	}
	return len(p), nil
}

// sparseLibrary returns a library with one segment of a terabyte, whose dynamic section has the tags.
func sparseLibrary(tags ...elftest.Tag) sparseFile {
	const header, segment, section = 64, 56, 4096
	b := make([]byte, section)
	copy(b, elf.ELFMAG)
	b[elf.EI_CLASS], b[elf.EI_DATA], b[elf.EI_VERSION] = byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), 1
	o := binary.LittleEndian
	o.PutUint16(b[16:], uint16(elf.ET_DYN))
	o.PutUint16(b[18:], uint16(elf.EM_X86_64))
	o.PutUint32(b[20:], 1)
	o.PutUint64(b[32:], header)
	o.PutUint16(b[54:], segment)
	o.PutUint16(b[56:], 2)
	put := func(i int, typ elf.ProgType, at, size uint64) {
		p := b[header+i*segment:]
		o.PutUint32(p, uint32(typ))
		o.PutUint32(p[4:], uint32(elf.PF_R))
		o.PutUint64(p[8:], at)
		o.PutUint64(p[16:], at)
		o.PutUint64(p[32:], size)
		o.PutUint64(p[40:], size)
	}
	put(0, elf.PT_LOAD, 0, sparseSize)
	put(1, elf.PT_DYNAMIC, section, uint64(16*(len(tags)+1)))
	for _, t := range tags {
		b = o.AppendUint64(o.AppendUint64(b, uint64(t.Tag)), t.Val)
	}
	return append(b, make([]byte, 4096)...)
}

// A sparse library of a terabyte takes neither the memory nor the time that its tables claim.
func TestSparseLibrary(t *testing.T) {
	symtab := elftest.Tag{Tag: elf.DT_SYMTAB, Val: 1 << 20}
	symbols := func(bound ...uint32) func(f *File, d *Dynamic) error {
		return func(f *File, d *Dynamic) error { _, err := f.Symbols(d, bound); return err }
	}
	for name, tt := range map[string]struct {
		file sparseFile
		read func(f *File, d *Dynamic) error
		want string
	}{
		"a string table": {
			sparseLibrary(symtab, elftest.Tag{Tag: elf.DT_STRTAB, Val: 1 << 20}, elftest.Tag{Tag: elf.DT_STRSZ, Val: 1 << 39}), symbols(), "larger than the limit",
		},
		"symbols that relocations ask for": {
			sparseLibrary(symtab), symbols(1<<32 - 1), "",
		},
		"a hash table whose chain has no end": {
			// One bucket, first symbol 1, one word of filter; the bucket names symbol 1, whose chain is a hole.
			func() sparseFile {
				s := sparseLibrary(symtab, elftest.Tag{Tag: elf.DT_GNU_HASH, Val: 6000})
				s = append(s, make([]byte, 100)...)
				for i, word := range []uint32{1, 1, 1, 0, 0, 0, 1} {
					binary.LittleEndian.PutUint32(s[6000+4*i:], word)
				}
				return s
			}(), symbols(), "do not fit into a table",
		},
		"a text of a terabyte": {
			sparseLibrary(), func(f *File, _ *Dynamic) error { _, err := f.LibraryNames(); return err }, "together are too long",
		},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := Read(tt.file, sparseSize)
			if err != nil {
				t.Fatal(err)
			}
			d, err := f.Dynamic()
			if err != nil {
				t.Fatal(err)
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			err = tt.read(f, d)
			runtime.ReadMemStats(&after)
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			if n := after.TotalAlloc - before.TotalAlloc; n > 1<<30 {
				t.Errorf("%d bytes were allocated", n)
			}
		})
	}
}

// Resolving a sparse file on a real disk terminates.
func TestSparseLibraryOnDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lib.so")
	file := sparseLibrary(elftest.Tag{Tag: elf.DT_SYMTAB, Val: 1 << 20}, elftest.Tag{Tag: elf.DT_STRTAB, Val: 1 << 20}, elftest.Tag{Tag: elf.DT_STRSZ, Val: 1 << 39})
	if err := os.WriteFile(path, file, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, sparseSize); err != nil {
		testkit.Skip(t, "the file system has no file of a terabyte: "+err.Error())
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := Interface(f, sparseSize); err == nil {
		t.Error("a table of half a terabyte was read")
	}
}
