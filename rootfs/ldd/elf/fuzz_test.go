package elf

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/rootfs/ldd/elf/elftest"
)

// FuzzELF reads all parts of an ELF file from arbitrary bytes.
func FuzzELF(f *testing.F) {
	f.Add(elftest.File{Needed: []string{"libc.so.6"}, Interp: "/lib/ld.so", Soname: "x", Rpath: "/r", Runpath: "$ORIGIN"}.Bytes())
	f.Add(elftest.File{Class32: true, Machine: elf.EM_386}.Bytes())
	f.Add(elftest.File{Big: true, Machine: elf.EM_S390}.Bytes())
	f.Add(withVersions())
	f.Add(elftest.WithNotes(elftest.File{}.Bytes(), elftest.DlopenNote(`[{"soname":["libz.so.1"]}]`), elftest.Note{Owner: "GNU\x00", Type: 5, Desc: []byte("\x02\x80\x00\xc0\x04\x00\x00\x00\x06\x00\x00\x00\x00\x00\x00\x00")}))
	f.Add(elftest.OverlappingSymbols(8, 16))
	f.Add(elftest.WithConstants(elftest.File{}.Bytes(), "libz.so.1", "x86-64-v4:x86-64-v3", "liba.so.1complex64libb.so.12"))
	wanted := []string{"dlopen", "dlmopen"}
	f.Fuzz(func(t *testing.T, data []byte) {
		_, _ = Needed(bytes.NewReader(data), int64(len(data)))
		_, _ = Interface(bytes.NewReader(data), int64(len(data)))
		file, err := Read(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			return
		}
		_, _ = file.Interp()
		_, _ = file.ABITag()
		_ = file.CheckComplete()
		_ = file.ISANeeded()
		_, _ = file.DlopenNotes()
		names, err := file.Imports(wanted)
		if err == nil && len(names) > len(wanted) {
			t.Errorf("imports %q, asked for %q", names, wanted)
		}
		_, _ = file.LibraryNames()
		_, _ = file.GoTexts(func(text string) bool {
			if !strings.Contains(text, ".so") {
				t.Errorf("%q is not around a name", text)
			}
			return true
		})
		_, _ = file.PathTexts([]string{"/"}, func(string) bool { return true })
		d, err := file.Dynamic()
		if err != nil {
			return
		}
		_, _ = file.versionNeeds(d)
		_, _ = file.versionDefs(d)
		bound, _ := file.Bound(d)
		table, err := file.Symbols(d, bound)
		if err != nil {
			return
		}
		for _, i := range bound {
			if s, ok := table.Symbol(i); ok {
				_ = table.Defines(s.Name)
			}
		}
		_ = table.Defines("stdin")
	})
}

// FuzzNote reads a segment of notes. Each note must be inside the segment, and each accepted dlopen note must
// have a soname.
func FuzzNote(f *testing.F) {
	good := elftest.Segment(elftest.DlopenNote(`[{"soname":["liba.so","libb.so"],"priority":"required"},{"soname":["libx.so"]}]`), elftest.Note{Owner: "GNU\x00", Type: 3, Desc: []byte("id")})
	f.Add(good, false)
	f.Add([]byte("\x04\x00\x00\x00\xff\xff\xff\xff\x0a\x0c\x7c\x40FDO\x00[]"), true)
	f.Add([]byte("\xff\xff\xff\xff\xff\xff\xff\xff\x01\x00\x00\x00"), false)
	f.Fuzz(func(t *testing.T, data []byte, wide bool) {
		align := uint64(4)
		if wide {
			align = 8
		}
		file := &File{Header: Header{Order: binary.LittleEndian, Machine: elf.EM_X86_64}}
		notes, _ := file.splitNotes(data, align)
		for _, n := range notes {
			if len(n.owner)+len(n.desc) > len(data) {
				t.Errorf("%+v is longer than the segment", n)
			}
			entries, err := parseDlopenNote(n.desc)
			for _, e := range entries {
				if len(e.Sonames) == 0 || e.Priority == "" {
					t.Errorf("got %+v, %v", e, err)
				}
			}
		}
	})
}

// withVersions returns a file whose dynamic section has tables of every kind that is read, all at the start of
// the file. The content is meaningless, but the fuzzer can change it.
func withVersions() []byte {
	return elftest.File{Tags: []elftest.Tag{
		{Tag: elf.DT_VERNEED, Val: 64}, {Tag: elf.DT_VERDEF, Val: 64}, {Tag: elf.DT_VERSYM, Val: 64}, {Tag: elf.DT_GNU_HASH, Val: 64},
		{Tag: elf.DT_RELA, Val: 64}, {Tag: elf.DT_RELASZ, Val: 48}, {Tag: elf.DT_JMPREL, Val: 64}, {Tag: elf.DT_PLTRELSZ, Val: 48}, {Tag: elf.DT_PLTREL, Val: uint64(elf.DT_RELA)},
	}}.Bytes()
}
