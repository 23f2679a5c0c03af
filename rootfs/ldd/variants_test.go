//go:build linux && amd64

package ldd

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// variantCases are roots that also have libraries for newer CPUs. The program is /bin/prog; the expected
// variants are "NAME LEVEL => PATH".
var variantCases = map[string]struct {
	tree     cacheCase
	variants []string
	left     []string
}{
	"in a default folder": {
		tree: cacheCase{
			prog: fakeELF{Needed: []string{"liba.so.1"}},
			libs: map[string]fakeELF{
				"usr/lib/liba.so.1": {}, "usr/lib/glibc-hwcaps/x86-64-v3/liba.so.1": {Soname: "liba.so.1"},
				"usr/lib/glibc-hwcaps/x86-64-v2/liba.so.1": {Soname: "liba.so.1", Flags1: 1},
			},
		},
		variants: []string{
			"liba.so.1 x86-64-v2 => /usr/lib/glibc-hwcaps/x86-64-v2/liba.so.1",
			"liba.so.1 x86-64-v3 => /usr/lib/glibc-hwcaps/x86-64-v3/liba.so.1",
		},
	},
	"in a folder of the cache": {
		tree: cacheCase{
			prog: fakeELF{Needed: []string{"liba.so.1", "libb.so"}}, conf: "/opt/lib\n",
			libs: map[string]fakeELF{
				"opt/lib/liba.so.1": {}, "opt/lib/glibc-hwcaps/x86-64-v3/liba.so.1": {Soname: "liba.so.1", Flags1: 1},
				"opt/lib/libb.so": {}, "opt/lib/glibc-hwcaps/x86-64-v4/libb.so": {Flags1: 1},
				"opt/lib/glibc-hwcaps/x86-64-v2/libunused.so": {},
			},
		},
		variants: []string{
			"liba.so.1 x86-64-v3 => /opt/lib/glibc-hwcaps/x86-64-v3/liba.so.1",
			"libb.so x86-64-v4 => /opt/lib/glibc-hwcaps/x86-64-v4/libb.so",
		},
	},
	"by a search path, with a library of its own": {
		tree: cacheCase{
			prog: fakeELF{Needed: []string{"liba.so"}, Runpath: "/none:/app"},
			libs: map[string]fakeELF{
				"app/liba.so": {}, "app/glibc-hwcaps/x86-64-v2/liba.so": {Needed: []string{"libfast.so"}, Runpath: "$ORIGIN:/more"},
				"more/libfast.so": {}, "app/glibc-hwcaps/x86-64-v4/libfast.so": {},
			},
		},
		variants: []string{
			"liba.so x86-64-v2 => /app/glibc-hwcaps/x86-64-v2/liba.so", "libfast.so x86-64-v2 => /more/libfast.so",
		},
	},
	"in a folder that comes before": {
		tree: cacheCase{
			prog: fakeELF{Needed: []string{"liba.so"}, Runpath: "/a:/b"},
			libs: map[string]fakeELF{"a/glibc-hwcaps/x86-64-v3/liba.so": {}, "b/liba.so": {Flags1: 1}, "b/glibc-hwcaps/x86-64-v4/liba.so": {}},
		},
		variants: []string{"liba.so x86-64-v3 => /a/glibc-hwcaps/x86-64-v3/liba.so"},
	},
	"one that lacks a library": {
		tree: cacheCase{
			prog: fakeELF{Needed: []string{"liba.so", "libb.so"}, Runpath: "/app"},
			libs: map[string]fakeELF{
				"app/liba.so": {}, "app/glibc-hwcaps/x86-64-v3/liba.so": {Needed: []string{"libx.so"}, Runpath: "/app"},
				"app/libx.so": {Needed: []string{"libnone.so"}}, "app/glibc-hwcaps/x86-64-v2/liba.so": {Flags1: 1},
				"app/libb.so": {Flags1: 1}, "app/glibc-hwcaps/x86-64-v3/libb.so": {Class32: true},
				"app/glibc-hwcaps/x86-64-v4/libb.so": {Type: 2},
			},
		},
		variants: []string{"liba.so x86-64-v2 => /app/glibc-hwcaps/x86-64-v2/liba.so"},
		left:     []string{"/app/glibc-hwcaps/x86-64-v3/liba.so", "/app/glibc-hwcaps/x86-64-v4/libb.so"},
	},
	"a link to the baseline": {
		tree: cacheCase{
			prog:  fakeELF{Needed: []string{"liba.so"}, Runpath: "/app"},
			libs:  map[string]fakeELF{"app/liba.so": {}},
			links: map[string]string{"app/glibc-hwcaps/x86-64-v3/liba.so": "../../liba.so"},
		},
	},
}

// The real loader is given the levels to search. It must load what is computed, in the source and in an image
// of only the closure, where it may have the computed cache.
func TestVariants(t *testing.T) {
	need(t, "ldconfig")
	for name, tt := range variantCases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := tt.tree.build(t)
			p := Program{Path: "/bin/prog", Variants: true}
			emulated, err := Resolve(context.Background(), DirFS(root), p, Env{})
			if err != nil {
				t.Fatal(err)
			}
			run(t, root, "ldconfig", "-r", root, "-X")
			c, err := Resolve(context.Background(), DirFS(root), p, Env{})
			if err != nil {
				t.Fatal(err)
			}
			if err := Compare(context.Background(), emulated, c); err != nil {
				t.Errorf("without a cache: %v", err)
			}
			checkVariants(t, c, tt.variants, tt.left)
			if len(tt.left) == 0 {
				checkLevels(t, root, c)
			}

			image := t.TempDir()
			ship(t, c, image)
			again, err := Verify(context.Background(), DirFS(image), p, Env{})
			if err != nil {
				t.Fatal(err)
			}
			if err := Compare(context.Background(), c, again); err != nil {
				t.Error(err)
			}
			checkVariants(t, again, tt.variants, nil)
			checkLevels(t, image, again)

			// The cache does no harm if it is not needed.
			write(t, filepath.Join(image, "etc/ld.so.cache"), c.cacheFile())
			checkLevels(t, image, c)
			if out := run(t, image, "ldconfig", "-r", image, "-p"); !strings.Contains(out, "libs found in cache") {
				t.Errorf("ldconfig reads %s", out)
			}
		})
	}
}

