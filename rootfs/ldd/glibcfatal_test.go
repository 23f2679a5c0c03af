//go:build linux && amd64

package ldd

import (
	"debug/elf"
	"encoding/binary"
	"maps"
	"strings"

	"github.com/fromscratch-go/fromscratch/rootfs/ldd/elf/elftest"
)

func init() { maps.Copy(ruleCases, fatalCases); maps.Copy(ruleCases, moreCases) }

// fatalCases have files that end the loader's search with an error.
var fatalCases = map[string]ruleCase{
	"a text file is fatal": {
		prog:  fakeELF{Needed: []string{"liba.so"}, Runpath: "{d}/text:{d}/lib"},
		libs:  map[string]fakeELF{"lib/liba.so": {}},
		texts: map[string]string{"text/liba.so": "INPUT(liba.so.1) and more, so that it is longer than an ELF header is"},
		fatal: "{d}/text/liba.so",
	},
	"an empty file is fatal": {
		prog:  fakeELF{Needed: []string{"liba.so"}, Runpath: "{d}/text:{d}/lib"},
		libs:  map[string]fakeELF{"lib/liba.so": {}},
		texts: map[string]string{"text/liba.so": ""},
		fatal: "{d}/text/liba.so",
	},
	"a folder is fatal": {
		prog:  fakeELF{Needed: []string{"liba.so"}, Runpath: "{d}/text:{d}/lib"},
		libs:  map[string]fakeELF{"lib/liba.so": {}},
		dirs:  []string{"text/liba.so"},
		fatal: "{d}/text/liba.so",
	},
	"the other byte order is fatal": {
		prog:  fakeELF{Needed: []string{"liba.so"}, Runpath: "{d}/lib"},
		libs:  map[string]fakeELF{"lib/liba.so": {Big: true}},
		fatal: "{d}/lib/liba.so",
	},
	"an executable is fatal": {
		prog:  fakeELF{Needed: []string{"liba.so"}, Runpath: "{d}/lib"},
		libs:  map[string]fakeELF{"lib/liba.so": {Type: elf.ET_EXEC}},
		fatal: "{d}/lib/liba.so",
	},
	"a position independent executable is fatal": {
		prog:  fakeELF{Needed: []string{"liba.so"}, Runpath: "{d}/lib"},
		libs:  map[string]fakeELF{"lib/liba.so": {Flags1: pieFlag}},
		fatal: "{d}/lib/liba.so",
	},
	"an object file is fatal": {
		prog:  fakeELF{Needed: []string{"liba.so"}, Runpath: "{d}/lib"},
		libs:  map[string]fakeELF{"lib/liba.so": {Type: elf.ET_REL}},
		fatal: "{d}/lib/liba.so",
	},
	"no dynamic section is fatal": {
		prog:  fakeELF{Needed: []string{"liba.so"}, Runpath: "{d}/lib"},
		libs:  map[string]fakeELF{"lib/liba.so": {Change: func(f []byte) { f[64+56] = byte(elf.PT_NULL) }}},
		fatal: "{d}/lib/liba.so",
	},
	"an ABI version is fatal": {
		prog:  fakeELF{Needed: []string{"liba.so"}, Runpath: "{d}/lib"},
		libs:  map[string]fakeELF{"lib/liba.so": {Change: func(f []byte) { f[elf.EI_ABIVERSION] = 1 }}},
		fatal: "{d}/lib/liba.so",
	},
	"another OS ABI is fatal": {
		prog:  fakeELF{Needed: []string{"liba.so"}, Runpath: "{d}/lib"},
		libs:  map[string]fakeELF{"lib/liba.so": {Change: func(f []byte) { f[elf.EI_OSABI] = byte(elf.ELFOSABI_FREEBSD) }}},
		fatal: "{d}/lib/liba.so",
	},
	"padding is fatal": {
		prog:  fakeELF{Needed: []string{"liba.so"}, Runpath: "{d}/lib"},
		libs:  map[string]fakeELF{"lib/liba.so": {Change: func(f []byte) { f[12] = 1 }}},
		fatal: "{d}/lib/liba.so",
	},
	"another file version in the ident is fatal": {
		prog:  fakeELF{Needed: []string{"liba.so"}, Runpath: "{d}/lib"},
		libs:  map[string]fakeELF{"lib/liba.so": {Change: func(f []byte) { f[elf.EI_VERSION] = 2 }}},
		fatal: "{d}/lib/liba.so",
	},
	"another file version in the header is fatal": {
		prog:  fakeELF{Needed: []string{"liba.so"}, Runpath: "{d}/lib"},
		libs:  map[string]fakeELF{"lib/liba.so": {Change: func(f []byte) { f[20] = 2 }}},
		fatal: "{d}/lib/liba.so",
	},
	"another size of program headers is fatal": {
		prog:  fakeELF{Needed: []string{"liba.so"}, Runpath: "{d}/lib"},
		libs:  map[string]fakeELF{"lib/liba.so": {Change: func(f []byte) { f[54] = 57 }}},
		fatal: "{d}/lib/liba.so",
	},
	"an ABI version of the future is fatal": {
		prog:  fakeELF{Needed: []string{"liba.so"}, Runpath: "{d}/lib"},
		libs:  map[string]fakeELF{"lib/liba.so": {Change: func(f []byte) { f[elf.EI_OSABI], f[elf.EI_ABIVERSION] = 3, 200 }}},
		fatal: "{d}/lib/liba.so",
	},
	"an empty dynamic section is fatal": {
		prog:  fakeELF{Needed: []string{"liba.so"}, Runpath: "{d}/lib"},
		libs:  map[string]fakeELF{"lib/liba.so": {Change: func(f []byte) { binary.LittleEndian.PutUint64(f[64+56+32:], 0) }}},
		fatal: "{d}/lib/liba.so",
	},
	"no segment to load is fatal": {
		prog:  fakeELF{Needed: []string{"liba.so"}, Runpath: "{d}/lib"},
		libs:  map[string]fakeELF{"lib/liba.so": {Change: func(f []byte) { f[64] = byte(elf.PT_NULL) }}},
		fatal: "{d}/lib/liba.so",
	},
	"less than a header is fatal": {
		prog:  fakeELF{Needed: []string{"liba.so"}, Runpath: "{d}/text:{d}/lib"},
		libs:  map[string]fakeELF{"lib/liba.so": {}},
		texts: map[string]string{"text/liba.so": "\x7fELF\x02\x01\x01"},
		fatal: "{d}/text/liba.so",
	},
	"a folder by its path is fatal": {
		prog:  fakeELF{Needed: []string{"{d}/lib"}},
		dirs:  []string{"lib"},
		fatal: "{d}/lib",
	},
}

