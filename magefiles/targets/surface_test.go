package targets_test

import (
	"go/build"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/magefile/mage/parse"
)

// What mage's own parser finds is what users see and can be broken by: a new
// target collides with a function of theirs.
func TestSurface(t *testing.T) {
	dir, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	pkg, err := build.ImportDir(dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	info, err := parse.Package(dir, pkg.GoFiles, false)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range info.Funcs {
		names = append(names, f.TargetName())
		if len(f.Args) > 0 {
			t.Errorf("%s takes arguments: it could not be a default or a dependency", f.Name)
		}
		if f.Synopsis == "" || strings.HasSuffix(f.Synopsis, ",") {
			t.Errorf("%s has the synopsis %q", f.Name, f.Synopsis)
		}
	}
	slices.Sort(names)
	want := []string{"Image", "ImageArchive", "ImageClean", "ImagePlan", "ImageRootfs", "ImageRun"}
	if !slices.Equal(names, want) {
		t.Errorf("the targets are %q, want %q", names, want)
	}
}
