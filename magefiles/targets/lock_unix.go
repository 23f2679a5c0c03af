//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package targets

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"time"
)

// exclusive says that lock keeps other runs out.
const exclusive = true

// lock locks a file against other processes until release is called or this process ends. It waits while another one has it. If the
// file was removed meanwhile, the error is [errGone].
func lock(ctx context.Context, path string) (release func(), err error) {
	for told := false; ; {
		release, err := tryLock(path, true)
		if !errors.Is(err, errBusy) {
			return release, err
		}
		if !told {
			fmt.Fprintln(os.Stderr, prefix+"waiting for another run that compiles it")
			told = true
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// tryLock is lock that does not wait: if another process has the file, the error is [errBusy]. Without create, the file must exist.
func tryLock(path string, create bool) (release func(), err error) {
	flags := os.O_RDWR | syscall.O_NOFOLLOW
	if create {
		flags |= os.O_CREATE
	}
	f, err := os.OpenFile(path, flags, 0o600)
	if err != nil {
		return nil, err
	}
	for err = syscall.EINTR; errors.Is(err, syscall.EINTR); {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	}
	switch {
	case errors.Is(err, syscall.EWOULDBLOCK):
		err = errBusy
	case err != nil:
		err = &os.PathError{Op: "lock", Path: path, Err: err}
	default:
		err = isAt(f, path)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() { f.Close() }, nil
}

// isAt returns errGone if a path is no longer that of an open file: who opens the path now locks another file.
func isAt(f *os.File, path string) error {
	there, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return errGone
	}
	here, statErr := f.Stat()
	if err = errors.Join(err, statErr); err == nil && !os.SameFile(here, there) {
		err = errGone
	}
	return err
}