// moreCases are rarer rules.
var moreCases = map[string]ruleCase{
	"an ABI version that is known": {
		prog: fakeELF{Needed: []string{"liba.so"}, Runpath: "{d}/lib"},
		libs: map[string]fakeELF{"lib/liba.so": {Change: func(f []byte) { f[elf.EI_OSABI], f[elf.EI_ABIVERSION] = 3, 1 }}},
		want: []string{"liba.so => {d}/lib/liba.so"},
	},
	"an empty RUNPATH switches RPATH off": {
		prog: fakeELF{Needed: []string{"liba.so"}, Rpath: "{d}/lib", Tags: []elftest.Tag{{Tag: elf.DT_RUNPATH, Val: 0}}},
		libs: map[string]fakeELF{"lib/liba.so": {}},
		want: []string{"missing liba.so"},
	},
	"LIB with braces": {
		prog: fakeELF{Needed: []string{"liba.so"}, Runpath: "{d}/${LIB}x:{d}/${LIB}"},
		libs: map[string]fakeELF{"lib/x86_64-linux-gnu/liba.so": {}, "lib64/liba.so": {}},
	},
	"PLATFORM of the oldest CPU": {
		prog: fakeELF{Needed: []string{"liba.so", "libb.so"}, Runpath: "{d}/$PLATFORM:{d}/x${PLATFORM}x"},
		libs: map[string]fakeELF{"x86_64/liba.so": {}, "haswell/liba.so": {}, "xx86_64x/libb.so": {}},
		want: []string{"liba.so => {d}/x86_64/liba.so", "libb.so => {d}/xx86_64x/libb.so"},
	},
	"folders for capabilities of newer CPUs": {
		prog: fakeELF{Needed: []string{"liba.so"}, Runpath: "{d}/lib"},
		libs: map[string]fakeELF{"lib/liba.so": {}, "lib/haswell/liba.so": {}, "lib/tls/haswell/liba.so": {}, "lib/haswell/x86_64/liba.so": {}},
		want: []string{"liba.so => {d}/lib/liba.so"},
	},
	"an unclosed brace is no token": {
		prog: fakeELF{Needed: []string{"liba.so"}, Runpath: "{d}/${LIB:{d}/$ORIGIN_"},
		libs: map[string]fakeELF{"${LIB/liba.so": {}},
		want: []string{"liba.so => {d}/${LIB/liba.so"},
	},
	"an empty element of LD_LIBRARY_PATH": {
		prog: fakeELF{Needed: []string{"liba.so"}},
		libs: map[string]fakeELF{"cwd/liba.so": {}, "lib/liba.so": {}},
		env:  Env{LibraryPath: "/nowhere::{d}/lib", Workdir: "{d}/cwd"},
		want: []string{"liba.so => {d}/cwd/liba.so"},
	},
	"a relative element": {
		prog: fakeELF{Needed: []string{"liba.so"}, Runpath: "sub//:{d}/lib"},
		libs: map[string]fakeELF{"cwd/sub/liba.so": {Needed: []string{"libb.so"}, Runpath: "$ORIGIN"}, "cwd/sub/libb.so": {}},
		env:  Env{Workdir: "{d}/cwd"},
	},
	"hard links are one file": {
		prog: fakeELF{Needed: []string{"liba.so", "libb.so"}, Runpath: "{d}/lib"},
		libs: map[string]fakeELF{"lib/liba.so": {}},
		hard: map[string]string{"lib/libb.so": "lib/liba.so"},
		want: []string{"liba.so => {d}/lib/liba.so"},
	},
	"two spellings of one folder": {
		prog:  fakeELF{Needed: []string{"liba.so", "libx.so"}, Rpath: "{d}/lib"},
		libs:  map[string]fakeELF{"lib/liba.so": {}, "lib/libx.so": {Needed: []string{"{d}/other/liba.so", "libb.so"}, Runpath: "{d}/other"}, "lib/libb.so": {}},
		links: map[string]string{"other": "lib"},
		want:  []string{"liba.so => {d}/lib/liba.so", "libx.so => {d}/lib/libx.so", "libb.so => {d}/other/libb.so"},
	},
	"libraries that need each other": {
		prog: fakeELF{Needed: []string{"liba.so", "liba.so"}, Rpath: "{d}/lib"},
		libs: map[string]fakeELF{"lib/liba.so": {Needed: []string{"libb.so"}}, "lib/libb.so": {Needed: []string{"liba.so", "libb.so"}}},
		want: []string{"liba.so => {d}/lib/liba.so", "libb.so => {d}/lib/libb.so"},
	},
	"breadth first": {
		prog: fakeELF{Needed: []string{"liba.so", "libb.so"}, Rpath: "{d}/lib"},
		libs: map[string]fakeELF{
			"lib/liba.so": {Needed: []string{"libx.so"}}, "lib/libb.so": {Needed: []string{"liby.so"}},
			"lib/libx.so": {Needed: []string{"libz.so.9"}}, "lib/liby.so": {}, "lib/libz.so.9": {},
		},
		want: []string{"liba.so => {d}/lib/liba.so", "libb.so => {d}/lib/libb.so", "libx.so => {d}/lib/libx.so",
			"liby.so => {d}/lib/liby.so", "libz.so.9 => {d}/lib/libz.so.9"},
	},
	"a link through a file ends the list": {
		prog:  fakeELF{Needed: []string{"liba.so"}, Runpath: "{d}/bad:{d}/lib"},
		libs:  map[string]fakeELF{"lib/liba.so": {}},
		texts: map[string]string{"text": "x"},
		links: map[string]string{"bad/liba.so": "../text/liba.so"},
		bound: true, // missing with loaders up to 2.36
	},
	"a path with a trailing slash": {
		prog: fakeELF{Needed: []string{"{d}/lib/liba.so/"}},
		libs: map[string]fakeELF{"lib/liba.so": {}},
		want: []string{"missing {d}/lib/liba.so/"},
	},
	"a search path that is too long": {
		prog: fakeELF{Needed: []string{"liba.so"}, Runpath: "{d}/" + strings.Repeat("a/", 2100) + ":{d}/lib"},
		libs: map[string]fakeELF{"lib/liba.so": {}},
	},
	"a name that is empty": {
		prog: fakeELF{Needed: []string{"", "liba.so"}, Runpath: "{d}/lib"},
		libs: map[string]fakeELF{"lib/liba.so": {}},
	},
	"NODEFLIB of a library": {
		prog: fakeELF{Needed: []string{"liba.so", "libm.so.6"}, Rpath: "{d}/lib"},
		libs: map[string]fakeELF{"lib/liba.so": {Needed: []string{"libdl.so.2", "libb.so"}, Flags1: uint64(elf.DF_1_NODEFLIB)}, "lib/libb.so": {}},
		want: []string{"liba.so => {d}/lib/liba.so", "libm.so.6 => /lib/x86_64-linux-gnu/libm.so.6", "libb.so => {d}/lib/libb.so",
			"libc.so.6 => /lib/x86_64-linux-gnu/libc.so.6", "missing libdl.so.2"},
	},
	"an auxiliary library that is damaged": {
		prog:  fakeELF{Needed: []string{"liba.so"}, Rpath: "{d}/lib"},
		libs:  map[string]fakeELF{"lib/liba.so": {Aux: []string{"libaux.so"}, Needed: []string{"libb.so"}}, "lib/libb.so": {}},
		texts: map[string]string{"lib/libaux.so": "not a library at all, and longer than the header of one would be"},
		bound: true, // it is absent in the image, and the loader prints a message
	},
	"an auxiliary library that lacks one": {
		prog: fakeELF{Needed: []string{"liba.so"}, Rpath: "{d}/lib"},
		libs: map[string]fakeELF{"lib/liba.so": {Aux: []string{"libaux.so"}}, "lib/libaux.so": {Needed: []string{"libnone.so"}}},
		want: []string{"libaux.so => {d}/lib/libaux.so", "liba.so => {d}/lib/liba.so", "missing libnone.so"},
	},
	"a soname that another library is asked for by later": {
		prog: fakeELF{Needed: []string{"liba.so", "libb.so"}, Rpath: "{d}/lib"},
		libs: map[string]fakeELF{
			"lib/liba.so": {Soname: "libx.so", Needed: []string{"libx.so"}}, "lib/libb.so": {Soname: "liba.so", Needed: []string{"liba.so"}},
			"lib/libx.so": {},
		},
	},
	"a path that ends in dots": {
		prog: fakeELF{Needed: []string{"liba.so"}, Runpath: "{d}/lib/../lib/.:/nowhere"},
		libs: map[string]fakeELF{"lib/liba.so": {Needed: []string{"libb.so"}, Runpath: "$ORIGIN/../lib/."}, "lib/libb.so": {}},
	},
}
