package targets

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// The worker runs as this user, from mage's cache. So the folder and the file must belong to this user or to root, and
// no other user may write to them.

// checkCache returns an error if another user can put a worker into the folder.
func checkCache(dir string) error {
	info, err := os.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("checking mage's cache: %w", err)
	}
	if !info.IsDir() {
		return fmt.Errorf("checking mage's cache: %q is not a folder\nfix: remove it, or set MAGEFILE_CACHE to a folder", dir)
	}
	if err := checkOwner(info); err != nil {
		return fmt.Errorf("checking mage's cache: %q %w, so another user could put a program there that this run would start\nfix: run chmod go-w on the folder if it is yours, or set MAGEFILE_CACHE to a folder that only you can write to", dir, err)
	}
	return nil
}

// isTrusted reports whether a file can only have been written by this user or root.
func isTrusted(info fs.FileInfo) bool { return info.Mode().IsRegular() && checkOwner(info) == nil }

// makeCache creates a folder and its parents, writable by this user only, whatever the umask.
func makeCache(dir string) error {
	if info, err := os.Stat(dir); err == nil && info.IsDir() {
		return nil
	}
	if parent := filepath.Dir(dir); parent != dir {
		if err := makeCache(parent); err != nil {
			return err
		}
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return nil // another run was faster; if it is not a folder, the next step reports it
		}
		return err
	}
	return os.Chmod(dir, 0o755)
}
