// Package diskfull suggests a fix for a full disk: [Fix] and [FixOf] return which disk is full, and whether its bytes or
// its inodes are used up.
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

// Fix returns a one-line fix for a disk on which path could not be written.
func Fix(path string) string {
	dir := existing(path)
	if noInodes(dir) {
		return fmt.Sprintf("remove files on the disk of %q: it has no inodes left, even if bytes are free (df -i)", dir)
	}
	return fmt.Sprintf("free space on the disk of %q", dir)
}

// existing returns the path, or the nearest folder above it that exists.
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

// Is reports whether an error means a full disk, or an exhausted quota.
func Is(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) ||
		runtime.GOOS == "windows" && errors.Is(err, errorDiskFull)
}

// errorDiskFull is ERROR_DISK_FULL, which package syscall does not name. On other systems the number is another error.
// https://learn.microsoft.com/en-us/windows/win32/debug/system-error-codes--0-499-
const errorDiskFull = syscall.Errno(112)

// FixOf returns Fix for the file that an error of the os package names. It returns "" if err does not mean a full disk
// or names no file.
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
