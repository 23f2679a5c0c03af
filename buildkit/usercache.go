package buildkit

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// UserCache returns the folder of this user that layers, files of builder images and bases are kept in, and makes it:
// $XDG_CACHE_HOME/fromscratch, ~/.cache/fromscratch by default. Nobody else may look into it, whatever the umask: a base
// or a builder may be private.
func UserCache() (string, error) {
	parent, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("finding the user's cache folder: %w\nfix: set HOME, or XDG_CACHE_HOME", err)
	}
	dir := filepath.Join(parent, "fromscratch")
	if err := privateFolder(dir); err != nil {
		return "", fmt.Errorf("making the user's cache folder: %w\nfix: let this user write to %q, or set XDG_CACHE_HOME", err, parent)
	}
	return dir, nil
}

// privateFolder makes a folder for this user alone, and closes one that an earlier version has made for all. One of another
// user's is an error.
func privateFolder(dir string) error {
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	info, err := os.Stat(dir)
	switch {
	case err != nil:
		return err
	case !info.IsDir():
		return fmt.Errorf("%q is no folder", dir)
	}
	if err := othersFolder(info); err != nil || info.Mode().Perm()&0o077 == 0 {
		return err
	}
	if err := os.Chmod(dir, 0o700); err != nil && !errors.Is(err, fs.ErrPermission) && !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	return nil // a folder of root's is left to root
}
