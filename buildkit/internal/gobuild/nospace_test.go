package gobuild

import (
	"fmt"
	"testing"
)

// The fix names the full disk. Only the go command's own folders can be moved.
func TestNoSpace(t *testing.T) {
	dir := t.TempDir()
	for _, tt := range []struct{ name, output, want string }{
		{"dist, go build", "go build example.com/hello: copying /tmp/go-build1/b001/exe/a.out to " + dir + "/rootfs/hello: write " + dir + "/rootfs/hello: no space left on device",
			fmt.Sprintf("free space on the disk of %q", dir)},
		{"work folder", "go: creating work dir: mkdir " + dir + "/go-build35: no space left on device",
			fmt.Sprintf("free space on the disk of %q, or set GOTMPDIR and GOCACHE to folders on another disk", dir)},
		{"no folder", "compile: writing output: write $WORK/b011/_pkg_.a: no space left on device", "make room, or set GOTMPDIR and GOCACHE to folders on another disk"},
		{"C compiler", "as: BFD: final close failed: No space left on device", "make room, or set GOTMPDIR and GOCACHE to folders on another disk"},
		{"something else", "main.go:1: undefined: x", ""},
	} {
		if got := fixFor(tt.output); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}
