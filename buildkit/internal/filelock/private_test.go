//go:build unix

package filelock_test

import (
	"context"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/filelock"
)

// Nobody else can open the lock, and so hold it, whatever the umask and whoever made the file before.
func TestPrivate(t *testing.T) {
	for name, before := range map[string]os.FileMode{"new": 0, "of an earlier version": 0o644, "that everybody can write": 0o666} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), ".lock")
			if before != 0 {
				if err := os.WriteFile(path, nil, 0o600); err != nil {
					t.Fatal(err)
				}
				if err := os.Chmod(path, before); err != nil {
					t.Fatal(err)
				}
			}
			mask := syscall.Umask(0)
			l, err := filelock.Acquire(context.Background(), path)
			syscall.Umask(mask)
			if err != nil {
				t.Fatal(err)
			}
			defer l.Release()
			if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("the lock is %v, %v", info.Mode(), err)
			}
		})
	}
}
