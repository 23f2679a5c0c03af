package builder

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/docker"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/gobuild"
)

// Two platforms of one image, which have the same ID in some engines, have different folders.
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
		if got := filepath.ToSlash(b.cacheDir()); got != row.want {
			t.Errorf("it is %q, want %q", got, row.want)
		}
	}
}

// An image states its own platform. With that it cannot choose the folder of another image, or one outside the cache.
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
		kept := filepath.ToSlash(b.cacheDir())
		if dir, name := path.Split(kept); dir != "sysroot/" || !strings.HasPrefix(name, "0123-") || strings.ContainsAny(name, "\x00\\") || seen[kept] {
			t.Errorf("the folder for %q is %q", p, kept)
		}
		seen[kept] = true
	}
}

// A module's path and version, and GOROOT, come from the image's programs, and cannot lead out of the cache.
func TestDownloadedHostile(t *testing.T) {
	t.Parallel()
	for _, below := range []string{
		"../../sysroot/4567-linux-amd64", "example.com/dep@v1/../../../../4567/x", "/etc", "example.com//dep@v1", "..", ".", "",
	} {
		b := builderOf(docker.Platform{OS: "linux", Architecture: "amd64"})
		b.owner.Cache = filepath.Join(t.TempDir(), "a/b/c")
		_, err := b.Downloaded(nobody(), below)
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%q: %v", below, err)
		}
		if entries, err := os.ReadDir(filepath.Dir(filepath.Dir(filepath.Dir(b.owner.Cache)))); err != nil || len(entries) > 0 {
			t.Errorf("%q left %v, %v", below, entries, err)
		}
		if _, err := b.GOROOT(nobody(), inside("mod")+"/"+below); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("GOROOT %q: %v", below, err)
		}
	}
}

// nobody is a context in which no container can be started.
func nobody() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

func builderOf(p docker.Platform) *Builder {
	return &Builder{owner: &Builders{}, image: docker.Image{ID: "sha256:0123", Platform: p}, HostGo: gobuild.Go{Env: []string{"PATH=/nowhere"}}}
}

// A damaged program in the cache, for builder containers, is compiled again.
func TestAttendantDamaged(t *testing.T) {
	t.Parallel()
	b := &Builder{owner: &Builders{Cache: t.TempDir()}, HostGo: gobuild.Go{Env: os.Environ()}}
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

// A container that compiles everything anew has no volume with what others have compiled.
func TestAnew(t *testing.T) {
	t.Parallel()
	b := builderOf(docker.Platform{OS: "linux", Architecture: "amd64"})
	if r := b.request(nil); r.Volumes[b.goCache()] == "" || r.Volumes[inside("mod")] == "" {
		t.Errorf("the volumes are %v, the cache is %s", r.Volumes, b.goCache())
	}
	b.owner.Anew = true
	if r := b.request(nil); r.Volumes[inside("cache")] != "" || r.Volumes[b.goCache()] != "" || r.Volumes[inside("mod")] == "" || !slices.Contains(r.Folders, b.goCache()) {
		t.Errorf("the volumes are %v, the cache is %s of %v", r.Volumes, b.goCache(), r.Folders)
	}
}
