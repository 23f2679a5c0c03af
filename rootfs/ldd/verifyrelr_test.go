//go:build linux && amd64

package ldd

import (
	"context"
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The real loader rejects an object with DT_RELR that does not require the version of libc for it, unless it
// requires no versions at all.
func TestVerifyRELR(t *testing.T) {
	need(t, "gcc", "ld")
	if !strings.Contains(run(t, "/", "ld", "--help"), "pack-relative-relocs") {
		skip(t, "this ld has no -z pack-relative-relocs (binutils 2.38)")
	}
	const source = "static int x; int *p[] = {&x,&x,&x,&x,&x,&x,&x,&x};\n"
	packed := []string{"-shared", "-fPIC", "-Wl,-z,pack-relative-relocs"}
	for name, tt := range map[string]struct {
		source  string
		args    []string
		forget  bool // GLIBC_ABI_DT_RELR
		refused bool
	}{
		"as the linker writes it":     {source + `#include <stdio.h>` + "\nint a(void){return puts(\"\");}", packed, false, false},
		"without the version":         {source + `#include <stdio.h>` + "\nint a(void){return puts(\"\");}", packed, true, true},
		"no packed relocations":       {source + `#include <stdio.h>` + "\nint a(void){return puts(\"\");}", packed[:2], false, false},
		"no versions at all":          {source + "int a(void){return 0;}", append(packed, "-nostdlib", "-Wl,--no-as-needed", "stub/libc.so.6"), false, false},
		"versions of another library": {source + "int f(void); int a(void){return f();}", append(packed, "-nostdlib", "-Wl,--no-as-needed", "stub/libc.so.6", "-Llib", "-l:libver.so.1", "-Wl,-rpath,$ORIGIN/lib"), false, true},
		"no libc":                     {source + "int f(void); int a(void){return f();}", append(packed, "-nostdlib", "-Llib", "-l:libver.so.1", "-Wl,-rpath,$ORIGIN/lib"), false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			versioned(t, dir, "int f(void){return 0;}", "V1 { global: f; local: *; };\n")
			gcc(t, dir, "stub/libc.so.6", "int nothing;", "-shared", "-fPIC", "-nostdlib", "-Wl,-soname,libc.so.6")
			gcc(t, dir, "liba.so", tt.source, tt.args...)
			if tt.forget {
				forgetRELR(t, filepath.Join(dir, "liba.so"))
			}
			gcc(t, dir, "prog", "int a(void); int main(void){a(); return 0;}", "-L.", "-l:liba.so", "-Wl,-rpath,$ORIGIN", "-Wl,--allow-shlib-undefined")
			prog := filepath.Join(dir, "prog")
			out, err := exec.Command(prog).CombinedOutput()
			if refused := err != nil; refused != tt.refused || refused && !strings.Contains(string(out), "DT_RELR without") {
				if !strings.Contains(loaderText(t), "DT_RELR without") {
					skip(t, "this machine's glibc is older than 2.36")
				}
				t.Fatalf("the loader: %v: %s", err, out)
			}
			_, err = Verify(context.Background(), DirFS("/"), Program{Path: prog}, Env{})
			want := `"` + dir + `/liba.so" has DT_RELR without GLIBC_ABI_DT_RELR dependency`
			if got := err != nil && strings.Contains(err.Error(), want) && strings.Contains(err.Error(), "\nfix: "); got != tt.refused || err != nil && !got {
				t.Errorf("got %v, refused %t", err, tt.refused)
			}
			// The same for a plugin, which the program can do without.
			c, err := Resolve(context.Background(), DirFS("/"), Program{Path: "/bin/sh", Tries: []string{filepath.Join(dir, "liba.so")}}, Env{})
			if err != nil || (len(c.Left) == 1) != tt.refused {
				t.Errorf("as a plugin: %v, left %v", err, c.Left)
			}
		})
	}
}

// loaderText returns the binary of the machine's loader, to search its messages.
func loaderText(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(glibcLoader)
	if err != nil {
		skip(t, "glibc's loader is not installed")
	}
	return string(text)
}

// forgetRELR replaces a library's requirement of GLIBC_ABI_DT_RELR with a second requirement of another
// version.
func forgetRELR(t *testing.T, name string) {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	f, d := readFake(t, data)
	off := fileOffset(t, f, d.Tags[elf.DT_VERNEED])
	strs := fileOffset(t, f, d.Tags[elf.DT_STRTAB])
	aux := off + uint64(f.Order.Uint32(data[off+8:]))
	var other, relr []byte
	for range f.Order.Uint16(data[off+2:]) {
		entry := data[aux : aux+16]
		if cText(data[strs+uint64(f.Order.Uint32(entry[8:])):]) == relrVersion {
			relr = entry
		} else {
			other = entry
		}
		aux += uint64(f.Order.Uint32(entry[12:]))
	}
	if relr == nil || other == nil {
		t.Fatalf("%s has no %s, or nothing else", name, relrVersion)
	}
	copy(relr[:4], other[:4])     // the hash
	copy(relr[8:12], other[8:12]) // the name
	write(t, name, data)
}
