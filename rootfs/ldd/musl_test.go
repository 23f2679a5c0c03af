//go:build linux && amd64

package ldd

import (
	"context"
	"debug/elf"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/rootfs/ldd/elf/elftest"
)

const muslLoader = "/lib/ld-musl-x86_64.so.1"

var muslCases = map[string]ruleCase{
	"LD_PRELOAD": {
		prog: fakeELF{Needed: []string{"liba.so", "libb.so"}, Runpath: "{d}/lib"},
		libs: map[string]fakeELF{
			"lib/liba.so": {Needed: []string{"libx.so"}}, "lib/libb.so": {}, "lib/libx.so": {},
			"opt/pre.so": {Needed: []string{"libp.so"}, Runpath: "$ORIGIN"}, "opt/libp.so": {}, "env/libq.so": {Soname: "libb.so"},
		},
		env: Env{LibraryPath: "{d}/env", Preload: "{d}/opt/pre.so:\tlibq.so  ::{d}/opt/pre.so\nlibc.so"},
		want: []string{
			"{d}/opt/pre.so => {d}/opt/pre.so", "libq.so => {d}/env/libq.so", "liba.so => {d}/lib/liba.so", "libb.so => {d}/lib/libb.so",
			"libp.so => {d}/opt/libp.so", "libx.so => {d}/lib/libx.so",
		},
	},
	"RPATH is inherited": {
		prog: fakeELF{Needed: []string{"liba.so"}, Rpath: "{d}/lib"},
		libs: map[string]fakeELF{"lib/liba.so": {Needed: []string{"libb.so"}}, "lib/libb.so": {}},
		want: []string{"liba.so => {d}/lib/liba.so", "libb.so => {d}/lib/libb.so"},
	},
	"RUNPATH is inherited too": {
		prog: fakeELF{Needed: []string{"liba.so"}, Runpath: "{d}/lib"},
		libs: map[string]fakeELF{"lib/liba.so": {Needed: []string{"libb.so"}, Runpath: "{d}/own"}, "lib/libb.so": {}},
		want: []string{"liba.so => {d}/lib/liba.so", "libb.so => {d}/lib/libb.so"},
	},
	"RUNPATH instead of RPATH": {
		prog: fakeELF{Needed: []string{"liba.so"}, Rpath: "{d}/r", Runpath: "{d}/lib"},
		libs: map[string]fakeELF{"lib/liba.so": {}, "r/liba.so": {}},
		want: []string{"liba.so => {d}/lib/liba.so"},
	},
	"LD_LIBRARY_PATH comes first": {
		prog: fakeELF{Needed: []string{"liba.so"}, Rpath: "{d}/lib"},
		libs: map[string]fakeELF{"lib/liba.so": {}, "env/liba.so": {}},
		env:  Env{LibraryPath: "/nowhere:{d}/env"},
		want: []string{"liba.so => {d}/env/liba.so"},
	},
	"reserved names are the loader": {
		prog: fakeELF{Needed: []string{"libc.so.6", "libm.so.6", "libpthread.so.0", "librt.so.1", "libdl.so.2", "libutil.so.1", "liba.so"}, Rpath: "{d}/lib"},
		libs: map[string]fakeELF{"lib/liba.so": {}, "lib/libm.so.6": {}, "lib/libc.so.6": {}},
		want: []string{"liba.so => {d}/lib/liba.so"},
	},
	"names that only look reserved": {
		prog: fakeELF{Needed: []string{"libcx.so", "libmagic.so.1"}, Rpath: "{d}/lib"},
		libs: map[string]fakeELF{"lib/libcx.so": {}, "lib/libmagic.so.1": {}},
		want: []string{"libcx.so => {d}/lib/libcx.so", "libmagic.so.1 => {d}/lib/libmagic.so.1"},
	},
	"a soname is not a name": {
		prog: fakeELF{Needed: []string{"liba.so", "libb.so.1"}, Rpath: "{d}/lib"},
		libs: map[string]fakeELF{"lib/liba.so": {Soname: "libb.so.1"}},
		want: []string{"liba.so => {d}/lib/liba.so", "missing libb.so.1"},
	},
	"one file under two names": {
		prog:  fakeELF{Needed: []string{"liba.so", "libb.so", "libx.so"}, Rpath: "{d}/lib"},
		libs:  map[string]fakeELF{"lib/liba.so": {}, "lib/libx.so": {Needed: []string{"libb.so"}}},
		links: map[string]string{"lib/libb.so": "liba.so"},
		want:  []string{"liba.so => {d}/lib/liba.so", "libx.so => {d}/lib/libx.so"},
	},
	"ORIGIN is a prefix": {
		prog: fakeELF{Needed: []string{"liba.so"}, Rpath: "$ORIGIN/../lib:/x"},
		libs: map[string]fakeELF{"lib/liba.so": {Needed: []string{"libb.so"}, Runpath: "${ORIGIN}ally"}, "libally/libb.so": {}, "bin/../libally/x": {}},
		want: []string{"liba.so => {d}/bin/../lib/liba.so", "libb.so => {d}/bin/../libally/libb.so"},
	},
	"another token voids the list": {
		prog: fakeELF{Needed: []string{"liba.so"}, Rpath: "{d}/lib:{d}/$LIB"},
		libs: map[string]fakeELF{"lib/liba.so": {}},
		want: []string{"missing liba.so"},
	},
	"tokens in names are not expanded": {
		prog: fakeELF{Needed: []string{"$ORIGIN/../lib/liba.so"}},
		libs: map[string]fakeELF{"lib/liba.so": {}},
		want: []string{"missing $ORIGIN/../lib/liba.so"},
	},
	"empty elements do not count": {
		prog: fakeELF{Needed: []string{"liba.so"}, Rpath: ":\n:{d}/lib"},
		libs: map[string]fakeELF{"lib/liba.so": {}, "liba.so": {}},
		env:  Env{Workdir: "{d}"},
		want: []string{"liba.so => {d}/lib/liba.so"},
	},
	"a path": {
		prog: fakeELF{Needed: []string{"{d}/x/liba.so", "liba.so"}, Rpath: "{d}/x"},
		libs: map[string]fakeELF{"x/liba.so": {}},
		want: []string{"{d}/x/liba.so => {d}/x/liba.so"},
	},
	"a relative path": {
		prog: fakeELF{Needed: []string{"x/liba.so"}},
		libs: map[string]fakeELF{"x/liba.so": {}},
		env:  Env{Workdir: "{d}"},
		want: []string{"x/liba.so => {d}/x/liba.so"},
	},
	"filters are ignored": {
		prog: fakeELF{Needed: []string{"liba.so"}, Rpath: "{d}/lib"},
		libs: map[string]fakeELF{"lib/liba.so": {Aux: []string{"libx.so"}, Filter: []string{"liby.so"}, Flags1: uint64(elf.DF_1_NODEFLIB)}, "lib/libx.so": {}},
		want: []string{"liba.so => {d}/lib/liba.so"},
	},
	"several are missing": {
		prog: fakeELF{Needed: []string{"libnope.so.1", "liba.so", "libnada.so"}, Rpath: "{d}/lib"},
		libs: map[string]fakeELF{"lib/liba.so": {Needed: []string{"libnope.so.1", "libnil.so"}}},
		want: []string{"liba.so => {d}/lib/liba.so", "missing libnada.so", "missing libnil.so", "missing libnope.so.1"},
	},
	"a loop of links gives up": {
		prog:  fakeELF{Needed: []string{"liba.so"}, Rpath: "{d}/loop:{d}/lib"},
		libs:  map[string]fakeELF{"lib/liba.so": {}},
		links: map[string]string{"loop/liba.so": "liba.so"},
		want:  []string{"missing liba.so"},
	},
	"a loop of links gives up for all lists": {
		prog:  fakeELF{Needed: []string{"liba.so"}, Rpath: "{d}/lib"},
		libs:  map[string]fakeELF{"lib/liba.so": {}},
		links: map[string]string{"loop/liba.so": "liba.so"},
		env:   Env{LibraryPath: "{d}/loop"},
		want:  []string{"missing liba.so"},
	},
	"a name that is too long": {
		prog: fakeELF{Needed: []string{"lib" + strings.Repeat("a", 300) + ".so"}, Rpath: "{d}/lib"},
		want: []string{"missing lib" + strings.Repeat("a", 300) + ".so"},
	},
	"hard links are one file": {
		prog: fakeELF{Needed: []string{"liba.so", "libb.so"}, Rpath: "{d}/lib"},
		libs: map[string]fakeELF{"lib/liba.so": {}},
		hard: map[string]string{"lib/libb.so": "lib/liba.so"},
		want: []string{"liba.so => {d}/lib/liba.so"},
	},
	"the search path of the object two levels up": {
		prog: fakeELF{Needed: []string{"liba.so"}, Runpath: "{d}/lib"},
		libs: map[string]fakeELF{
			"lib/liba.so": {Needed: []string{"libb.so"}, Rpath: "{d}/a"}, "a/libb.so": {Needed: []string{"libx.so"}, Runpath: "{d}/b"},
			"b/libx.so": {Needed: []string{"liby.so", "libz.so.9"}}, "a/liby.so": {}, "lib/liby.so": {}, "lib/libz.so.9": {},
		},
		want: []string{"liba.so => {d}/lib/liba.so", "libb.so => {d}/a/libb.so", "libx.so => {d}/b/libx.so",
			"liby.so => {d}/a/liby.so", "libz.so.9 => {d}/lib/libz.so.9"},
	},
	"a library loaded by path gets a name when asked for by name": {
		prog: fakeELF{Needed: []string{"{d}/x/liba.so", "libb.so", "libx.so"}, Rpath: "{d}/lib"},
		libs: map[string]fakeELF{"x/liba.so": {}, "lib/libx.so": {Needed: []string{"liba.so"}}, "other/liba.so": {Flags1: 1}},
		hard: map[string]string{"lib/libb.so": "x/liba.so"},
		want: []string{"{d}/x/liba.so => {d}/x/liba.so", "libx.so => {d}/lib/libx.so"},
	},
	"breadth first": {
		prog: fakeELF{Needed: []string{"liba.so", "libb.so"}, Rpath: "{d}/lib"},
		libs: map[string]fakeELF{
			"lib/liba.so": {Needed: []string{"libx.so"}}, "lib/libb.so": {Needed: []string{"liba.so", "liby.so"}},
			"lib/libx.so": {Needed: []string{"libb.so"}}, "lib/liby.so": {},
		},
		want: []string{"liba.so => {d}/lib/liba.so", "libb.so => {d}/lib/libb.so", "libx.so => {d}/lib/libx.so", "liby.so => {d}/lib/liby.so"},
	},
	"no CPU folders": {
		prog: fakeELF{Needed: []string{"liba.so"}, Rpath: "{d}/lib"},
		libs: map[string]fakeELF{"lib/glibc-hwcaps/x86-64-v2/liba.so": {}, "lib/liba.so": {}},
		want: []string{"liba.so => {d}/lib/liba.so"},
	},
	"a text file is fatal": {
		prog:  fakeELF{Needed: []string{"liba.so"}, Rpath: "{d}/text:{d}/lib"},
		libs:  map[string]fakeELF{"lib/liba.so": {}},
		texts: map[string]string{"text/liba.so": "INPUT(liba.so.1) and more, so that it is longer than an ELF header is"},
		fatal: "{d}/text/liba.so",
	},
	"a folder is fatal": {
		prog:  fakeELF{Needed: []string{"liba.so"}, Rpath: "{d}/text:{d}/lib"},
		libs:  map[string]fakeELF{"lib/liba.so": {}},
		dirs:  []string{"text/liba.so"},
		fatal: "{d}/text/liba.so",
	},
}

