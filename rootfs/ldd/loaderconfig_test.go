package ldd

import (
	"context"
	debugelf "debug/elf"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/rootfs/ldd/elf"
)

// Several programs share the loader configuration of their image.
func TestLoaderConfigOf(t *testing.T) {
	lib := string(fakeELF{}.Bytes())
	x86 := &elf.Header{Machine: debugelf.EM_X86_64, Class: debugelf.ELFCLASS64, Order: binary.LittleEndian}
	conf := memFS{
		"etc/ld.so.cache": string(writeCache([]cacheEntry{{"liba.so", "/opt/a/liba.so", ""}}, x86)),
		"opt/a/liba.so":   lib, "usr/lib/libb.so": lib, "usr/lib/liba.so": lib,
	}
	resolve := func(prog fakeELF, more memFS, path string) *Closure {
		t.Helper()
		sys := sysroot(prog, more)
		c, err := Resolve(context.Background(), sys, Program{Path: path}, Env{})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	a := resolve(fakeELF{Needed: []string{"liba.so"}}, conf, "/bin/prog")
	b := resolve(fakeELF{Needed: []string{"libb.so"}}, memFS{"usr/lib/libb.so": lib}, "/bin/prog")
	// In a sysroot without the configuration, the same name leads to another file.
	other := resolve(fakeELF{Needed: []string{"liba.so"}}, memFS{"usr/lib/liba.so": lib}, "/bin/prog")
	static, err := Resolve(context.Background(), memFS{"bin/prog": lib}, Program{Path: "/bin/prog"}, Env{})
	if err != nil {
		t.Fatal(err)
	}

	name, content, needed, err := LoaderConfigOf(static, b, a)
	if err != nil || name != "/etc/ld.so.cache" || !needed {
		t.Fatalf("got %q, %t, %v", name, needed, err)
	}
	entries, err := parseCache(content, a.want)
	if err != nil {
		t.Fatal(err)
	}
	c := &cache{entries: entries}
	if c.first("liba.so") != "/opt/a/liba.so" || c.first("libb.so") != "/usr/lib/libb.so" {
		t.Errorf("entries %v", entries)
	}
	if _, _, needed, err := LoaderConfigOf(b, other); err != nil || needed {
		t.Errorf("for default folders: %t, %v", needed, err)
	}
	if name, _, _, err := LoaderConfigOf(static); name != "" || err != nil {
		t.Errorf("for a static program: %q, %v", name, err)
	}
	_, _, _, err = LoaderConfigOf(a, other)
	const want = `"liba.so" is "/usr/lib/liba.so" for "/bin/prog", but "/opt/a/liba.so" for another program`
	if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "\nfix: ") {
		t.Errorf("got %v, want %q", err, want)
	}
	musl := resolve(fakeELF{Needed: []string{"libb.so"}}, memFS{"lib64/ld-linux-x86-64.so.2": flavours["musl"], "usr/lib/libb.so": lib}, "/bin/prog")
	if _, _, _, err := LoaderConfigOf(a, musl); err == nil || !strings.Contains(err.Error(), "\nfix: ") {
		t.Errorf("glibc and musl: %v", err)
	}
	// Programs for two machines share the file, but each reads its own entries.
	again := *b
	again.want = &elf.Header{Machine: debugelf.EM_386, Class: debugelf.ELFCLASS32, Order: b.want.Order}
	_, content, _, err = LoaderConfigOf(a, &again)
	if err != nil {
		t.Fatal(err)
	}
	if entries, err := parseCache(content, again.want); err != nil || len(entries) == 0 || entries[len(entries)-1].key == "liba.so" {
		t.Errorf("entries of the second machine: %v, %v", entries, err)
	}
}

// The message for a missing version names both sides.
func TestVersionMessage(t *testing.T) {
	object := func(path, soname string) *checkedObject {
		return &checkedObject{Object: &Object{Path: path, Soname: soname}}
	}
	libc, cpp := object("/usr/lib/libc.so.6", "libc.so.6"), object("/usr/lib/libstdc++.so.6", "libstdc++.so.6")
	libc.defs = map[uint16]string{1: "libc.so.6", 2: "GLIBC_2.9", 3: "GLIBC_2.36", 4: "GLIBC_PRIVATE", 5: "GLIBC_2.2.5"}
	cpp.defs = map[uint16]string{2: "GLIBCXX_3.4", 3: "GLIBCXX_3.4.30", 4: "CXXABI_1.3.13"}
	for name, tt := range map[string]struct {
		lib           *checkedObject
		version, want string
	}{
		"glibc": {libc, "GLIBC_2.38", `"/app" needs GLIBC_2.38 of libc.so.6; the one in the sysroot (/usr/lib/libc.so.6) goes up to GLIBC_2.36
fix: build against glibc 2.36 or older, or take a sysroot with glibc 2.38 or newer`},
		"another library": {cpp, "GLIBCXX_3.4.32", `"/app" needs GLIBCXX_3.4.32 of libstdc++.so.6; the one in the sysroot (/usr/lib/libstdc++.so.6) goes up to GLIBCXX_3.4.30
fix: build against libstdc++.so.6 with GLIBCXX_3.4.30 or older, or take a sysroot whose libstdc++.so.6 has GLIBCXX_3.4.32 or newer`},
		"without a number": {libc, "GLIBC_ABI_DT_RELR", `"/app" needs GLIBC_ABI_DT_RELR of libc.so.6; the one in the sysroot (/usr/lib/libc.so.6) does not have it
fix: build against the libc.so.6 that goes into the image, or take a sysroot whose libc.so.6 has GLIBC_ABI_DT_RELR`},
		"an older one that is gone": {libc, "GLIBC_2.3", `"/app" needs GLIBC_2.3 of libc.so.6; the one in the sysroot (/usr/lib/libc.so.6) does not have it
fix: build against the libc.so.6 that goes into the image, or take a sysroot whose libc.so.6 has GLIBC_2.3`},
	} {
		t.Run(name, func(t *testing.T) {
			m := missingVersion{tt.version, tt.lib, object("/app", "")}
			if got := m.Error(); got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
	app := object("/app", "")
	all := []missingVersion{{"GLIBC_2.38", libc, app}, {"GLIBC_2.4", libc, app}, {"GLIBC_2.41", libc, app}, {"GLIBC_ABI_DT_RELR", libc, app}, {"CXXABI_1.4", cpp, app}}
	if got := newest(all); len(got) != 3 || got[0].name != "GLIBC_2.41" {
		t.Errorf("got %v", got)
	}
}
