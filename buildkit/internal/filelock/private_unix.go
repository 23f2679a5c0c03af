//go:build unix

package filelock

import (
	"errors"
	"io/fs"
	"os"
)

// openPrivate opens the file for this user alone: whoever can read a file can lock it with flock(2), and could hold this user's
// runs up for as long as he likes. It closes a file that an earlier version has made for everybody to read.
func openPrivate(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && info.Mode().Perm()&0o077 != 0 {
		err = f.Chmod(0o600)
	}
	if err != nil && !errors.Is(err, fs.ErrPermission) && !errors.Is(err, errors.ErrUnsupported) { // some file systems have a fixed mode
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}