func TestMuslRules(t *testing.T) {
	if _, err := os.Stat(muslLoader); err != nil {
		skip(t, "musl's loader is not installed")
	}
	for name, c := range muslCases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.prog.Interp = muslLoader
			c.check(t)
		})
	}
}

// The loader decides which path file is read: PREFIX/lib/ld-musl-x86_64.so.1 reads
// PREFIX/etc/ld-musl-x86_64.path, which replaces the default folders.
func TestMuslPathFile(t *testing.T) {
	loader, err := os.ReadFile(muslLoader)
	if err != nil {
		skip(t, "musl's loader is not installed")
	}
	for name, tt := range map[string]struct {
		file  string // "-": a folder of that name
		want  []string
		needs bool
	}{
		"folders":          {"{d}/a\n{d}/b:/x", []string{"liba.so => {d}/a/liba.so", "libb.so => {d}/b/libb.so"}, true},
		"the first counts": {"{d}/b\n{d}/a\n", []string{"liba.so => {d}/b/liba.so", "libb.so => {d}/b/libb.so"}, true},
		"empty":            {"", []string{"missing liba.so", "missing libb.so"}, false},
		"no comments":      {"# {d}/a:{d}/b", []string{"liba.so => {d}/b/liba.so", "libb.so => {d}/b/libb.so"}, true},
		"unreadable":       {"-", []string{"missing liba.so", "missing libb.so"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			tree := ruleCase{
				prog:  fakeELF{Needed: []string{"liba.so", "libb.so"}, Interp: "{d}/pre/lib/ld-musl-x86_64.so.1"},
				libs:  map[string]fakeELF{"a/liba.so": {}, "b/liba.so": {}, "b/libb.so": {}},
				texts: map[string]string{"pre/etc/ld-musl-x86_64.path": tt.file},
			}
			if tt.file == "-" {
				tree.dirs, tree.texts = []string{"pre/etc/ld-musl-x86_64.path"}, nil
			}
			dir := tree.build(t)
			write(t, filepath.Join(dir, "pre/lib/ld-musl-x86_64.so.1"), loader)
			c, err := Resolve(context.Background(), DirFS("/"), Program{Path: filepath.Join(dir, "bin/prog")}, Env{})
			if c == nil {
				t.Fatal(err)
			}
			want, oracleErr := oracle(t, c, filepath.Join(dir, "bin/prog"), nil)
			if oracleErr != nil {
				t.Fatal(oracleErr)
			}
			expected := strings.Split(strings.ReplaceAll(strings.Join(tt.want, "\n"), "{d}", dir), "\n")
			if got := traced(c, err); !slices.Equal(got, want) || !slices.Equal(got, expected) {
				t.Errorf("got\n  %s\nthe loader\n  %s\nthe test expects\n  %s",
					strings.Join(got, "\n  "), strings.Join(want, "\n  "), strings.Join(expected, "\n  "))
			}
			path, content, needed := c.LoaderConfig()
			if path != filepath.Join(dir, "pre/etc/ld-musl-x86_64.path") || needed != tt.needs {
				t.Errorf("LoaderConfig() = %q, %q, %t", path, content, needed)
			}
		})
	}
}

