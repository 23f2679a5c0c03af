//go:build linux && amd64

package ldd

import (
	"context"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A library is left out if it requires a version that its library lacks, or a symbol that only another plugin
// has. A program that opens them gets the same errors.
func TestTriesVersions(t *testing.T) {
	need(t, "gcc")
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	gcc(t, dir, "prog", opener, "-Wl,-rpath,$ORIGIN", "-ldl")
	versioned(t, dir, "int f(void){return 1;} int g(void){return 2;}", "V1 { global: f; local: *; };\nV2 { global: g; } V1;\n")
	link := []string{"-shared", "-fPIC", "-Llib", "-l:libver.so.1", "-Wl,-rpath,$ORIGIN/lib", "-Wl,-z,now"}
	gcc(t, dir, "old.so", "int f(void); int p(void){return f();}", link...)
	gcc(t, dir, "new.so", "int g(void); int p(void){return g();}", link...)
	gcc(t, dir, "bynew.so", "int p(void); int q(void){return p();}", "-shared", "-fPIC", "-L.", "-l:new.so", "-Wl,-rpath,$ORIGIN", "-Wl,-z,now")
	gcc(t, dir, "host.so", "int host(void){return 1;}", "-shared", "-fPIC")
	gcc(t, dir, "byhost.so", "int host(void); int a(void){return host();}", "-shared", "-fPIC", "-L.", "-l:host.so", "-Wl,-rpath,$ORIGIN", "-Wl,-z,now")
	versioned(t, dir, "int f(void){return 1;}", "V1 { global: f; local: *; };\n")

	tries := []string{"new.so", "bynew.so", "old.so", "host.so", "byhost.so"}
	p := Program{Path: filepath.Join(dir, "prog"), Tries: tries}
	out, err := exec.Command(p.Path, tries...).Output()
	if err != nil {
		t.Fatal(err)
	}
	c, err := Verify(context.Background(), DirFS("/"), p, Env{})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := outcome(c), lines(string(out), dir); !slices.Equal(got, want) {
		t.Errorf("got\n  %s\nthe program\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
	want := `"` + dir + `/new.so" needs V2 of libver.so.1; the one in the sysroot (` + dir + `/lib/libver.so.1) does not have it`
	if len(c.Left) != 2 || !strings.Contains(c.Left[0].Err.Error(), want+"\nfix: ") || !strings.Contains(c.Left[1].Err.Error(), want) {
		t.Errorf("left %v, want %s", c.Left, want)
	}
	if len(c.Warnings) != 0 {
		t.Errorf("warnings %q", c.Warnings)
	}
	p.Opens, p.Tries = tries[:1], nil
	if _, err := Verify(context.Background(), DirFS("/"), p, Env{}); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("of what has to be opened: %v, want %s", err, want)
	}
}

// An opened library sees the symbols of the program's start and of its own dependencies, but not those of
// another plugin, in any order.
func TestVerifyOpenedScope(t *testing.T) {
	for name, compiler := range map[string]string{"glibc": "gcc", "musl": "musl-gcc"} {
		t.Run(name, func(t *testing.T) {
			need(t, compiler)
			dir, err := filepath.EvalSymlinks(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			build := func(name, source string, args ...string) {
				write(t, filepath.Join(dir, name+".c"), []byte(source))
				run(t, dir, compiler, append([]string{"-o", name, name + ".c"}, args...)...)
			}
			build("host.so", "int host(void){return 1;}", "-shared", "-fPIC", "-nostdlib")
			build("alone.so", "int host(void); int a(void){return host();}", "-shared", "-fPIC", "-nostdlib", "-Wl,-z,now")
			build("with.so", "int host(void); int a(void){return host();}", "-shared", "-fPIC", "-nostdlib", "-Wl,-z,now", "-L.", "-l:host.so", "-Wl,-rpath,"+dir)
			build("prog", opener, "-Wl,-rpath,"+dir, "-ldl")
			for _, opens := range [][]string{{"host.so", "alone.so"}, {"alone.so", "host.so"}, {"host.so", "with.so"}, {"with.so", "host.so"}} {
				p := Program{Path: filepath.Join(dir, "prog"), Opens: opens}
				out, err := exec.Command(p.Path, opens...).Output()
				if err != nil {
					t.Fatal(err)
				}
				_, err = Verify(context.Background(), DirFS("/"), p, Env{})
				want := strings.Contains(string(out), "left ")
				if got := err != nil && strings.Contains(err.Error(), `symbol host of "`+dir+`/alone.so" is defined nowhere`); got != want || want != slices.Contains(opens, "alone.so") {
					t.Errorf("%v: got %v, the program\n%s", opens, err, out)
				}
			}
		})
	}
}
