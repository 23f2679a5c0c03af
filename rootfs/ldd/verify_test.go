package ldd

import (
	"context"
	"debug/elf"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// gcc compiles C source in a folder.
func gcc(t *testing.T, dir, out, source string, args ...string) {
	t.Helper()
	write(t, filepath.Join(dir, out+".c"), []byte(source))
	if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, out)), 0o755); err != nil {
		t.Fatal(err)
	}
	run(t, dir, "gcc", append([]string{"-o", out, out + ".c"}, args...)...)
}

// versioned compiles lib/libver.so.1, whose symbols have versions.
func versioned(t *testing.T, dir, source, versions string) {
	t.Helper()
	write(t, filepath.Join(dir, "map"), []byte(versions))
	gcc(t, dir, "lib/libver.so.1", source, "-shared", "-fPIC", "-Wl,-soname,libver.so.1", "-Wl,--version-script=map")
}

// A program that a real compiler linked finds a library of another release.
func TestVerifyVersions(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("programs of this system are not ELF files")
	}
	need(t, "gcc")
	const one = "V1 { global: f; local: *; };\n"
	for name, tt := range map[string]struct {
		source, versions string // of the library that the program finds
		weak             string // how the program declares g
		want             string
	}{
		"the same": {"int f(void){return 1;} int g(void){return 2;}", one + "V2 { global: g; } V1;\n", "", ""},
		"an older one": {"int f(void){return 1;}", one, "",
			`"PROG" needs V2 of libver.so.1; the one in the sysroot (DIR/lib/libver.so.1) does not have it`},
		"an older one for a program that can do without": {"int f(void){return 1;}", one, "__attribute__((weak))", ""},
		"one that lost a symbol": {"int f(void){return 1;} int other(void){return 2;}", one + "V2 { global: other; } V1;\n", "",
			`symbol g@V2 of "PROG" is defined nowhere`},
		"one that has the symbol in another version": {
			"int f(void){return 1;} int g(void){return 2;} int other(void){return 2;}",
			"V1 { global: f; g; local: *; };\nV2 { global: other; } V1;\n", "",
			`symbol g@V2 of "PROG" is defined nowhere`},
		"one without versions": {"int f(void){return 1;} int g(void){return 2;}", "{ global: *; };\n", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			versioned(t, dir, "int f(void){return 1;} int g(void){return 2;}", one+"V2 { global: g; } V1;\n")
			gcc(t, dir, "prog", "int f(void); int g(void) "+tt.weak+"; int main(void){return f()+(g ? g() : 0);}",
				"-Llib", "-l:libver.so.1", "-Wl,-rpath,$ORIGIN/lib", "-Wl,-z,now")
			versioned(t, dir, tt.source, tt.versions)
			prog := filepath.Join(dir, "prog")
			if tt.weak != "" {
				weaken(t, prog)
			}
			_, err := Verify(context.Background(), DirFS("/"), Program{Path: prog}, Env{})
			want := strings.NewReplacer("PROG", prog, "DIR", dir).Replace(tt.want)
			switch {
			case want == "" && err != nil:
				t.Errorf("got %v", err)
			case want != "" && (err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "\nfix: ")):
				t.Errorf("got %v, want %q", err, want)
			}
		})
	}
}

// weaken marks the versions that a program requires as weak, as a linker may if all references to them are.
func weaken(t *testing.T, name string) {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	f, d := readFake(t, data)
	off := fileOffset(t, f, d.Tags[elf.DT_VERNEED])
	for n := uint32(1); n != 0; off += uint64(n) {
		aux := off + uint64(f.Order.Uint32(data[off+8:]))
		for range f.Order.Uint16(data[off+2:]) {
			data[aux+4] |= 2 // VER_FLG_WEAK
			aux += uint64(f.Order.Uint32(data[aux+12:]))
		}
		n = f.Order.Uint32(data[off+12:])
	}
	write(t, name, data)
}

// A missing function is an error, whether it is bound at the start or at its first call.
func TestVerifyBinding(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("programs of this system are not ELF files")
	}
	need(t, "gcc")
	for _, flag := range []string{"lazy", "now"} {
		dir := t.TempDir()
		gcc(t, dir, "lib/liba.so", "int f(void); int a(void){return f();}", "-shared", "-fPIC", "-Wl,-z,"+flag)
		gcc(t, dir, "prog", "int a(void); int main(void){return a();}",
			"-Llib", "-l:liba.so", "-Wl,-rpath,$ORIGIN/lib", "-Wl,--allow-shlib-undefined")
		_, err := Verify(context.Background(), DirFS("/"), Program{Path: filepath.Join(dir, "prog")}, Env{})
		if err == nil || !strings.Contains(err.Error(), "symbol f of") {
			t.Errorf("-z %s: got %v", flag, err)
		}
	}
}

