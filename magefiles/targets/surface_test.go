package targets_test

import (
	"go/build"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/magefile/mage/parse"
)

// Every package that a magefile links is paid at each start of mage: the targets
// link little more than an empty magefile does.
func TestTargetsAreThin(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	packages := strings.Fields(string(out))
	if len(packages) > 90 {
		t.Errorf("the targets link %d packages, more than 90", len(packages))
	}
	for _, p := range packages {
		if p == "net" || strings.HasPrefix(p, "net/") || strings.HasPrefix(p, "crypto/") || strings.HasPrefix(p, "github.com/docker/") {
			t.Errorf("the targets link %s", p)
		}
	}
}

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
	want := []string{"Image", "ImageArchive", "ImageClean", "ImageDev", "ImageDockerfile", "ImageExplain", "ImageLayout", "ImagePlan", "ImagePush", "ImageRootfs", "ImageRun", "ImageSBOM"}
	if !slices.Equal(names, want) {
		t.Errorf("the targets are %q, want %q", names, want)
	}
}
