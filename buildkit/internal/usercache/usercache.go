// Package usercache finds the folder of this user in which fromscratch keeps layers, bases, files of builder images and its own
// programs for containers, for all modules. It makes the folder if it is missing.
package usercache

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Dir returns the folder, and makes it: $XDG_CACHE_HOME/fromscratch, ~/.cache/fromscratch by default. No other user may look into
// it, whatever the umask, because a base or a builder may be private.
func Dir() (string, error) {
	parent, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("finding the user's cache folder: %w\nfix: set HOME, or XDG_CACHE_HOME", err)
	}
	dir := filepath.Join(parent, "fromscratch")
	if err := makePrivate(dir); err != nil {
		return "", fmt.Errorf("making the user's cache folder: %w\nfix: let this user write to %q, or set XDG_CACHE_HOME", err, parent)
	}
	return dir, nil
}

// makePrivate makes a folder for this user alone. It closes one that an earlier version has made for everybody, and refuses one
// that belongs to another user.
func makePrivate(dir string) error {
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
	if err := checkOwner(info); err != nil || info.Mode().Perm()&0o077 == 0 {
		return err
	}
	if err := os.Chmod(dir, 0o700); err != nil && !errors.Is(err, fs.ErrPermission) && !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	return nil // only root can close a folder of root
}
