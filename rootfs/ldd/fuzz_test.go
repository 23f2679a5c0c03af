package ldd

import (
	"bufio"
	"debug/elf"
	"encoding/binary"
	"errors"
	"io/fs"
	"path"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/rootfs/ldd/elf/elftest"
)

// FuzzELF reads all parts of an ELF file from arbitrary bytes.
func FuzzELF(f *testing.F) {
	f.Add(fakeELF{Needed: []string{"libc.so.6"}, Interp: "/lib/ld.so", Soname: "x", Rpath: "/r", Runpath: "$ORIGIN"}.Bytes())
	f.Add(fakeELF{Class32: true, Machine: elf.EM_386}.Bytes())
	f.Add(fakeELF{Big: true, Machine: elf.EM_S390}.Bytes())
	f.Add(fakeLoader)
	f.Add(withVersions())
	f.Add(elftest.WithNotes(fakeELF{}.Bytes(), elftest.DlopenNote(`[{"soname":["libz.so.1"]}]`), elftest.Note{Owner: "GNU\x00", Type: 5, Desc: []byte("\x02\x80\x00\xc0\x04\x00\x00\x00\x06\x00\x00\x00\x00\x00\x00\x00")}))
	f.Add(elftest.OverlappingSymbols(8, 16))
	f.Add(elftest.WithConstants(fakeELF{}.Bytes(), "libz.so.1", "x86-64-v4:x86-64-v3", "liba.so.1complex64libb.so.12"))
	want := &header{class: elf.ELFCLASS64, machine: elf.EM_X86_64, order: binary.LittleEndian}
	want.ident[elf.EI_DATA] = byte(elf.ELFDATA2LSB)
	f.Fuzz(func(t *testing.T, data []byte) {
		_, _ = Needed(bytesAt(data), int64(len(data)))
		_, _ = interfaceOf(bytesAt(data), int64(len(data)))
		_, _ = openVerify(&Content{ReaderAt: bytesAt(data), Size: int64(len(data))}, want)
		file, err := readELF(bytesAt(data), int64(len(data)))
		if err != nil {
			return
		}
		_, _ = file.interp()
		_, _ = readLoaderConf(file)
		_ = file.isaNeeded()
		_, _ = file.dlopenNotes()
		names, err := file.imports(openers)
		if err == nil && len(names) > len(openers) {
			t.Errorf("imports %q, asked for %q", names, openers)
		}
		_, _ = file.libraryNames()
		_ = file.texts(func(r *bufio.Reader) error {
			return readWindows(r, func(text []byte) {
				for s := range aroundSo(text) {
					if !strings.Contains(s, ".so") || len(nameStarts(s)) > len(s) {
						t.Errorf("%q is not a name", s)
					}
				}
			})
		})
		d, err := file.dynamic()
		if err != nil {
			return
		}
		_ = checkMappable(file, d)
		_, _ = file.versionNeeds(d)
		_, _ = file.versionDefs(d)
		bound, _ := file.bound(d)
		table, err := file.symbols(d, bound)
		if err != nil {
			return
		}
		for _, i := range bound {
			if s, ok := table.symbol(i); ok {
				_ = table.defines(s.name)
			}
		}
		_ = table.defines("stdin")
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
		file := &elfFile{header: header{order: binary.LittleEndian, machine: elf.EM_X86_64}}
		notes, _ := file.splitNotes(data, align)
		for _, n := range notes {
			if len(n.owner)+len(n.desc) > len(data) {
				t.Errorf("%+v is longer than the segment", n)
			}
			entries, err := parseDlopenNote(n.desc)
			for _, e := range entries {
				if len(e.sonames) == 0 || e.priority == "" {
					t.Errorf("got %+v, %v", e, err)
				}
			}
		}
	})
}

// withVersions returns a file whose dynamic section has tables of every kind that is read, all at the start of
// the file. The content is meaningless, but the fuzzer can change it.
func withVersions() []byte {
	return fakeELF{Tags: []elftest.Tag{
		{Tag: elf.DT_VERNEED, Val: 64}, {Tag: elf.DT_VERDEF, Val: 64}, {Tag: elf.DT_VERSYM, Val: 64}, {Tag: elf.DT_GNU_HASH, Val: 64},
		{Tag: elf.DT_RELA, Val: 64}, {Tag: elf.DT_RELASZ, Val: 48}, {Tag: elf.DT_JMPREL, Val: 64}, {Tag: elf.DT_PLTRELSZ, Val: 48}, {Tag: elf.DT_PLTREL, Val: uint64(elf.DT_RELA)},
	}}.Bytes()
}

