package licences

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/builder"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/docker"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/gobuild"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/owners"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/plan"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/sysroot"
	"github.com/fromscratch-go/fromscratch/rootfs"
)

// rootOnly is an image without files.
type rootOnly struct{}

func (rootOnly) List(_ context.Context, w io.Writer) error {
	_, err := io.WriteString(w, "20000000755 4096 /\x00\x00")
	return err
}

func (rootOnly) Read(context.Context, []string, func(string, io.Reader) error) error { return nil }

// The modules of a program are what a Builder has written into it: they are no paths of this machine or of the image.
func TestModulesHostile(t *testing.T) {
	t.Parallel()
	root, private := t.TempDir(), t.TempDir()
	for _, dir := range []string{"replaced", "vendor/example.com/vendored"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	up, err := filepath.Rel(filepath.Join(root, "vendor"), private)
	if err != nil {
		t.Fatal(err)
	}
	below, err := filepath.Rel(root, private)
	if err != nil {
		t.Fatal(err)
	}
	cache := t.TempDir()
	for _, name := range []string{"example.com/ours@v1.0.0", "example.com/private@v1.0.0"} {
		if err := os.MkdirAll(filepath.Join(cache, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	sums := "example.com/ours v1.0.0 h1:AAAA=\nexample.com/ours v1.0.0/go.mod h1:AAAA=\nexample.com/private v1.0.0/go.mod h1:AAAA=\n"
	if err := os.WriteFile(filepath.Join(root, "go.sum"), []byte(sums), 0o644); err != nil {
		t.Fatal(err)
	}
	sys, err := sysroot.Open(context.Background(), t.TempDir(), rootOnly{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll("modules") }) // the cache of a builder that has no folder of its own
	p := plan.Image{Root: root, Module: gobuild.Module{Cache: cache}, Builder: builder.Of(docker.Image{ID: "sha256:0123"}, "golang:1.26", "", []string{root}, sys)}
	if list, err := licensed(context.Background(), p, &debug.BuildInfo{GoVersion: "go1.26/../../../../etc"}); err == nil {
		t.Errorf("the licences are %+v", list)
	}
	for _, row := range []struct {
		name, dir string
		module    debug.Module
		fails     bool
	}{
		{"replaced", filepath.Join(root, "replaced"), debug.Module{Path: "example.com/a", Replace: &debug.Module{Path: "./replaced"}}, false},
		{"vendored", filepath.Join(root, "vendor/example.com/vendored"), debug.Module{Path: "example.com/vendored", Version: "v1.0.0"}, false},
		{"replaced by a folder elsewhere", "", debug.Module{Path: "example.com/a", Replace: &debug.Module{Path: private}}, false},
		{"replaced by the root", "", debug.Module{Path: "example.com/a", Replace: &debug.Module{Path: "/"}}, false},
		{"replaced by a folder above", "", debug.Module{Path: "example.com/a", Replace: &debug.Module{Path: below}}, false},
		{"of go.sum", filepath.Join(cache, "example.com/ours@v1.0.0"), debug.Module{Path: "example.com/ours", Version: "v1.0.0"}, false},
		{"of another project", "", debug.Module{Path: "example.com/private", Version: "v1.0.0"}, true}, // no container can be asked
		{"a name that leads away", "", debug.Module{Path: up, Version: "v1.0.0"}, true},
		{"a version that leads away", "", debug.Module{Path: "example.com/a", Version: "v1/../../../x"}, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			list, err := licensed(context.Background(), p, &debug.BuildInfo{GoVersion: "go1.26", Deps: []*debug.Module{&row.module}})
			if (err != nil) != row.fails {
				t.Fatalf("%v", err)
			}
			if err == nil && list[1].dir != row.dir {
				t.Errorf("the folder is %q, want %q", list[1].dir, row.dir)
			}
		})
	}
}

// A module of a Builder has as many licences as it likes: they are not all held in memory.
func TestModulesBounded(t *testing.T) {
	t.Parallel()
	dir, text := fstest.MapFS{}, []byte(strings.Repeat("x", owners.MaxText))
	for i := range 20 {
		dir[fmt.Sprintf("%d/LICENSE", i)] = &fstest.MapFile{Data: text}
	}
	var texts Texts
	_, err := texts.addModule(module{name: "example.com/a@v1.0.0", fsys: dir, whole: true, fixed: true}, rootfs.Entry{Path: "/licenses"})
	if err == nil || !strings.Contains(err.Error(), "fix: set Licenses to false") {
		t.Errorf("the error is %v, with %d texts", err, len(texts.Entries))
	}
}
