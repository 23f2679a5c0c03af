package targets_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
)

// imageExplain prints why each file of the SQLite example is there: as a tree, as the
// chain for one file, and as JSON.
func TestExplain(t *testing.T) {
	t.Parallel()
	testkit.NeedPackage(t, "sqlite3")
	dir := example(t, "sqlite")
	tree := mage(t, dir, nil, "imageExplain").wantOK(t).stdout
	for _, want := range []string{"sqlite:" + tag, "libsqlite3.so.0.", "needed by /sqlite (", "names the image's users", "on the way to ", "the program"} {
		if !strings.Contains(tree, want) {
			t.Errorf("the tree does not say %q", want)
		}
	}

	out := mage(t, dir, nil, "imageExplain", "--", "--json").wantOK(t).stdout
	var all []struct {
		Image   string
		Size    int64
		Entries []struct{ Path, Type, Reason, For string }
	}
	if err := json.Unmarshal([]byte(out), &all); err != nil || len(all) != 1 {
		t.Fatalf("want JSON with one image: %v, %d objects", err, len(all))
	}
	x := all[0]
	if x.Image != "sqlite" || x.Size < 1e6 {
		t.Errorf("the image is %q of %d bytes, want sqlite of at least 1 MB", x.Image, x.Size)
	}
	libm := ""
	for _, e := range x.Entries {
		if e.Reason == "" {
			t.Errorf("%s has no reason", e.Path)
		}
		if strings.Contains(e.Path, "/libm.so.6") && e.Type == "file" {
			libm = e.Path
		}
	}

	// SQLite needs libm, the program does not.
	chain := mage(t, dir, nil, "imageExplain", "--", libm).wantOK(t).stdout
	lines := strings.Split(strings.TrimSpace(chain), "\n")
	if len(lines) != 3 || !strings.HasPrefix(lines[0], "/sqlite ") || !strings.Contains(lines[1], "libsqlite3.so.0.") || !strings.Contains(lines[2], libm) {
		t.Errorf("the chain of %s is\n%s", libm, chain)
	}

	// With the libraries of an earlier run it prints the same.
	again := mage(t, dir, nil, "imageExplain").wantOK(t)
	if again.stdout != tree || !strings.Contains(again.stderr, ", as before") {
		t.Errorf("the second time it prints\n%s%s\nfirst it printed\n%s", again.stderr, again.stdout, tree)
	}
	mage(t, dir, nil, "imageExplain", "--", "/none").wantError(t, 2, `"/none"`, "fix: ")
	mage(t, dir, nil, "imageExplain", "--", "--nonsense").wantError(t, 2, "nonsense", "fix: ")
	mage(t, dir, nil, "imageExplain", "--", "relative").wantError(t, 2, "relative", "fix: ")
}

// imagePlan compiles the program to find what it needs, and lists candidates. A candidate
// does not get into the image.
func TestPlanCandidates(t *testing.T) {
	t.Parallel()
	testkit.Need(t, "gcc")
	dir := project(t, map[string]string{
		"main.go": `package main

// #cgo LDFLAGS: -ldl
// #include <dlfcn.h>
// static void *look(void) { return dlopen("libz.so.1", RTLD_NOW); }
import "C"

import (
	"fmt"
	"time"
)

func main() { fmt.Println(C.look(), time.UTC) ; fmt.Println(time.LoadLocation("Europe/Berlin")) }
`,
		"magefile.go": magefileWith(``),
	})
	r := mage(t, dir, nil, "imagePlan").wantOK(t)
	for _, want := range []string{"libraries", "time.LoadLocation", "candidates", "libz.so.1"} {
		if !strings.Contains(r.stdout, want) {
			t.Errorf("the plan does not say %q", want)
		}
	}
	tree := mage(t, dir, nil, "imageExplain").wantOK(t).stdout
	if before, _, _ := strings.Cut(tree, "not in the image"); strings.Contains(before, "libz.so") {
		t.Error("a candidate is in the image")
	}
	// The plan after a build still lists them.
	if again := mage(t, dir, nil, "imagePlan").wantOK(t).stdout; again != r.stdout {
		t.Errorf("after a build the plan is\n%s\nbefore it was\n%s", again, r.stdout)
	}
	broken := project(t, map[string]string{"main.go": "package main\n\nfunc main() { undefined() }\n", "magefile.go": magefileWith(``)})
	r = mage(t, broken, nil, "imagePlan").wantOK(t)
	if !strings.Contains(r.stdout, "reference") || !strings.Contains(r.stderr, "the plan is incomplete") {
		t.Errorf("the plan of a program that does not compile is\n%s%s", r.stdout, r.stderr)
	}
}
