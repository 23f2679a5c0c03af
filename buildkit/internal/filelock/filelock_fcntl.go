//go:build aix || (solaris && !illumos) || (unix && fromscratch_fcntl)

// Solaris and AIX have no flock(2). The tag fromscratch_fcntl selects this file elsewhere, for tests.

package filelock

import (
	"errors"
	"io"
	"os"
	"slices"
	"sync"
	"syscall"
)

// A lock of fcntl(2) belongs to the process, and is lost when the process closes any descriptor of the file. So
// this process keeps a list of the files it holds, and never opens such a file again.
var (
	mu   sync.Mutex
	held []os.FileInfo
)

// try opens the file and locks it with fcntl(2).
func try(path string) (*os.File, error) {
	mu.Lock()
	defer mu.Unlock()
	if info, err := os.Stat(path); err == nil && holds(info) {
		return nil, errLocked
	}
	f, err := openPrivate(path)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil {
		err = syscall.FcntlFlock(f.Fd(), syscall.F_SETLK, &syscall.Flock_t{Type: syscall.F_WRLCK, Whence: io.SeekStart})
	}
	if errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EACCES) || errors.Is(err, syscall.EINTR) {
		err = errLocked
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	held = append(held, info)
	return f, nil
}

// holds reports whether this process holds a file.
func holds(info os.FileInfo) bool {
	return slices.ContainsFunc(held, func(have os.FileInfo) bool { return os.SameFile(have, info) })
}

// free closes the file, which releases the lock.
func free(f *os.File) error {
	mu.Lock()
	defer mu.Unlock()
	if info, err := f.Stat(); err == nil {
		held = slices.DeleteFunc(held, func(have os.FileInfo) bool { return os.SameFile(have, info) })
	}
	return f.Close()
}
