package elf

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"runtime"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/rootfs/ldd/elf/elftest"
)

// Content that a file repeats, or takes from parts of one long text, takes no more memory than the file has
// bytes. Otherwise each of these would take gigabytes.
func TestHostileSizes(t *testing.T) {
	read := func(data []byte) *File {
		f, err := Read(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	long := strings.Repeat("a", 60000)
	symbols := elftest.OverlappingSymbols(4000, 60000)
	for name, tt := range map[string]struct {
		data []byte
		read func(data []byte) error
		want string
	}{
		"a library that is needed often, with a long name": {
			elftest.File{Soname: long, Tags: repeated(4000, func(int) elftest.Tag { return elftest.Tag{Tag: elf.DT_NEEDED, Val: 1} })}.Bytes(),
			func(b []byte) error { _, err := read(b).Dynamic(); return err }, "longer than 4096 bytes",
		},
		"many libraries are needed": {
			elftest.File{Soname: "a", Tags: repeated(20000, func(int) elftest.Tag { return elftest.Tag{Tag: elf.DT_NEEDED, Val: 1} })}.Bytes(),
			func(b []byte) error { _, err := read(b).Dynamic(); return err }, "more than 4096 libraries",
		},
		"libraries whose names are parts of one": {
			elftest.File{Soname: long, Tags: repeated(4000, func(i int) elftest.Tag { return elftest.Tag{Tag: elf.DT_NEEDED, Val: uint64(60001 - 4000 + i)} })}.Bytes(),
			func(b []byte) error { _, err := Needed(bytes.NewReader(b), int64(len(b))); return err }, "together are longer than the file",
		},
		"versions whose names are parts of one": {
			overlappingVersions(20000), func(b []byte) error {
				f := read(b)
				d, err := f.Dynamic()
				if err == nil {
					_, err = f.versionNeeds(d)
				}
				return err
			}, "together are longer than the file",
		},
		"symbols whose names are parts of one, looked for": {
			symbols, func(b []byte) error { _, err := read(b).Imports([]string{"dlopen"}); return err }, "",
		},
		"symbols whose names are parts of one, summed up": {
			symbols, func(b []byte) error {
				_, err := Interface(bytes.NewReader(b), int64(len(b)))
				return err
			}, "",
		},
		"notes that overlap": {
			elftest.OverlappingSegments(elf.PT_NOTE, 1<<19), func(b []byte) error { _, err := read(b).ABITag(); return err }, "more notes than the limit",
		},
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			err := tt.read(tt.data)
			runtime.ReadMemStats(&after)
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			if n, most := after.TotalAlloc-before.TotalAlloc, uint64(8<<20+8*len(tt.data)); n > most {
				t.Errorf("%d bytes were allocated for a file of %d", n, len(tt.data))
			}
		})
	}
}

func repeated(n int, entry func(i int) elftest.Tag) []elftest.Tag {
	all := make([]elftest.Tag, n)
	for i := range all {
		all[i] = entry(i)
	}
	return all
}

// overlappingVersions returns a library that requires n versions of one library, whose names are parts of one
// text.
func overlappingVersions(n int) []byte {
	o := binary.LittleEndian
	text := strings.Repeat("v", n)
	file := elftest.File{Soname: text}.Bytes()
	at := uint64(len(file))
	file = elftest.File{Soname: text, Tags: []elftest.Tag{{Tag: elf.DT_VERNEED, Val: at + 32}}}.Bytes() // one more entry
	file = append(file, make([]byte, int(at)+32-len(file)+16+16*n)...)
	need := file[at+32:]
	o.PutUint16(need[2:], uint16(n))
	o.PutUint32(need[4:], uint32(n)) // the library: a short name
	o.PutUint32(need[8:], 16)
	for i := range n {
		aux := need[16+16*i:]
		o.PutUint32(aux[8:], uint32(n-4000+i%4000))
		o.PutUint32(aux[12:], 16)
	}
	o.PutUint64(file[64+32:], uint64(len(file))) // the segment has all of it
	return bytes.Clone(file)
}
