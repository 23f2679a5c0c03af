//go:build unix

package base

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/image"
)

// Files that are not regular are refused without opening them: no process writes to these FIFOs.
func TestFindRefusesFIFOs(t *testing.T) {
	const index = `{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:` +
		`aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","size":2}]}`
	const blob = "blobs/sha256/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	for _, tt := range []struct {
		name, ref string
		prepare   func(dir string) error
		want      string
	}{
		{"an archive", "archive:fifo", func(dir string) error { return syscall.Mkfifo(filepath.Join(dir, "fifo"), 0o644) }, "no regular file"},
		{"a device", "archive:null", func(dir string) error { return os.Symlink("/dev/zero", filepath.Join(dir, "null")) }, "no regular file"},
		{"the index of a layout", "oci:.", func(dir string) error { return syscall.Mkfifo(filepath.Join(dir, "index.json"), 0o644) }, "no regular file"},
		{"a blob of a layout", "oci:.", func(dir string) error {
			return errors.Join(os.WriteFile(filepath.Join(dir, "index.json"), []byte(index), 0o644),
				os.MkdirAll(filepath.Join(dir, "blobs/sha256"), 0o755), syscall.Mkfifo(filepath.Join(dir, blob), 0o644))
		}, "no regular file"},
		{"a link to a FIFO", "oci:.", func(dir string) error {
			return errors.Join(syscall.Mkfifo(filepath.Join(dir, "fifo"), 0o644), os.Symlink("fifo", filepath.Join(dir, "index.json")))
		}, "no regular file"},
		{"a blob of another size", "oci:.", func(dir string) error {
			return errors.Join(os.WriteFile(filepath.Join(dir, "index.json"), []byte(index), 0o644),
				os.MkdirAll(filepath.Join(dir, "blobs/sha256"), 0o755), os.WriteFile(filepath.Join(dir, blob), []byte("{}\n"), 0o644))
		}, "has 3 bytes, not 2"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := tt.prepare(dir); err != nil {
				t.Fatal(err)
			}
			failed := make(chan error, 1)
			go func() {
				_, err := Finder{Cache: t.TempDir()}.Find(context.Background(), Request{Reference: tt.ref, Dir: dir, Platform: image.Platform{OS: "linux", Architecture: "amd64"}})
				failed <- err
			}()
			select {
			case err := <-failed:
				if err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("error %v, want one with %q", err, tt.want)
				}
			case <-time.After(2 * time.Minute):
				t.Fatalf("the search has not ended: it waits for %s", tt.name)
			}
		})
	}
}
