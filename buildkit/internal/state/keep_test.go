package state

import (
	"slices"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/gobuild"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/plan"
)

// Plans share the lists of their sources, so a build must not change them.
func TestLayoutReadsKeepSources(t *testing.T) {
	files := append(make([]string, 0, 8), "/m/go.mod", "/m/main.go", "/m/other.go")
	src := gobuild.Sources{Module: t.TempDir(), Files: files[:2], Folders: []string{"/m/folder"}}
	p := plan.Image{Main: gobuild.Main{Sources: src}, Run: plan.Run{Dir: "/m"}, Root: "/m", Binary: "/app"}
	if _, err := layoutReads(p); err != nil {
		t.Fatal(err)
	}
	if want := []string{"/m/go.mod", "/m/main.go", "/m/other.go"}; !slices.Equal(files, want) {
		t.Errorf("the list is now %q", files)
	}
}
