package gobuild_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/gobuild"
)

// placing is a cgo package whose flags all name its folder, for a header and a
// library there. %PKG% is the package's name.
const placing = `package %PKG%

/*
#cgo CFLAGS: -I${SRCDIR}/include -Iinclude
#cgo LDFLAGS: -L${SRCDIR}/lib -lanswer
#include "where.h"
int answer(void);
*/
import "C"

func Say() { println(C.GoString(C.where()), C.answer()) }
`

func TestHeavyReproducible(t *testing.T) {
	t.Parallel()
	header := "static const char *where(void) { return __FILE__; }\n"
	for name, tt := range map[string]struct {
		files   files
		opts    gobuild.Options
		library string // folder of libanswer.a
	}{
		"static":           {files: cgoOfStd},
		"symbols":          {files: cgoOfStd, opts: gobuild.Options{Symbols: true}},
		"cgo":              {files: viaCsum},
		"cgo with symbols": {files: viaCsum, opts: gobuild.Options{Symbols: true}},
		"cgo in the main": {files: files{
			"go.mod": mod,
			"main.go": `package main

// #cgo CFLAGS: -Iinclude
// #include "where.h"
import "C"

func main() { println(C.GoString(C.where())) }
`,
			"include/where.h": header,
		}},
		"folders in the flags of the main": {files: files{
			"go.mod":          mod,
			"main.go":         strings.Replace(placing, "%PKG%", "main", 1) + "\nfunc main() { Say() }\n",
			"include/where.h": header,
		}, library: "lib"},
		"folders in the flags of a package": {files: files{
			"go.mod": mod,
			"main.go": `package main

import "example.com/app/dep"

func main() { dep.Say() }
`,
			"dep/dep.go":          strings.Replace(placing, "%PKG%", "dep", 1),
			"dep/include/where.h": header,
		}, library: "dep/lib"},
	} {
		t.Run(name, func(t *testing.T) {
			need(t, "gcc")
			var first []byte
			for _, dir := range []string{t.TempDir(), filepath.Join(t.TempDir(), "a/longer/path with space")} {
				tt.files.writeTo(t, dir)
				if tt.library != "" {
					archive(t, filepath.Join(dir, tt.library))
				}
				if strings.Contains(dir, " ") && tt.library != "" {
					dir = unspaced(t, dir)
				}
				b := build(t, goIn(dir), linux, tt.opts)
				run(t, b.Path)
				content, err := os.ReadFile(b.Path)
				if err != nil {
					t.Fatal(err)
				}
				if bytes.Contains(content, []byte(dir)) {
					t.Errorf("the program knows the folder %q", dir)
				}
				if first == nil {
					first = content
				} else if !bytes.Equal(first, content) {
					t.Error("two checkouts make different programs")
				}
			}
		})
	}
}

// archive makes libanswer.a in a folder.
func archive(t *testing.T, dir string) {
	t.Helper()
	files{"answer.c": "int answer(void) { return 42; }\n"}.writeTo(t, dir)
	for _, args := range [][]string{{"gcc", "-c", "-o", "answer.o", "answer.c"}, {"ar", "rcsD", "libanswer.a", "answer.o"}} {
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%q: %v\n%s", args, err, out)
		}
	}
}

// unspaced moves a checkout to a folder without a space: the go command refuses
// spaces in ${SRCDIR}.
func unspaced(t *testing.T, dir string) string {
	t.Helper()
	to := strings.ReplaceAll(dir, " ", "_")
	if err := os.Rename(dir, to); err != nil {
		t.Fatal(err)
	}
	return to
}
