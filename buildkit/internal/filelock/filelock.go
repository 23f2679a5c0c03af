// Package filelock locks files between processes, so that only one process at a time works on a folder. [Acquire] locks
// a file in the folder and returns a [Lock]. [MakeTemp] makes temporary folders that are removed after a crash.
package filelock

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"time"
)

// ErrGone means that the file was removed while Acquire waited for it, so what it protected is gone too. It is an
// [fs.ErrNotExist].
var ErrGone = fmt.Errorf("the lock was removed meanwhile: %w", fs.ErrNotExist)

// poll is the interval between attempts to get a lock that another process holds.
const poll = 50 * time.Millisecond

// errLocked is the error of try if another process holds the lock.
var errLocked = errors.New("another process holds the lock")

// Lock is a locked file. The system releases it when the process ends, however it ends.
type Lock struct{ file *os.File }

// Acquire waits until this process holds the lock on the file, or ctx ends. It creates the file if it is missing. It
// fails with ErrGone if the file is removed during the wait, and with another [fs.ErrNotExist] if its folder is missing.
func Acquire(ctx context.Context, path string) (*Lock, error) {
	for {
		f, err := try(path)
		if err == nil && !isCurrent(f, path) {
			// The previous holder removed the file before we got its lock.
			err = errors.Join(ErrGone, free(f))
		}
		if err == nil {
			return &Lock{f}, nil
		}
		if !errors.Is(err, errLocked) {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("waiting for another run to release %q: %w", path, context.Cause(ctx))
		case <-time.After(poll):
		}
	}
}

// Release releases the lock and leaves the file in place.
func (l *Lock) Release() error { return free(l.file) }

// Aside follows a folder's own name while the folder is being removed.
const Aside = "@removed-"

// RemoveFolder removes the folder that the file is in while it holds the lock. It first renames the folder to
// dir@removed-… in one step, because processes that wait for the lock try to open the file again and again, and would
// create it in a half-removed folder. If the run is killed, the rest of the folder keeps that name.
func (l *Lock) RemoveFolder(dir string, removeAll func(dir string) error) error {
	aside := fmt.Sprintf("%s%s%08x", dir, Aside, rand.Uint32())
	return l.Remove(func() error {
		if err := os.Rename(dir, aside); err != nil {
			return err
		}
		return removeAll(aside)
	})
}

// isCurrent reports whether path still refers to the open file f.
func isCurrent(f *os.File, path string) bool {
	open, err := f.Stat()
	if err != nil {
		return false
	}
	named, err := os.Stat(path)
	return err == nil && os.SameFile(open, named)
}
