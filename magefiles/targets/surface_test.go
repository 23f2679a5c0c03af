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

// mage lists and links the targets at each start, so they link few packages more than
// an empty magefile.
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

// mage's own parser finds exactly these targets. A new target breaks magefiles that have
// a function of that name.
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
			t.Errorf("%s takes arguments, so it cannot be a default or a dependency", f.Name)
		}
		if f.Synopsis == "" || strings.HasSuffix(f.Synopsis, ",") {
			t.Errorf("%s has the synopsis %q", f.Name, f.Synopsis)
		}
	}
	slices.Sort(names)
	want := []string{"Image", "ImageApply", "ImageArchive", "ImageCheck", "ImageClean", "ImageDev", "ImageDockerfile", "ImageExplain", "ImageLayout", "ImagePlan", "ImagePush", "ImageResolve", "ImageRootfs", "ImageRun", "ImageSBOM"}
	if !slices.Equal(names, want) {
		t.Errorf("the targets are %q, want %q", names, want)
	}
}
