//go:build linux && amd64

package ldd

import (
	"debug/elf"
	"strings"
)

const glibcLoader = "/lib64/ld-linux-x86-64.so.2"

// ruleCase is a made-up tree of files in which one rule of a loader decides. In all strings, {d} is the folder
// of the tree. The program is {d}/bin/prog.
type ruleCase struct {
	prog  fakeELF
	libs  map[string]fakeELF // by path below {d}
	texts map[string]string  // files that are not ELF files
	links map[string]string  // path below {d} => target
	hard  map[string]string  // path below {d} => path of the same file
	dirs  []string
	env   Env
	want  []string // in load order; "missing NAME" at the end
	fatal string   // the file that ends the search, instead of want
	bound bool     // tied to this machine: it cannot be shipped or would not be found as before
}

var ruleCases = map[string]ruleCase{
	"LD_PRELOAD": {
		prog: fakeELF{Needed: []string{"liba.so", "libb.so"}, Runpath: "{d}/lib"},
		libs: map[string]fakeELF{
			"lib/liba.so": {Needed: []string{"libx.so"}, Runpath: "{d}/lib"}, "lib/libb.so": {}, "lib/libx.so": {},
			"opt/pre.so": {Needed: []string{"libp.so"}, Runpath: "$ORIGIN"}, "opt/libp.so": {}, "lib/libq.so": {Soname: "libb.so"},
		},
		env: Env{Preload: "{d}/opt/pre.so: libq.so  ::{d}/opt/pre.so"},
		want: []string{
			"{d}/opt/pre.so => {d}/opt/pre.so", "libq.so => {d}/lib/libq.so", "liba.so => {d}/lib/liba.so",
			"libp.so => {d}/opt/libp.so", "libx.so => {d}/lib/libx.so",
		},
	},
	"preloaded files that are missing or not libraries": {
		prog:  fakeELF{Needed: []string{"liba.so"}, Runpath: "{d}/lib"},
		libs:  map[string]fakeELF{"lib/liba.so": {}, "lib/other.so": {Machine: elf.EM_AARCH64}, "lib/pie.so": {Flags1: pieFlag}},
		texts: map[string]string{"lib/text.so": strings.Repeat("this is no library ", 9)},
		env:   Env{Preload: "libnone.so text.so pie.so {d}/gone.so other.so liba.so"},
		want:  []string{"liba.so => {d}/lib/liba.so", "missing {d}/gone.so", "missing libnone.so", "missing other.so"},
		bound: true, // the image has none of them
	},
	"a preloaded library lacks another": {
		prog: fakeELF{Needed: []string{"liba.so"}, Runpath: "{d}/lib"},
		libs: map[string]fakeELF{"lib/pre.so": {Needed: []string{"libnone.so"}}, "lib/liba.so": {}},
		env:  Env{Preload: "pre.so"},
		want: []string{"pre.so => {d}/lib/pre.so", "liba.so => {d}/lib/liba.so", "missing libnone.so"},
	},
	"tokens in LD_PRELOAD": {
		prog: fakeELF{Needed: []string{"liba.so"}, Runpath: "{d}/lib"},
		libs: map[string]fakeELF{"bin/pre.so": {}, "lib/liba.so": {}, "lib/$LIB": {}},
		env:  Env{Preload: "$ORIGIN/pre.so:${ORIGIN}/../bin/pre.so:$LIB"},
		want: []string{"$ORIGIN/pre.so => {d}/bin/pre.so", "$LIB => {d}/lib/$LIB", "liba.so => {d}/lib/liba.so"},
	},
	"RPATH is inherited": {
		prog: fakeELF{Needed: []string{"liba.so"}, Rpath: "{d}/lib"},
		libs: map[string]fakeELF{"lib/liba.so": {Needed: []string{"libb.so"}}, "lib/libb.so": {}},
		want: []string{"liba.so => {d}/lib/liba.so", "libb.so => {d}/lib/libb.so"},
	},
	"RUNPATH is not inherited": {
		prog: fakeELF{Needed: []string{"liba.so"}, Runpath: "{d}/lib"},
		libs: map[string]fakeELF{"lib/liba.so": {Needed: []string{"libb.so"}}, "lib/libb.so": {}},
		want: []string{"liba.so => {d}/lib/liba.so", "missing libb.so"},
	},
	"RUNPATH disables RPATH of the same object": {
		prog: fakeELF{Needed: []string{"liba.so"}, Rpath: "{d}/lib", Runpath: "{d}/other"},
		libs: map[string]fakeELF{"lib/liba.so": {}},
		want: []string{"missing liba.so"},
	},
	"an object with RUNPATH does not use the RPATH of its loading object": {
		prog: fakeELF{Needed: []string{"liba.so"}, Rpath: "{d}/lib"},
		libs: map[string]fakeELF{"lib/liba.so": {Needed: []string{"libb.so"}, Runpath: "{d}/other"}, "lib/libb.so": {}},
		want: []string{"liba.so => {d}/lib/liba.so", "missing libb.so"},
	},
	"RPATH reaches over an object with RUNPATH": {
		prog: fakeELF{Needed: []string{"liba.so"}, Rpath: "{d}/lib"},
		libs: map[string]fakeELF{
			"lib/liba.so":   {Needed: []string{"libb.so"}, Runpath: "{d}/other"},
			"other/libb.so": {Needed: []string{"libx.so"}},
			"lib/libx.so":   {},
		},
		want: []string{"liba.so => {d}/lib/liba.so", "libb.so => {d}/other/libb.so", "libx.so => {d}/lib/libx.so"},
	},
	"RPATH of the requester comes before that of main": {
		prog: fakeELF{Needed: []string{"liba.so"}, Rpath: "{d}/lib"},
		libs: map[string]fakeELF{
			"lib/liba.so": {Needed: []string{"libb.so"}, Rpath: "{d}/own"}, "lib/libb.so": {}, "own/libb.so": {},
		},
		want: []string{"liba.so => {d}/lib/liba.so", "libb.so => {d}/own/libb.so"},
	},
	"the first object that loads a library determines its search path": {
		prog: fakeELF{Needed: []string{"liba.so", "libb.so"}, Runpath: "{d}/lib"},
		libs: map[string]fakeELF{
			"lib/liba.so": {Needed: []string{"libx.so"}, Rpath: "{d}/a"},
			"lib/libb.so": {Needed: []string{"libx.so"}, Rpath: "{d}/b"},
			"a/libx.so":   {Needed: []string{"liby.so"}},
			"b/libx.so":   {}, "b/liby.so": {},
		},
		want: []string{"liba.so => {d}/lib/liba.so", "libb.so => {d}/lib/libb.so", "libx.so => {d}/a/libx.so", "missing liby.so"},
	},
	"RPATH before LD_LIBRARY_PATH": {
		prog: fakeELF{Needed: []string{"liba.so"}, Rpath: "{d}/r"},
		libs: map[string]fakeELF{"r/liba.so": {}, "env/liba.so": {}},
		env:  Env{LibraryPath: "{d}/env"},
		want: []string{"liba.so => {d}/r/liba.so"},
	},
	"LD_LIBRARY_PATH before RUNPATH": {
		prog: fakeELF{Needed: []string{"liba.so"}, Runpath: "{d}/r"},
		libs: map[string]fakeELF{"r/liba.so": {}, "env/liba.so": {}},
		env:  Env{LibraryPath: "/nowhere;{d}/env"},
		want: []string{"liba.so => {d}/env/liba.so"},
	},
	"tokens in LD_LIBRARY_PATH are those of main": {
		prog: fakeELF{Needed: []string{"liba.so"}},
		libs: map[string]fakeELF{"lib/liba.so": {Needed: []string{"libb.so"}}, "lib/libb.so": {}},
		env:  Env{LibraryPath: "$ORIGIN/../lib"},
		want: []string{"liba.so => {d}/bin/../lib/liba.so", "libb.so => {d}/bin/../lib/libb.so"},
	},
	"ORIGIN of main with braces": {
		prog: fakeELF{Needed: []string{"liba.so"}, Runpath: "${ORIGIN}/../lib"},
		libs: map[string]fakeELF{"lib/liba.so": {}},
		want: []string{"liba.so => {d}/bin/../lib/liba.so"},
	},
	"ORIGINAL is no token": {
		prog: fakeELF{Needed: []string{"liba.so"}, Runpath: "$ORIGINAL:{d}/$ORIGINAL"},
		libs: map[string]fakeELF{"$ORIGINAL/liba.so": {}},
		want: []string{"liba.so => {d}/$ORIGINAL/liba.so"},
	},
	"LIB is compiled into the loader": {
		prog: fakeELF{Needed: []string{"liba.so"}, Runpath: "{d}/$LIB"},
		libs: map[string]fakeELF{"lib/x86_64-linux-gnu/liba.so": {}, "lib64/liba.so": {}, "lib/liba.so": {}},
	},
	"ORIGIN of a library is not canonical": {
		prog:  fakeELF{Needed: []string{"liba.so"}, Runpath: "{d}/lib"},
		libs:  map[string]fakeELF{"real/liba.so": {Needed: []string{"libb.so"}, Runpath: "$ORIGIN"}, "lib/libb.so": {}, "real/libb.so": {}},
		links: map[string]string{"lib/liba.so": "../real/liba.so"},
		want:  []string{"liba.so => {d}/lib/liba.so", "libb.so => {d}/lib/libb.so"},
	},
	"a link to a folder and dots": {
		prog:  fakeELF{Needed: []string{"liba.so"}, Runpath: "{d}/deep/link/../lib//"},
		libs:  map[string]fakeELF{"real/lib/liba.so": {}, "deep/lib/liba.so": {}},
		links: map[string]string{"deep/link": "../real/sub"},
		dirs:  []string{"real/sub"},
		want:  []string{"liba.so => {d}/deep/link/../lib/liba.so"},
	},
	"a later name matches a soname": {
		prog: fakeELF{Needed: []string{"liba.so", "libb.so.1"}, Runpath: "{d}/lib"},
		libs: map[string]fakeELF{"lib/liba.so": {Soname: "libb.so.1"}, "lib/libb.so.1": {}},
		want: []string{"liba.so => {d}/lib/liba.so"},
	},
	"one soname under two names is loaded twice": {
		prog: fakeELF{Needed: []string{"liba.so", "libb.so"}, Runpath: "{d}/lib"},
		libs: map[string]fakeELF{"lib/liba.so": {Soname: "libx.so"}, "lib/libb.so": {Soname: "libx.so", Flags1: 1}},
		want: []string{"liba.so => {d}/lib/liba.so", "libb.so => {d}/lib/libb.so"},
	},
	"one file under two names is loaded once": {
		prog:  fakeELF{Needed: []string{"liba.so", "libb.so", "libx.so"}, Runpath: "{d}/lib"},
		libs:  map[string]fakeELF{"lib/liba.so": {}, "lib/libx.so": {Needed: []string{"libb.so"}}},
		links: map[string]string{"lib/libb.so": "liba.so"},
		want:  []string{"liba.so => {d}/lib/liba.so", "libx.so => {d}/lib/libx.so"},
	},
	"one file by a path with dots": {
		prog: fakeELF{Needed: []string{"liba.so", "{d}/deep/er/../../lib/liba.so"}, Runpath: "{d}/lib"},
		libs: map[string]fakeELF{"lib/liba.so": {}},
		dirs: []string{"deep/er"},
		want: []string{"liba.so => {d}/lib/liba.so"},
	},
	"the program itself under another name is a second object": {
		prog:  fakeELF{Needed: []string{"{d}/bin/other"}},
		links: map[string]string{"bin/other": "prog"},
		want:  []string{"{d}/bin/other => {d}/bin/other"},
	},
	"the soname of main counts": {
		prog: fakeELF{Needed: []string{"liba.so", "libmain.so"}, Runpath: "{d}/lib", Soname: "libmain.so"},
		libs: map[string]fakeELF{"lib/liba.so": {}, "lib/libmain.so": {}},
		want: []string{"liba.so => {d}/lib/liba.so"},
	},
	"the loader by its soname": {
		prog: fakeELF{Needed: []string{"ld-linux-x86-64.so.2", "liba.so"}, Runpath: "{d}/lib"},
		libs: map[string]fakeELF{"lib/liba.so": {Needed: []string{glibcLoader}}, "lib/ld-linux-x86-64.so.2": {}},
		want: []string{"liba.so => {d}/lib/liba.so"},
	},
	"breadth first": {
		prog: fakeELF{Needed: []string{"liba.so", "libb.so"}, Rpath: "{d}/lib"},
		libs: map[string]fakeELF{
			"lib/liba.so": {Needed: []string{"libx.so", "libb.so"}}, "lib/libb.so": {Needed: []string{"liby.so"}},
			"lib/libx.so": {Needed: []string{"libz.so.9"}}, "lib/liby.so": {}, "lib/libz.so.9": {},
		},
		want: []string{
			"liba.so => {d}/lib/liba.so", "libb.so => {d}/lib/libb.so", "libx.so => {d}/lib/libx.so",
			"liby.so => {d}/lib/liby.so", "libz.so.9 => {d}/lib/libz.so.9",
		},
	},
	"several are missing": {
		prog: fakeELF{Needed: []string{"libnope.so.1", "liba.so", "libnada.so"}, Rpath: "{d}/lib"},
		libs: map[string]fakeELF{"lib/liba.so": {Needed: []string{"libnope.so.1", "libnil.so"}}},
		want: []string{"liba.so => {d}/lib/liba.so", "missing libnada.so", "missing libnil.so", "missing libnope.so.1"},
	},
	"another class is skipped": {
		prog: fakeELF{Needed: []string{"liba.so"}, Runpath: "{d}/lib32:{d}/lib"},
		libs: map[string]fakeELF{"lib32/liba.so": {Class32: true, Machine: elf.EM_386}, "lib/liba.so": {}},
		want: []string{"liba.so => {d}/lib/liba.so"},
	},
	"another machine is skipped": {
		prog: fakeELF{Needed: []string{"liba.so"}, Runpath: "{d}/arm:{d}/lib"},
		libs: map[string]fakeELF{"arm/liba.so": {Machine: elf.EM_AARCH64}, "lib/liba.so": {}},
		want: []string{"liba.so => {d}/lib/liba.so"},
	},
	"only another machine": {
		prog: fakeELF{Needed: []string{"liba.so"}, Runpath: "{d}/arm"},
		libs: map[string]fakeELF{"arm/liba.so": {Machine: elf.EM_AARCH64}},
		want: []string{"missing liba.so"},
	},
	"a path": {
		prog: fakeELF{Needed: []string{"{d}/x/liba.so", "libb.so"}, Rpath: "{d}/lib"},
		libs: map[string]fakeELF{"x/liba.so": {Soname: "libb.so"}},
		want: []string{"{d}/x/liba.so => {d}/x/liba.so"},
	},
	"a relative path": {
		prog: fakeELF{Needed: []string{"x/liba.so"}},
		libs: map[string]fakeELF{"x/liba.so": {}},
		env:  Env{Workdir: "{d}"},
		want: []string{"x/liba.so => {d}/x/liba.so"},
	},
	"a path with ORIGIN": {
		prog: fakeELF{Needed: []string{"$ORIGIN/../x/liba.so"}},
		libs: map[string]fakeELF{"x/liba.so": {Needed: []string{"$ORIGIN/libb.so"}}, "x/libb.so": {}},
		want: []string{"{d}/bin/../x/liba.so => {d}/bin/../x/liba.so", "{d}/bin/../x/libb.so => {d}/bin/../x/libb.so"},
	},
	"a path that is not there": {
		prog: fakeELF{Needed: []string{"{d}/x/liba.so"}},
		want: []string{"missing {d}/x/liba.so"},
	},
	"an empty element is the working directory": {
		prog: fakeELF{Needed: []string{"liba.so"}, Runpath: "/nowhere::{d}/lib"},
		libs: map[string]fakeELF{"cwd/liba.so": {}, "lib/liba.so": {}},
		env:  Env{Workdir: "{d}/cwd"},
		want: []string{"liba.so => {d}/cwd/liba.so"},
	},
	"NODEFLIB hides the default folders": {
		prog: fakeELF{Needed: []string{"libm.so.6"}, Flags1: uint64(elf.DF_1_NODEFLIB)},
		want: []string{"missing libm.so.6"},
	},
	"a loop of links ends the list": {
		prog:  fakeELF{Needed: []string{"liba.so"}, Runpath: "{d}/loop:{d}/lib"},
		libs:  map[string]fakeELF{"lib/liba.so": {}},
		links: map[string]string{"loop/liba.so": "liba.so"},
		want:  []string{"missing liba.so"},
	},
	"a loop of links ends no other list": {
		prog:  fakeELF{Needed: []string{"liba.so"}, Rpath: "{d}/loop"},
		libs:  map[string]fakeELF{"lib/liba.so": {}},
		links: map[string]string{"loop/liba.so": "liba.so"},
		env:   Env{LibraryPath: "{d}/lib"},
		want:  []string{"liba.so => {d}/lib/liba.so"},
	},
	"a dangling link does not end the list": {
		prog:  fakeELF{Needed: []string{"liba.so"}, Runpath: "{d}/loop:{d}/lib"},
		libs:  map[string]fakeELF{"lib/liba.so": {}},
		links: map[string]string{"loop/liba.so": "gone.so"},
		want:  []string{"liba.so => {d}/lib/liba.so"},
	},
	"a file instead of a folder does not end the list": {
		prog:  fakeELF{Needed: []string{"liba.so"}, Runpath: "{d}/text:{d}/lib"},
		libs:  map[string]fakeELF{"lib/liba.so": {}},
		texts: map[string]string{"text": "x"},
		want:  []string{"liba.so => {d}/lib/liba.so"},
	},
	"a name that is too long ends the list": {
		prog: fakeELF{Needed: []string{"lib" + strings.Repeat("a", 300) + ".so", "libb.so"}, Runpath: "{d}/lib"},
		libs: map[string]fakeELF{"lib/libb.so": {}},
		want: []string{"libb.so => {d}/lib/libb.so", "missing lib" + strings.Repeat("a", 300) + ".so"},
	},
	"an auxiliary library may be missing": {
		prog: fakeELF{Needed: []string{"liba.so"}, Runpath: "{d}/lib"},
		libs: map[string]fakeELF{"lib/liba.so": {Aux: []string{"libaux.so"}, Needed: []string{"libb.so"}, Runpath: "{d}/lib"}, "lib/libb.so": {}},
		want: []string{"liba.so => {d}/lib/liba.so", "libb.so => {d}/lib/libb.so", "missing libaux.so"},
	},
	"auxiliary and filter libraries load what they need first": {
		prog: fakeELF{Needed: []string{"liba.so", "libz.so.9"}, Rpath: "{d}/lib"},
		libs: map[string]fakeELF{
			"lib/liba.so":   {Aux: []string{"libaux.so"}, Filter: []string{"libfilter.so"}, Needed: []string{"libb.so"}},
			"lib/libaux.so": {Needed: []string{"libx.so"}}, "lib/libfilter.so": {Needed: []string{"liby.so"}},
			"lib/libb.so": {}, "lib/libx.so": {}, "lib/liby.so": {}, "lib/libz.so.9": {},
		},
	},
	"a filter may not be missing": {
		prog: fakeELF{Needed: []string{"liba.so"}, Runpath: "{d}/lib"},
		libs: map[string]fakeELF{"lib/liba.so": {Filter: []string{"libfilter.so"}}},
		want: []string{"liba.so => {d}/lib/liba.so", "missing libfilter.so"},
	},
	// The result of these depends on the loader's release.
	"legacy capability folders": {
		prog: fakeELF{Needed: []string{"liba.so", "libb.so", "libx.so"}, Runpath: "{d}/lib"},
		libs: map[string]fakeELF{
			"lib/tls/x86_64/liba.so": {}, "lib/liba.so": {}, "lib/x86_64/libb.so": {Needed: []string{"liby.so"}, Runpath: "$ORIGIN"},
			"lib/libb.so": {}, "lib/tls/libx.so": {}, "lib/x86_64/liby.so": {},
		},
	},
}