func checkVariants(t *testing.T, c *Closure, want, left []string) {
	t.Helper()
	var got, gotLeft []string
	for _, o := range c.Objects {
		if o.Level != "" {
			got = append(got, o.Name+" "+o.Level+" => "+o.Path)
			if o.NeededBy == nil || c.objectAt(o.NeededBy.Real) != o.NeededBy {
				t.Errorf("%s is needed by %v", o.Path, o.NeededBy)
			}
		}
	}
	for _, l := range c.Left {
		gotLeft = append(gotLeft, l.Name)
	}
	slices.Sort(gotLeft)
	if !slices.Equal(got, want) || !slices.Equal(gotLeft, left) {
		t.Errorf("got %q, left %q\nwant %q, left %q", got, gotLeft, want, left)
	}
}

// checkLevels runs the real loader in a root, once for each level that this machine has.
func checkLevels(t *testing.T, root string, c *Closure) {
	t.Helper()
	compare := func(level string, mask string, at *Closure) {
		cmd := exec.Command(glibcLoader, "--glibc-hwcaps-mask", mask, "/bin/prog")
		cmd.Dir, cmd.SysProcAttr = "/", inRoot(root, "/").SysProcAttr
		cmd.Env = []string{"LD_TRACE_LOADED_OBJECTS=1"}
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("the loader: %v\n%s", err, out)
		}
		got, want := traced(&Closure{Objects: at.baseObjects(), Loader: c.Loader}, nil), parseTrace(at, string(out))
		if at != c {
			got = traced(at, nil)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: got\n  %s\nthe loader\n  %s", level, strings.Join(got, "\n  "), strings.Join(want, "\n  "))
		}
	}
	compare("baseline", "none", c)
	help, err := exec.Command(glibcLoader, "--help").Output()
	if err != nil {
		t.Fatal(err)
	}
	levels := c.loader.levels
	for i, at := range c.levels {
		least := len(levels) - 1 - i
		if strings.Contains(string(help), levels[least]+" (supported") {
			compare(levels[least], strings.Join(levels[least:], ":"), at)
		}
	}
	if len(c.levels) != 3 {
		t.Errorf("the loader names the levels %q", levels)
	}
}

// A library that exists only for newer CPUs is missing, and the error says so.
func TestOnlyVariants(t *testing.T) {
	tree := cacheCase{prog: fakeELF{Needed: []string{"liba.so"}}, libs: map[string]fakeELF{"usr/lib/glibc-hwcaps/x86-64-v3/liba.so": {}}}
	for _, variants := range []bool{false, true} {
		_, err := Resolve(context.Background(), DirFS(tree.build(t)), Program{Path: "/bin/prog", Variants: variants}, Env{})
		const want = "\nfix: also install liba.so for all CPUs: /usr/lib/glibc-hwcaps/x86-64-v3/liba.so is only for newer ones"
		if err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("got %v", err)
		}
	}
}

// A library that is compiled for newer CPUs, but is not in a folder for them, ends the program on other CPUs.
func TestISALevel(t *testing.T) {
	need(t, "gcc")
	dir := t.TempDir()
	gcc(t, dir, "lib/liba.so", "int a(void){return 1;}", "-shared", "-fPIC", "-march=x86-64-v3", "-Wa,-mx86-used-note=no", "-Wl,-z,x86-64-v3")
	gcc(t, dir, "prog", "int a(void); int main(void){return a();}", "-Llib", "-l:liba.so", "-Wl,-rpath,$ORIGIN/lib")
	c, err := Resolve(context.Background(), DirFS("/"), Program{Path: filepath.Join(dir, "prog")}, Env{})
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Warnings) != 1 || !strings.Contains(c.Warnings[0], "liba.so\" is built for CPUs of x86-64-v3") {
		t.Errorf("warnings %q", c.Warnings)
	}
	if _, err := os.Stat(filepath.Join(dir, "lib")); err != nil {
		t.Fatal(err)
	}
}

// A relative search path is a warning.
func TestWarnRelative(t *testing.T) {
	sys := sysroot(fakeELF{Needed: []string{"liba.so", "x/libb.so"}, Runpath: "lib::/opt"}, memFS{
		"srv/lib/liba.so": string(fakeELF{}.Bytes()), "srv/x/libb.so": string(fakeELF{}.Bytes()),
	})
	c, err := Resolve(context.Background(), sys, Program{Path: "/bin/prog"}, Env{Workdir: "/srv", LibraryPath: "/a;b"})
	want := []string{
		`"lib/liba.so" is found in the working directory, /srv`, `"x/libb.so" is found in the working directory, /srv`,
		`the RUNPATH of /bin/prog has "lib", which is relative to the working directory, /srv`,
		`the RUNPATH of /bin/prog has "", which is relative to the working directory, /srv`,
		`the LD_LIBRARY_PATH has "b", which is relative to the working directory, /srv`,
	}
	if err != nil || !slices.Equal(c.Warnings, want) {
		t.Errorf("got %q, %v\nwant %q", c.Warnings, err, want)
	}
}