// A second C library is never loaded, by any name: its file is opened, and the name means the loader.
func TestMuslSecondLibc(t *testing.T) {
	need(t, "gcc", "musl-gcc")
	dir := t.TempDir()
	gcc(t, dir, "lib/libother.so", "int __libc_start_main; int stdin;", "-shared", "-nostdlib")
	write(t, filepath.Join(dir, "prog"), fakeELF{Interp: muslLoader, Needed: []string{"libother.so"}, Rpath: dir + "/lib"}.Bytes())
	c, err := Resolve(context.Background(), DirFS("/"), Program{Path: filepath.Join(dir, "prog")}, Env{})
	if err != nil {
		t.Fatal(err)
	}
	want, err := oracle(t, c, filepath.Join(dir, "prog"), nil)
	if got := traced(c, nil); err != nil || len(got) != 0 || len(want) != 0 {
		t.Errorf("got %q, the loader %q, %v", got, want, err)
	}
	if l := c.Objects[1].Links; len(l) == 0 || l[len(l)-1].Target != c.Objects[1].Real {
		t.Errorf("the name does not lead to the loader: %v", l)
	}
}

// musl maps a file for another machine and crashes; Resolve rejects it.
func TestMuslOtherMachine(t *testing.T) {
	sys := sysroot(fakeELF{Needed: []string{"liba.so"}}, memFS{
		"lib64/ld-linux-x86-64.so.2": string(elftest.WithConstants(fakeELF{}.Bytes(), "%.*s/etc/ld-musl-x86_64.path")),
		"lib/liba.so":                string(fakeELF{Machine: elf.EM_AARCH64}.Bytes()),
	})
	_, err := resolveIn(sys)
	var refused *LoadError
	if !errors.As(err, &refused) || refused.Path != "/lib/liba.so" {
		t.Errorf("got %v", err)
	}
}

// A program of musl-gcc needs only the loader, which is also its C library.
func TestMuslGCC(t *testing.T) {
	need(t, "musl-gcc")
	dir := t.TempDir()
	write(t, filepath.Join(dir, "main.c"), []byte("#include <stdio.h>\nint main(void){puts(\"hello\");return 0;}\n"))
	run(t, dir, "musl-gcc", "-o", "prog", "main.c")
	c, err := Verify(context.Background(), DirFS("/"), Program{Path: filepath.Join(dir, "prog")}, Env{})
	if err != nil {
		t.Fatal(err)
	}
	if c.Flavour != Musl || len(c.Objects) != 2 || c.Objects[1].Path != c.Loader || len(c.Optional) != 0 {
		t.Errorf("closure of %s:\n%v", c.Flavour, c)
	}
}