// A program that exports nothing has an empty hash table, which does not give the number of symbols.
func TestVerifyWithoutExports(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("programs of this system are not ELF files")
	}
	need(t, "gcc")
	dir := t.TempDir()
	gcc(t, dir, "lib/liba.so", "int a(void){return 0;}", "-shared", "-fPIC")
	gcc(t, dir, "prog", "int a(void); int main(void){return a();}", "-no-pie", "-Llib", "-l:liba.so", "-Wl,-rpath,$ORIGIN/lib")
	gcc(t, dir, "lib/liba.so", "int b(void){return 0;}", "-shared", "-fPIC")
	_, err := Verify(context.Background(), DirFS("/"), Program{Path: filepath.Join(dir, "prog")}, Env{})
	if err == nil || !strings.Contains(err.Error(), "symbol a of") {
		t.Errorf("got %v", err)
	}
}

// If only a try misses a symbol, that is a warning; for a library that has to be opened it is an error.
func TestVerifyTries(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("programs of this system are not ELF files")
	}
	need(t, "gcc")
	dir := t.TempDir()
	gcc(t, dir, "plugin.so", "int host(void); int a(void){return host();}", "-shared", "-fPIC")
	gcc(t, dir, "prog", "int main(void){return 0;}", "-Wl,-rpath,$ORIGIN")
	p := Program{Path: filepath.Join(dir, "prog"), Tries: []string{"plugin.so"}}
	c, err := Verify(context.Background(), DirFS("/"), p, Env{})
	want := fmt.Sprintf("symbol host of %q is defined nowhere", filepath.Join(dir, "plugin.so"))
	if err != nil || len(c.Warnings) != 1 || c.Warnings[0] != want {
		t.Errorf("got %v, warnings %q", err, c.Warnings)
	}
	p.Opens, p.Tries = p.Tries, nil
	if _, err := Verify(context.Background(), DirFS("/"), p, Env{}); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v", err)
	}
}

// The libraries of each CPU level are verified.
func TestVerifyVariants(t *testing.T) {
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		t.Skip("programs of this system are no such ELF files")
	}
	need(t, "gcc")
	dir := t.TempDir()
	for _, level := range []string{"", "x86-64-v2/", "x86-64-v3/"} {
		source := "int a(void){return 0;}"
		if level == "x86-64-v3/" {
			source = "int other(void); int a(void){return other();}"
		}
		if level != "" {
			level = hwcapsDir + level
		}
		gcc(t, dir, level+"liba.so", source, "-shared", "-fPIC")
	}
	gcc(t, dir, "prog", "int a(void); int main(void){return a();}", "-L.", "-l:liba.so", "-Wl,-rpath,$ORIGIN", "-Wl,--allow-shlib-undefined")
	p := Program{Path: filepath.Join(dir, "prog")}
	if _, err := Verify(context.Background(), DirFS("/"), p, Env{}); err != nil {
		t.Error(err)
	}
	p.Variants = true
	c, err := Verify(context.Background(), DirFS("/"), p, Env{})
	want := fmt.Sprintf("symbol other of %q is defined nowhere", filepath.Join(dir, "glibc-hwcaps/x86-64-v3/liba.so"))
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v\n%v", err, c)
	}
}

// libgcc_s is in the closure for later. It does not provide symbols that are missing at the start.
func TestVerifyStartScope(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("programs of this system are not ELF files")
	}
	need(t, "gcc")
	dir := t.TempDir()
	gcc(t, dir, "lib/liba.so", "void _Unwind_Backtrace(void); void a(void){_Unwind_Backtrace();}", "-shared", "-fPIC", "-nodefaultlibs", "-Wl,-z,now")
	gcc(t, dir, "prog", "void a(void); int main(void){a();return 0;}", "-Llib", "-l:liba.so", "-Wl,-rpath,$ORIGIN/lib",
		"-Wl,--allow-shlib-undefined", "-nodefaultlibs", "-lc")
	c, err := Verify(context.Background(), DirFS("/"), Program{Path: filepath.Join(dir, "prog")}, Env{})
	if err == nil || !strings.Contains(err.Error(), "symbol _Unwind_Backtrace") {
		t.Errorf("got %v", err)
	}
	if _, ok := c.Lookup(libgcc); !ok {
		t.Errorf("libgcc_s is not in the closure, so this tests nothing:\n%v", c)
	}
}