// FuzzCache reads caches. A lookup must return what a linear search returns.
func FuzzCache(f *testing.F) {
	x86 := &header{class: elf.ELFCLASS64, machine: elf.EM_X86_64, order: binary.LittleEndian}
	i386 := &header{class: elf.ELFCLASS32, machine: elf.EM_386, order: binary.LittleEndian}
	f.Add(writeCache([]cacheEntry{{"liba.so.1", "/a", ""}, {"libb.so.01", "/b", ""}, {"libb.so.1", "/c", ""}}, x86), "libb.so.1")
	f.Add(writeCache([]cacheEntry{{"liba.so.1", "/a", ""}}, i386), "liba.so.01")
	old := cacheMagicOld + "\x00\x01\x00\x00\x00" + "\x03\x00\x00\x00" + "\x00\x00\x00\x00" + "\x05\x00\x00\x00" + "liba\x00/a\x00"
	f.Add([]byte(old), "liba")
	f.Add([]byte(old+strings.Repeat("\x00", 2)+string(writeCache([]cacheEntry{{"liba.so", "/n", ""}}, i386))), "liba.so")
	f.Fuzz(func(t *testing.T, data []byte, name string) {
		for _, h := range []*header{x86, i386} {
			entries, err := parseCache(data, h)
			if err != nil {
				continue
			}
			c := &cache{entries: entries}
			got := c.first(name)
			want := ""
			for _, e := range entries {
				if compareLib(name, e.key) == 0 && e.level == "" {
					want = e.value
					break
				}
			}
			if got != want && ascii(name, entries) {
				t.Errorf("find(%q) = %q; the first of %q is %q", name, got, entries, want)
			}
		}
	})
}

// ascii reports whether all names have only ASCII characters and short numbers. Other names have no consistent
// order (a C char is signed, and a number may wrap), in the loader as here.
func ascii(name string, entries []cacheEntry) bool {
	all := name
	for _, e := range entries {
		all += e.key
	}
	return !strings.ContainsFunc(all, func(r rune) bool { return r > '~' || r < ' ' }) && !strings.ContainsAny(all, "0123456789")
}

// FuzzWalk resolves a path in a tree of links: lines of "name target", or "name" for a file. The result must
// contain no link, and each reported link must be one.
func FuzzWalk(f *testing.F) {
	f.Add("usr/lib/a\nlib usr/lib\nx /lib/../lib/a", "/x")
	f.Add("a b\nb a", "/a/../b")
	f.Add("d/e/f\ng d/e/..\nh /g/./e//f", "/h")
	f.Add("self .\nfile", "/self/self/self/file")
	f.Add("up ../../..\netc/passwd", "/up/../etc/passwd")
	f.Fuzz(func(t *testing.T, tree, name string) {
		sys := memFS{}
		for _, line := range strings.Split(tree, "\n") {
			file, target, isLink := strings.Cut(line, " ")
			if !fs.ValidPath(file) || file == "." {
				continue
			}
			sys[file] = "content"
			if isLink {
				sys[file] = "-> " + target
			}
		}
		real, links, err := Follow(sys, name)
		if err != nil {
			return
		}
		if len(links) > maxLinks || !path.IsAbs(real) || path.Clean(real) != real {
			t.Fatalf("Follow(%q) = %q by %d links", name, real, len(links))
		}
		for p := real; p != "/"; p = path.Dir(p) {
			if info, err := sys.Lstat(relative(p)); err != nil || info.Mode()&fs.ModeSymlink != 0 {
				t.Fatalf("Follow(%q) = %q, but %q is a link or missing: %v", name, real, p, err)
			}
		}
		for _, l := range links {
			if target, err := sys.ReadLink(relative(l.Path)); err != nil || target != l.Target {
				t.Errorf("%v is not a link: %v", l, err)
			}
		}
		again, more, err := Follow(sys, real)
		if err != nil || again != real || len(more) != 0 {
			t.Errorf("Follow(%q) = %q, %v, %v", real, again, more, err)
		}
		if errors.Is(err, fs.ErrInvalid) {
			t.Errorf("an invalid name was asked for: %v", err)
		}
	})
}
