package targets_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
)

// imageSBOM writes three documents and prints their paths. imageArchive writes them beside
// the archive. imageClean removes them.
func TestSBOM(t *testing.T) {
	t.Parallel()
	testkit.NeedPackage(t, "sqlite3")
	dir := example(t, "sqlite")
	out := mage(t, dir, nil, "imageSBOM").wantOK(t).stdout
	paths := strings.Fields(out)
	if len(paths) != 3 {
		t.Fatalf("stdout is %q, want three paths", out)
	}
	for i, key := range []string{"spdxVersion", "bomFormat", "predicateType"} {
		text, err := os.ReadFile(paths[i])
		if err != nil {
			t.Fatal(err)
		}
		var doc map[string]any
		if err := json.Unmarshal(text, &doc); err != nil || doc[key] == nil {
			t.Errorf("%s has no %s (%v)", paths[i], key, err)
		}
	}
	mage(t, dir, nil, "imageClean").wantOK(t)
	archive := strings.TrimSpace(mage(t, dir, nil, "imageArchive").wantOK(t).stdout)
	for _, path := range append(paths, archive) {
		if _, err := os.Stat(path); err != nil {
			t.Error(err)
		}
	}
	mage(t, dir, nil, "imageClean").wantOK(t)
	if _, err := os.Stat(filepath.Dir(archive)); !os.IsNotExist(err) {
		t.Errorf("%s is still there (%v)", filepath.Dir(archive), err)
	}
}
