//go:build unix

package deliver

import (
	"errors"
	"os"
	"syscall"
)

// tryLock opens the file and locks it with flock(2), which belongs to the open file and ends with its last descriptor.
func tryLock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666)
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

// unlock removes the file while it is held: who waits for it finds that it is gone, and makes another.
func unlock(f *os.File, path string) error { return errors.Join(os.Remove(path), f.Close()) }
