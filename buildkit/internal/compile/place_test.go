package compile

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/plan"
	"github.com/fromscratch-go/fromscratch/rootfs"
)

// A link that an earlier build has put on the way to the program leads to nothing that is removed or written.
func TestHostilePlace(t *testing.T) {
	t.Parallel()
	root, outside := t.TempDir(), t.TempDir()
	p := plan.Image{Name: "app", Root: root, Files: rootfs.Spec{Program: "/opt/acme/app"}}
	theirs := filepath.Join(outside, "acme", "app")
	if err := os.MkdirAll(theirs, 0o755); err != nil { // a folder is removed before the program is written
		t.Fatal(err)
	}
	if err := os.MkdirAll(p.Dist().Rootfs(), 0o755); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(p.Dist().Rootfs(), "opt")
	if err := os.Symlink(outside, link); err != nil {
		t.Fatal(err)
	}
	if _, err := Clear(p); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(theirs); err != nil {
		t.Errorf("a folder outside of dist is gone: %v", err)
	}
	if _, err := os.Lstat(link); err == nil {
		t.Error("the program would be written behind a link")
	}
	if err := os.MkdirAll(filepath.Dir(p.Executable()), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p.Executable(), nil, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := Clear(p); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(p.Executable()); err != nil {
		t.Errorf("the program of the last build is gone: %v", err)
	}
}
