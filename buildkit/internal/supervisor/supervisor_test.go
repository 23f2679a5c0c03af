package supervisor

import (
	"context"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/gobuild"
)

// All files of the program are in the module that is compiled, and they import nothing from elsewhere.
func TestFiles(t *testing.T) {
	t.Parallel()
	var want, got []string
	for _, dir := range []string{"program", "report"} {
		paths, err := filepath.Glob(dir + "/*.go")
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, paths...)
	}
	want = slices.DeleteFunc(want, func(path string) bool {
		return strings.HasSuffix(path, "_test.go") || path == filepath.Join("program", "doc.go") || path == filepath.Join("program", "other.go")
	})
	err := fs.WalkDir(files, ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		got = append(got, filepath.FromSlash(name))
		f, err := parser.ParseFile(token.NewFileSet(), filepath.FromSlash(name), nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, i := range f.Imports {
			path, err := strconv.Unquote(i.Path.Value)
			if err != nil || strings.Contains(path, ".") && path != Program.Module+"/report" {
				t.Errorf("%s imports %s (%v)", name, i.Path.Value, err)
			}
		}
		return nil
	})
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("the files are %q (%v), want %q", got, err, want)
	}
}

// It compiles in a module of its own.
func TestProgram(t *testing.T) {
	t.Parallel()
	target := gobuild.Target{OS: "linux", Architecture: runtime.GOARCH}
	program, err := Program.Compile(context.Background(), gobuild.Go{Env: os.Environ()}, t.TempDir(), target)
	if err != nil || !strings.HasPrefix(string(program), "\x7fELF") {
		t.Errorf("got %d bytes, %v", len(program), err)
	}
}
