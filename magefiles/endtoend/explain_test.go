package endtoend_test

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
}