func TestVerifyTree(t *testing.T) {
	verify := func(sys FS) error {
		_, err := Verify(context.Background(), sys, Program{Path: "/bin/prog"}, Env{})
		return err
	}
	prog := fakeELF{Needed: []string{"libc.so.6"}}
	t.Run("good", func(t *testing.T) {
		if err := verify(sysroot(prog, nil)); err != nil {
			t.Error(err)
		}
	})
	t.Run("a library that is cut off", func(t *testing.T) {
		file := fakeELF{Soname: "libc.so.6", Change: func(f []byte) { f[64+32+2] = 1 }}.Bytes() // 64 KiB more in the segment
		err := verify(sysroot(prog, memFS{"lib/x86_64-linux-gnu/libc.so.6": string(file)}))
		if err == nil || !strings.Contains(err.Error(), `"/lib/x86_64-linux-gnu/libc.so.6" is cut off`) {
			t.Error(err)
		}
	})
	t.Run("a missing library", func(t *testing.T) {
		if err := verify(sysroot(fakeELF{Needed: []string{"libz.so.1"}}, nil)); err == nil {
			t.Error("no error for a missing library")
		}
	})
	t.Run("not executable", func(t *testing.T) {
		if runtime.GOOS == "windows" {
			t.Skip("there is no such permission")
		}
		for _, name := range []string{"bin/prog", "lib64/ld-linux-x86-64.so.2"} {
			root := t.TempDir()
			for file, text := range sysroot(prog, nil) {
				write(t, filepath.Join(root, file), []byte(text))
			}
			if err := os.Chmod(filepath.Join(root, name), 0o644); err != nil {
				t.Fatal(err)
			}
			err := verify(DirFS(root))
			want := fmt.Sprintf("%q is not executable (mode 0644)\nfix: chmod a+x", "/"+name)
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want %s", err, want)
			}
		}
	})
}

func TestCompare(t *testing.T) {
	prog := fakeELF{Needed: []string{"liba.so", "libc.so.6"}, Runpath: "$ORIGIN/../lib"}
	lib := string(fakeELF{}.Bytes())
	source := sysroot(prog, memFS{"lib/liba.so": lib})
	for name, tt := range map[string]struct {
		image memFS
		want  string
	}{
		"the same":      {memFS{"lib/liba.so": lib}, ""},
		"other content": {memFS{"lib/liba.so": lib[:len(lib)-1] + "x"}, `"liba.so" is /bin/../lib/liba.so, in the image it is another file: /bin/../lib/liba.so (RUNPATH of /bin/prog)`},
		"another library comes along": {
			memFS{"lib/liba.so": string(fakeELF{Needed: []string{"libextra.so"}}.Bytes()), "usr/lib/libextra.so": lib},
			`"libextra.so" is loaded only in the image: /usr/lib/libextra.so (trusted directory /usr/lib)`},
		"without libgcc_s": {memFS{"lib/liba.so": lib, "lib/x86_64-linux-gnu/libgcc_s.so.1": "-> gone"},
			`"libgcc_s.so.1" (/lib/x86_64-linux-gnu/libgcc_s.so.1) is not loaded in the image`},
		"another program": {memFS{"lib/liba.so": lib, "bin/prog": string(fakeELF{Needed: prog.Needed, Soname: "x", Interp: "/lib64/ld-linux-x86-64.so.2", Runpath: "/lib"}.Bytes())},
			`"/bin/prog" is /bin/prog, in the image it is another file`},
	} {
		t.Run(name, func(t *testing.T) {
			a, err := resolveIn(source)
			if err != nil {
				t.Fatal(err)
			}
			b, err := resolveIn(sysroot(prog, tt.image))
			if err != nil {
				t.Fatal(err)
			}
			err = Compare(context.Background(), a, b)
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

// A Go program without cgo may still have an interpreter.
func TestGoPIE(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the sysroot would be that of another system")
	}
	need(t, "go")
	if _, err := os.Stat("/lib64/ld-linux-x86-64.so.2"); err != nil {
		skip(t, "glibc's loader is not installed")
	}
	dir := t.TempDir()
	write(t, filepath.Join(dir, "main.go"), []byte("package main\n\nfunc main() {}\n"))
	cmd := exec.Command("go", "build", "-buildmode=pie", "-o", "prog", "main.go")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "CGO_ENABLED=0", "GOARCH=amd64", "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	c, err := Verify(context.Background(), DirFS("/"), Program{Path: filepath.Join(dir, "prog")}, Env{})
	if err != nil || c.Flavour != Glibc || len(c.Objects) != 2 {
		t.Errorf("got %v, %v", c, err)
	}
}
