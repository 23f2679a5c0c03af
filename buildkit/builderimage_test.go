package buildkit

import (
	"path/filepath"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/docker"
)

// Two platforms of one image, which have one ID in some engines, have a folder each.
func TestBuilderKept(t *testing.T) {
	for _, row := range []struct {
		platform docker.Platform
		want     string
	}{
		{docker.Platform{OS: "linux", Arch: "amd64"}, "sysroot/0123-linux-amd64"},
		{docker.Platform{OS: "linux", Arch: "arm64"}, "sysroot/0123-linux-arm64"},
		{docker.Platform{OS: "linux", Arch: "arm", Variant: "v7"}, "sysroot/0123-linux-arm-v7"},
	} {
		b := builder{owner: &Builders{}, image: docker.Image{ID: "sha256:0123", Platform: row.platform}}
		if got := filepath.ToSlash(b.kept()); got != row.want {
			t.Errorf("it is %q, want %q", got, row.want)
		}
	}
}
