package targets

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// The command that does the work is run as this user, who trusts what lies in mage's cache. So the folder and the
// file have to belong to this user, or to root, and nobody else may write them.

// checkCache refuses a folder in which somebody else can put a command.
func checkCache(dir string) error {
	info, err := os.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("looking at mage's cache: %w", err)
	}
	if !info.IsDir() {
		return fmt.Errorf("looking at mage's cache: %q is no folder\nfix: remove it, or set MAGEFILE_CACHE to a folder", dir)
	}
	if err := ownedAlone(info); err != nil {
		return fmt.Errorf("looking at mage's cache: %q %w, who could put a program there that this run would start\nfix: chmod go-w the folder if it is yours, or set MAGEFILE_CACHE to a folder that only you can write to", dir, err)
	}
	return nil
}

// isOwn reports whether a file is one that only this user can have written.
func isOwn(info fs.FileInfo) bool { return info.Mode().IsRegular() && ownedAlone(info) == nil }

// makeCache makes a folder and those above it, which only this user can write to, whatever the umask.
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
			return nil // another run was faster, or it is no folder, which the next step says
		}
		return err
	}
	return os.Chmod(dir, 0o755)
}
