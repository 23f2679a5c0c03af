package ldd

import (
	debugelf "debug/elf"
	"encoding/binary"
	"errors"
	"io/fs"
	"path"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/rootfs/ldd/elf"
	"github.com/fromscratch-go/fromscratch/rootfs/ldd/elf/elftest"
)

// FuzzLoader makes the checks of the loaders with arbitrary bytes, as a library and as a loader.
func FuzzLoader(f *testing.F) {
	f.Add(fakeELF{Needed: []string{"libc.so.6"}, Soname: "x"}.Bytes())
	f.Add(fakeELF{Class32: true, Machine: debugelf.EM_386}.Bytes())
	f.Add(fakeLoader)
	f.Add(elftest.WithNotes(fakeELF{}.Bytes(), elftest.Note{Owner: "GNU\x00", Type: 1, Desc: make([]byte, 16)}))
	f.Add(elftest.WithConstants(fakeELF{}.Bytes(), "x86-64-v4:x86-64-v3"))
	want := &elf.Header{Class: debugelf.ELFCLASS64, Machine: debugelf.EM_X86_64, Order: binary.LittleEndian}
	want.Ident[debugelf.EI_DATA] = byte(debugelf.ELFDATA2LSB)
	f.Fuzz(func(t *testing.T, data []byte) {
		_, _ = openVerify(&Content{ReaderAt: bytesAt(data), Size: int64(len(data))}, want)
		file, err := elf.Read(bytesAt(data), int64(len(data)))
		if err != nil {
			return
		}
		_, _ = readLoaderConf(file)
		_, _ = file.GoTexts(func(text string) bool {
			if len(nameStarts(text)) > len(text) {
				t.Errorf("%q has too many names", text)
			}
			return true
		})
		if d, err := file.Dynamic(); err == nil {
			_ = checkMappable(file, d)
		}
	})
}

// FuzzCache reads caches. A lookup must return what a linear search returns.
func FuzzCache(f *testing.F) {
	x86 := &elf.Header{Class: debugelf.ELFCLASS64, Machine: debugelf.EM_X86_64, Order: binary.LittleEndian}
	i386 := &elf.Header{Class: debugelf.ELFCLASS32, Machine: debugelf.EM_386, Order: binary.LittleEndian}
	f.Add(writeCache([]cacheEntry{{"liba.so.1", "/a", ""}, {"libb.so.01", "/b", ""}, {"libb.so.1", "/c", ""}}, x86), "libb.so.1")
	f.Add(writeCache([]cacheEntry{{"liba.so.1", "/a", ""}}, i386), "liba.so.01")
	old := cacheMagicOld + "\x00\x01\x00\x00\x00" + "\x03\x00\x00\x00" + "\x00\x00\x00\x00" + "\x05\x00\x00\x00" + "liba\x00/a\x00"
	f.Add([]byte(old), "liba")
	f.Add([]byte(old+strings.Repeat("\x00", 2)+string(writeCache([]cacheEntry{{"liba.so", "/n", ""}}, i386))), "liba.so")
	f.Fuzz(func(t *testing.T, data []byte, name string) {
		for _, h := range []*elf.Header{x86, i386} {
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
