package buildkit

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/fromscratch-go/fromscratch/buildkit/docker"
	"github.com/fromscratch-go/fromscratch/buildkit/gobuild"
)

// Two platforms of one image, which have one ID in some engines, have a folder each.
func TestBuilderKept(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		platform docker.Platform
		want     string
	}{
		{docker.Platform{OS: "linux", Architecture: "amd64"}, "sysroot/0123-linux-amd64"},
		{docker.Platform{OS: "linux", Architecture: "arm64"}, "sysroot/0123-linux-arm64"},
		{docker.Platform{OS: "linux", Architecture: "arm", Variant: "v7"}, "sysroot/0123-linux-arm-v7"},
	} {
		b := builderOf(row.platform)
		if got := filepath.ToSlash(b.kept()); got != row.want {
			t.Errorf("it is %q, want %q", got, row.want)
		}
	}
}

// An image says itself what its platform is: it cannot choose the folder of another image, or one outside of the cache.
func TestBuilderKeptHostile(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, p := range []docker.Platform{
		{OS: "linux", Architecture: "amd64"},
		{OS: "linux", Architecture: "amd64", Variant: "/../4567-linux-amd64"},
		{OS: "linux", Architecture: "amd64", Variant: "v1/../../../../../home"},
		{OS: "linux/../../..", Architecture: "amd64"},
		{OS: "linux", Architecture: ".."},
		{OS: "linux", Architecture: "/.."},
		{OS: "linux", Architecture: "amd64", Variant: "\x00"},
	} {
		b := builderOf(p)
		kept := filepath.ToSlash(b.kept())
		if dir, name := path.Split(kept); dir != "sysroot/" || !strings.HasPrefix(name, "0123-") || strings.ContainsAny(name, "\x00\\") || seen[kept] {
			t.Errorf("the folder for %q is %q", p, kept)
		}
		seen[kept] = true
	}
}

// The path and the version of a module, and GOROOT, are what the programs of the image say.
func TestDownloadedHostile(t *testing.T) {
	t.Parallel()
	for _, below := range []string{
		"../../sysroot/4567-linux-amd64", "example.com/dep@v1/../../../../4567/x", "/etc", "example.com//dep@v1", "..", ".", "",
	} {
		b := builderOf(docker.Platform{OS: "linux", Architecture: "amd64"})
		b.owner.Cache = filepath.Join(t.TempDir(), "a/b/c")
		_, err := b.downloaded(nobody(), below)
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%q: %v", below, err)
		}
		if entries, err := os.ReadDir(filepath.Dir(filepath.Dir(filepath.Dir(b.owner.Cache)))); err != nil || len(entries) > 0 {
			t.Errorf("%q left %v, %v", below, entries, err)
		}
		if _, err := b.goroot(nobody(), inside("mod")+"/"+below); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("GOROOT %q: %v", below, err)
		}
	}
}

// nobody is a context in which no container is started.
func nobody() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

func builderOf(p docker.Platform) *builder {
	return &builder{owner: &Builders{}, image: docker.Image{ID: "sha256:0123", Platform: p}, host: gobuild.Go{Env: []string{"PATH=/nowhere"}}}
}

// A program for builder containers that was damaged in the cache is compiled again.
func TestAttendantDamaged(t *testing.T) {
	t.Parallel()
	b := &builder{owner: &Builders{Cache: t.TempDir()}, host: gobuild.Go{Env: os.Environ()}}
	linux := gobuild.Target{OS: "linux", Architecture: "amd64"}
	want, err := b.attendantFor(context.Background(), linux)
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(b.owner.Cache, "attendant-*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("the files are %q, %v", files, err)
	}
	if err := os.Truncate(files[0], 0); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if got, err := b.attendantFor(context.Background(), linux); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d bytes, not %d, %v", len(got), len(want), err)
		}
	}
}

// The provenance names the Go that has compiled, and the image that it is in with its whole digest: the registry's, where
// the image is from one. Nothing in it is about the engine.
func TestBuilderProvenance(t *testing.T) {
	t.Parallel()
	id, manifest := strings.Repeat("1", 64), strings.Repeat("2", 64)
	for _, row := range []struct {
		name    string
		digests []string
		has     []string
	}{
		{"pulled", []string{"golang@sha256:" + manifest}, []string{"pkg:oci/golang@sha256:" + manifest, `"sha256": "` + manifest + `"`}},
		{"another's", []string{"registry.example/golang@sha256:" + manifest}, []string{`"sha256": "` + id + `"`}},
		{"loaded", nil, []string{`"sha256": "` + id + `"`}},
	} {
		t.Run(row.name, func(t *testing.T) {
			p := Plan{
				Root: t.TempDir(), Binary: "/app", Reference: "app:1", config: Config{Builder: "golang:1.26", Origin: "magefile.go:3"},
				module: gobuild.Module{GoVersion: "go1.21.0"}, inside: gobuild.Module{GoVersion: "go1.26.9"},
				builder: &builder{ref: "golang:1.26", image: docker.Image{ID: "sha256:" + id, Digests: row.digests}},
			}
			p.decided("platform", "linux/amd64", "engine at tcp://me@far.example")
			p.decided("builder", p.builder.name()+", go1.26.9, at tcp://me@far.example", "magefile.go:3")
			text, err := (&Built{Plan: p, Binary: &gobuild.Binary{}}).provenance(context.Background(), digest.FromString(""))
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range append(row.has, `"go": "go1.26.9"`, `"value": "golang:1.26"`, `"name": "builder"`) {
				if !bytes.Contains(text, []byte(want)) {
					t.Errorf("it has no %s", want)
				}
			}
			for _, not := range []string{"go1.21.0", "far.example", `"engine`} {
				if bytes.Contains(text, []byte(not)) {
					t.Errorf("it has %s", not)
				}
			}
			if t.Failed() {
				t.Logf("%s", text)
			}
		})
	}
}
