package ldd

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// buildC resolves a program that gcc compiles from C source.
func buildC(t *testing.T, source string, args ...string) *Closure {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("programs of this system are not ELF files")
	}
	need(t, "gcc")
	dir := t.TempDir()
	gcc(t, dir, "prog", source, args...)
	c, err := Resolve(context.Background(), DirFS("/"), Program{Path: filepath.Join(dir, "prog")}, Env{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

const opensZlib = `#include <dlfcn.h>
	int main(void) { return !dlopen("libz.so.1", RTLD_NOW) + !dlopen("/no/where/libgone.so.3", RTLD_NOW) + !dlopen("libm.so.6", RTLD_NOW); }`

// Imports are found in programs that export something and in those that export nothing, whose hash table is
// empty.
func TestImporters(t *testing.T) {
	for _, flag := range []string{"-pie", "-no-pie", "-rdynamic"} {
		c := buildC(t, opensZlib, flag)
		got, err := c.Importers(context.Background(), "dlopen", "pthread_exit", "main")
		if err != nil {
			t.Fatal(err)
		}
		if len(got["dlopen"]) == 0 || got["dlopen"][0] != c.Program() || got["main"] != nil {
			t.Errorf("%s: %v", flag, got)
		}
	}
}

func TestNames(t *testing.T) {
	c := buildC(t, opensZlib, "-Wl,--no-as-needed", "-lm")
	got, err := c.Names(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, n := range got {
		if n.By == c.Program() {
			names = append(names, n.Name)
			if found := strings.HasPrefix(n.Path, "/"); found != (n.Name == "libz.so.1") {
				t.Errorf("%s is %q", n.Name, n.Path)
			}
		}
	}
	slices.Sort(names)
	if want := []string{"/no/where/libgone.so.3", "libz.so.1"}; !slices.Equal(names, want) {
		t.Errorf("got %q, want %q", names, want)
	}
	// Without dlopen, a name is only text.
	c = buildC(t, `int puts(const char *); int main(void) { return puts("libz.so.1"); }`)
	if got, err := c.Names(context.Background()); err != nil || len(got) != 0 {
		t.Errorf("got %+v, %v", got, err)
	}
}

// The strings of a Go program have no terminator.
func TestNamesOfGo(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("programs of this system are not ELF files")
	}
	need(t, "go", "gcc")
	dir := t.TempDir()
	write(t, filepath.Join(dir, "main.go"), []byte(`package main

// #include <dlfcn.h>
import "C"
import "fmt"

var names = []string{"libz.so.1", "libnothere.so.5", "/usr/lib/nowhere/libz.so.1"}

func main() {
	for _, n := range names {
		fmt.Println(n, C.dlopen(C.CString(n), 1))
	}
}
`))
	cmd := exec.Command("go", "build", "-o", "prog", "main.go")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "CGO_ENABLED=1", "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	c, err := Resolve(context.Background(), DirFS("/"), Program{Path: filepath.Join(dir, "prog")}, Env{})
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.Names(context.Background())
	if err != nil || !slices.ContainsFunc(got, func(n Named) bool { return n.Name == "libz.so.1" && n.By == c.Program() && n.Path != "" }) {
		t.Errorf("got %+v, %v", got, err)
	}
	if slices.ContainsFunc(got, func(n Named) bool { return n.By == c.Program() && n.Path == "" }) {
		t.Errorf("a library that does not exist is named: %+v", got)
	}
}

func TestNSSBuiltin(t *testing.T) {
	for want, lib := range map[bool]fakeELF{true: {}, false: {}} {
		sys := sysroot(fakeELF{Needed: []string{"libc.so.6"}}, nil)
		if want {
			delete(sys, "lib/x86_64-linux-gnu/libc.so.6")
			c := buildC(t, "int main(void){return 0;}")
			if got, err := c.NSSBuiltin(); err != nil || !got {
				t.Errorf("of this machine: %t, %v", got, err)
			}
			continue
		}
		sys["lib/x86_64-linux-gnu/libc.so.6"] = string(lib.Bytes())
		c, err := resolveIn(sys)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := c.NSSBuiltin(); err != nil || got {
			t.Errorf("of a libc without the symbol: %t, %v", got, err)
		}
	}
}

func TestContent(t *testing.T) {
	c, err := resolveIn(sysroot(fakeELF{Needed: []string{"libc.so.6"}}, nil))
	if err != nil {
		t.Fatal(err)
	}
	body, err := c.Content(c.Program())
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	buf := make([]byte, 4)
	if _, err := body.ReadAt(buf, 0); err != nil || string(buf) != "\x7fELF" || body.Size < 64 {
		t.Errorf("read %q, %v", buf, err)
	}
}
