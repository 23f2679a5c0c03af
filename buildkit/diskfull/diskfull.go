// Package diskfull says what helps against a full disk: which one it is, and whether
// it is its bytes or its inodes that are all taken.
package diskfull

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
)

// Fix is what helps, one line, where path could not be written.
func Fix(path string) string {
	dir := existing(path)
	if noInodes(dir) {
		return fmt.Sprintf("remove files on the disk of %q: it has no inode left for another one, however many bytes are free (df -i)", dir)
	}
	return fmt.Sprintf("free space on the disk of %q", dir)
}

// existing is the path, or the nearest folder above that is there.
func existing(path string) string {
	for {
		info, err := os.Stat(path)
		above := filepath.Dir(path)
		switch {
		case err == nil && info.IsDir(), above == path:
			return path
		}
		path = above
	}
}

// Is tells whether an error is that of a full disk, or of a user's full part of one.
func Is(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) ||
		runtime.GOOS == "windows" && errors.Is(err, errorDiskFull)
}

// errorDiskFull is ERROR_DISK_FULL, which package syscall has no name for. Elsewhere the number is another error.
// https://learn.microsoft.com/en-us/windows/win32/debug/system-error-codes--0-499-
const errorDiskFull = syscall.Errno(112)

// FixOf is Fix for the file that an error of the os package names; "" when it is none of a full disk, or names none.
func FixOf(err error) string {
	if !Is(err) {
		return ""
	}
	var at *fs.PathError
	var link *os.LinkError
	switch {
	case errors.As(err, &at):
		return Fix(at.Path)
	case errors.As(err, &link):
		return Fix(link.New)
	}
	return ""
}
