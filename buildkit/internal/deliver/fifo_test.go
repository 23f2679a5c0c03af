//go:build unix

package deliver_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/deliver"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/image"
	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
)

// A folder with FIFOs, devices or huge files in place of a layout's files is refused, without waiting or filling the memory.
func TestLayoutRefusesWhatIsNoFile(t *testing.T) {
	const mark = `{"imageLayoutVersion":"1.0.0"}`
	for _, tt := range []struct {
		name    string
		prepare func(dir string) error
		want    string
	}{
		{"its mark is a FIFO", func(dir string) error { return syscall.Mkfifo(filepath.Join(dir, "oci-layout"), 0o644) }, "no regular file"},
		{"its mark leads to a device", func(dir string) error { return os.Symlink("/dev/zero", filepath.Join(dir, "oci-layout")) }, "no regular file"},
		{"its index is a FIFO", func(dir string) error {
			return errors.Join(os.WriteFile(filepath.Join(dir, "oci-layout"), []byte(mark), 0o644), syscall.Mkfifo(filepath.Join(dir, "index.json"), 0o644))
		}, "no regular file"},
		{"its index is huge", func(dir string) error {
			index := filepath.Join(dir, "index.json")
			return errors.Join(os.WriteFile(filepath.Join(dir, "oci-layout"), []byte(mark), 0o644), os.WriteFile(index, nil, 0o644), os.Truncate(index, 1<<40))
		}, "too many"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if err := tt.prepare(dir); err != nil {
				t.Fatal(err)
			}
			failed := make(chan error, 1)
			go func() {
				failed <- deliver.Layout{Dir: dir, Images: []*image.Image{small(t)}}.Write(context.Background())
			}()
			ctx, stop := context.WithTimeout(context.Background(), testkit.Patience)
			defer stop()
			select {
			case err := <-failed:
				if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "fix: ") {
					t.Errorf("error %v, want one with %q", err, tt.want)
				}
			case <-ctx.Done():
				t.Fatal("it has not ended")
			}
			if deliver.LayoutHolds(dir, digest.FromString("x")) {
				t.Error("it holds an image")
			}
		})
	}
}
