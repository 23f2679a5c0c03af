//go:build unix && !aix && !(solaris && !illumos) && !fromscratch_fcntl

package filelock

import (
	"errors"
	"os"
	"syscall"
)

// try opens the file and locks it with flock(2). The lock belongs to the open file and ends with its last descriptor.
func try(path string) (*os.File, error) {
	f, err := openPrivate(path)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) || errors.Is(err, syscall.EINTR) {
		err = errLocked
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// free closes the file, which releases the lock.
func free(f *os.File) error { return f.Close() }
