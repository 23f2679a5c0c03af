package describe

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/base"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/image"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/libraries"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/plan"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/platform"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/result"
	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
	"github.com/fromscratch-go/fromscratch/rootfs"
	"github.com/fromscratch-go/fromscratch/rootfs/ldd"
)

// onBase returns an image on a base that has the loader and a C library. The program needs its own library, which needs that of the base.
func onBase(t *testing.T) result.Result {
	t.Helper()
	dir := testkit.Module(t, map[string]string{"lib/ld.so": "loader", "lib/libc.so": "C library", "app": "the program", "lib/unused.so": ""})
	sys := ldd.DirFS(dir)
	tree, err := rootfs.Assemble(context.Background(), rootfs.Spec{
		Program: "/app", Binary: dir + "/app", Base: sys, BaseName: "base:1",
		Known: []rootfs.Entry{{Path: "/opt/libown.so", Mode: 0o644, Reason: "needed by /app (RUNPATH)", For: "/app", Source: rootfs.Bytes(nil)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	layer, err := image.NewLayer(context.Background(), nil, image.LayerOptions{CreatedBy: "system"})
	if err != nil {
		t.Fatal(err)
	}
	p := platform.Platform{OS: "linux", Architecture: "amd64"}
	img, err := image.New(image.Config{Platform: p}, []*image.Layer{layer})
	if err != nil {
		t.Fatal(err)
	}
	return result.Result{
		Plan: plan.Image{
			Name: "app", Reference: "app:1", Platform: p, BaseName: "base:1",
			Base: &base.Base{Image: &image.Base{Layers: []*image.Layer{layer}}},
		},
		Libraries: libraries.Set{
			Loader: "/lib/ld.so",
			Objects: []libraries.Object{
				{Name: "/app", Path: "/app", Real: "/app", NeededBy: -1},
				{Name: "ld.so", Path: "/lib/ld.so", Real: "/lib/ld.so", By: "interpreter", NeededBy: 0},
				{Name: "libown.so", Path: "/opt/libown.so", Real: "/opt/libown.so", By: "RUNPATH", NeededBy: 0},
				{Name: "libc.so", Path: "/lib/libc.so", Real: "/lib/libc.so", By: "default path", NeededBy: 2},
			},
			Candidates: []libraries.Candidate{{Name: "libz.so"}},
		},
		Tree: tree, Image: img, Notes: []string{"a note"},
	}
}

// An explanation has the libraries of the base that the program loads, and no other files of it.
func TestExplainOnBase(t *testing.T) {
	t.Parallel()
	r := onBase(t)
	x := Explain(r)
	if x.Image != "app" || x.Base != "base:1" || x.Size != x.BaseSize || len(x.Candidates) != 1 || !slices.Equal(x.Notes, []string{"a note"}) {
		t.Errorf("the explanation is %+v", x)
	}
	var ofBase []string
	for _, e := range x.Entries {
		if e.Layer == "base" {
			ofBase = append(ofBase, e.Path+": "+e.Reason)
		}
	}
	want := []string{
		"/lib: parent folder",
		"/lib/ld.so: needed by /app (interpreter), in the base base:1",
		"/lib/libc.so: needed by /opt/libown.so (default path), in the base base:1",
	}
	if !slices.Equal(ofBase, want) {
		t.Errorf("of the base are\n%s\nwant\n%s", strings.Join(ofBase, "\n"), strings.Join(want, "\n"))
	}
}

func TestChainOnBase(t *testing.T) {
	t.Parallel()
	r := onBase(t)
	for path, want := range map[string]string{
		"/lib/libc.so":   "/app /opt/libown.so /lib/libc.so",
		"/lib/ld.so":     "/app /lib/ld.so",
		"/opt/libown.so": "/app /opt/libown.so",
	} {
		chain, err := Chain(r, path)
		var paths []string
		for _, f := range chain {
			paths = append(paths, f.Path)
		}
		if got := strings.Join(paths, " "); err != nil || got != want {
			t.Errorf("the chain of %s is %s (%v), want %s", path, got, err, want)
		}
	}
	if chain, err := Chain(r, "/lib/unused.so"); err != nil || len(chain) != 1 || chain[0].Layer != "base" {
		t.Errorf("the chain of a file of the base is %+v (%v)", chain, err)
	}
	if chain, err := Chain(r, "/none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the chain of a missing file is %+v (%v)", chain, err)
	}
	// Libraries that need each other, as a preloaded one and the C library can.
	r.Libraries.Objects[2].NeededBy = 3
	if chain, err := Chain(r, "/lib/libc.so"); err != nil || len(chain) != 2 {
		t.Errorf("the chain of libraries that need each other is %+v (%v)", chain, err)
	}
}
