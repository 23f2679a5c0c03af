package compile

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/dist"
)

// The go command follows links and writes into folders, so neither may be in the place of the program.
func TestClearPlace(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		make func(path, outside string) error
	}{
		{"link", func(path, outside string) error { return os.Symlink(outside, path) }},
		{"folder", func(path, _ string) error { return os.MkdirAll(filepath.Join(path, "x"), 0o755) }},
		{"nothing", func(string, string) error { return nil }},
	} {
		t.Run(test.name, func(t *testing.T) {
			d, outside := dist.Folder(t.TempDir()), filepath.Join(t.TempDir(), "precious")
			path := filepath.Join(d.Rootfs(), "app")
			if err := errors.Join(os.WriteFile(outside, []byte("x"), 0o644), os.Mkdir(d.Rootfs(), 0o755), test.make(path, outside)); err != nil {
				t.Fatal(err)
			}
			if err := clearPlace(filepath.Join(d.Rootfs(), "app")); err != nil {
				t.Fatal(err)
			}
			if _, err := os.Lstat(path); !os.IsNotExist(err) {
				t.Errorf("something is still there (%v)", err)
			}
			if _, err := os.Stat(outside); err != nil {
				t.Error(err)
			}
		})
	}
}
