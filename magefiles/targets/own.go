package targets

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// The worker runs as this user, from the user's cache. So its folders and its file must belong to this user or to root, and
// no other user may write to them.

// cacheDir returns the folder of this user for workers, layers and the like.
func cacheDir() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("finding the user's cache folder: %w\nfix: set HOME, or XDG_CACHE_HOME", err)
	}
	return filepath.Join(dir, "fromscratch"), nil
}

// checkFolder returns an error if another user can put something into the folder. A folder that is missing is fine.
func checkFolder(dir string) error {
	info, err := os.Lstat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("checking the cache of workers: %w", err)
	}
	if !info.IsDir() {
		return fmt.Errorf("checking the cache of workers: %q is not a folder\nfix: remove it, or set XDG_CACHE_HOME to another folder", dir)
	}
	if err := checkOwner(info); err != nil {
		return fmt.Errorf("checking the cache of workers: %q %w, so another user could put a program there that this run would start\nfix: run chmod go-w on the folder if it is yours, or set XDG_CACHE_HOME to a folder that only you can write to", dir, err)
	}
	return nil
}

// isTrusted reports whether a file can only have been written by this user or root.
func isTrusted(info fs.FileInfo) bool { return info.Mode().IsRegular() && checkOwner(info) == nil }

// makeFolder makes a folder and its parents, for this user only, whatever the umask. A private image may be in it.
func makeFolder(dir string) error {
	if info, err := os.Stat(dir); err == nil && info.IsDir() {
		return nil
	}
	if parent := filepath.Dir(dir); parent != dir {
		if err := makeFolder(parent); err != nil {
			return err
		}
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return nil // another run was faster; if it is not a folder, the next step reports it
		}
		return err
	}
	return os.Chmod(dir, 0o700)
}
