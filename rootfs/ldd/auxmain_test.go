//go:build linux && amd64

package ldd

import (
	"context"
	"debug/elf"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A program that itself names auxiliary or filter libraries. The loader's list of libraries begins after the
// program and omits what is put in front of it. So the programs are run, and report which library they got, and
// the loader reports what it has initialised. They end by _exit: with an object in front of the program,
// _dl_fini of glibc 2.36 fails an assertion (elf/dl-fini.c).
func TestAuxiliaryOfTheProgram(t *testing.T) {
	need(t, "gcc")
	for name, tt := range map[string]struct {
		tag     elf.DynTag
		removed bool // the library that the tag names
		want    int  // result of the program: 2 from the library that the tag names, 1 from the other one
	}{
		"auxiliary":            {elf.DT_AUXILIARY, false, 2},
		"auxiliary is missing": {elf.DT_AUXILIARY, true, 1},
		"filter":               {elf.DT_FILTER, false, 2},
		"filter is missing":    {elf.DT_FILTER, true, 127},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			gcc(t, dir, "libdep.so", "int two(void){return 2;}", "-shared", "-fPIC", "-Wl,-soname,libdep.so")
			gcc(t, dir, "libaux.so", "int two(void); int which(void){return two();}", "-shared", "-fPIC", "-Wl,-soname,libaux.so", "-L"+dir, "-l:libdep.so", "-Wl,-rpath,"+dir)
			gcc(t, dir, "libneeded.so", "int which(void){return 1;}", "-shared", "-fPIC", "-Wl,-soname,libneeded.so")
			gcc(t, dir, "prog", "#include <unistd.h>\nint which(void); int main(void){_exit(which());}", "-L"+dir, "-Wl,--no-as-needed", "-l:libneeded.so", "-l:libaux.so", "-Wl,-rpath,"+dir)
			prog := filepath.Join(dir, "prog")
			retag(t, prog, "libaux.so", tt.tag)
			if tt.removed {
				if err := os.Remove(filepath.Join(dir, "libaux.so")); err != nil {
					t.Fatal(err)
				}
			}
			want, code := initializedLibraries(t, prog)
			if code == 127 && tt.want != 127 {
				skip(t, "this machine's loader aborts on a program with DT_AUXILIARY or DT_FILTER, as that of glibc 2.31 does")
			}
			if code != tt.want {
				t.Fatalf("the program ended with %d, want %d", code, tt.want)
			}
			c, err := Verify(context.Background(), DirFS("/"), Program{Path: prog}, Env{})
			if tt.want == 127 {
				if err == nil || !strings.Contains(err.Error(), "libaux.so") {
					t.Errorf("error %v, want one for libaux.so", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, o := range c.Objects[2:] {
				if o.Opened == "" { // libgcc_s.so.1 would be opened later
					got = append(got, o.Path)
				}
			}
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Errorf("got\n  %s\nthe loader\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
			}
			if missing := len(c.Optional) > 0 && c.Optional[0].Soname == "libaux.so"; missing != tt.removed {
				t.Errorf("optional: %v", c.Optional)
			}
		})
	}
}

// retag changes the tag of a program's DT_NEEDED entry. Linkers write DT_AUXILIARY and DT_FILTER only into
// libraries, but loaders accept them anywhere.
func retag(t *testing.T, name, library string, tag elf.DynTag) {
	t.Helper()
	f, err := elf.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	names, err := f.ImportedLibraries()
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	dynamic := f.SectionByType(elf.SHT_DYNAMIC)
	nth := slices.Index(names, library)
	for off := dynamic.Offset; off < dynamic.Offset+dynamic.Size; off += 16 {
		if elf.DynTag(binary.LittleEndian.Uint64(data[off:])) != elf.DT_NEEDED {
			continue
		}
		if nth == 0 {
			binary.LittleEndian.PutUint64(data[off:], uint64(tag))
			if err := os.WriteFile(name, data, 0o755); err != nil {
				t.Fatal(err)
			}
			return
		}
		nth--
	}
	t.Fatalf("%s does not need %s", name, library)
}

// initializedLibraries runs a program and returns its exit code and the libraries that its loader has
// initialised, sorted.
func initializedLibraries(t *testing.T, prog string) (libraries []string, code int) {
	t.Helper()
	cmd := exec.Command(prog)
	cmd.Env = []string{"LD_DEBUG=files"}
	out, _ := cmd.CombinedOutput() // the exit code is a result
	for _, line := range strings.Split(string(out), "\n") {
		if _, lib, ok := strings.Cut(line, "calling init: "); ok && lib != "" && lib != glibcLoader {
			libraries = append(libraries, lib)
		}
	}
	slices.Sort(libraries)
	return libraries, cmd.ProcessState.ExitCode()
}
