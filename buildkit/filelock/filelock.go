// Package filelock lets one process at a time work on a folder: it holds a file in it.
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

// ErrGone is that the file was removed while it was waited for: what it protected is gone, too. It is an
// [fs.ErrNotExist].
var ErrGone = fmt.Errorf("the lock was removed meanwhile: %w", fs.ErrNotExist)

// poll is how often it is asked for a lock that another process holds.
const poll = 50 * time.Millisecond

// errLocked is what try answers while another process holds the lock.
var errLocked = errors.New("another process holds the lock")

// Lock is a file that is held. The system frees it with the process, however that ends.
type Lock struct{ file *os.File }

// Acquire waits until this process holds the file, which is made when it is missing, or ctx ends. When the file was
// removed meanwhile it fails with ErrGone; when its folder is not there, with another [fs.ErrNotExist].
func Acquire(ctx context.Context, path string) (*Lock, error) {
	for {
		f, err := try(path)
		if err == nil && !stands(f, path) {
			// The holder before us has removed the file that we then got the lock of.
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
			return nil, fmt.Errorf("waiting for another run to leave %q: %w", path, context.Cause(ctx))
		case <-time.After(poll):
		}
	}
}

// Release frees the file, and leaves it where it is.
func (l *Lock) Release() error { return free(l.file) }

// Aside is in the name that a folder has while it is removed, after its own.
const Aside = "@removed-"

// RemoveFolder has the folder that the file lies in removed while the file is held. Before that the folder gets another
// name beside its own, dir@removed-…, at once: who waits for the file opens it again and again, and would make it anew in
// a folder that is half gone. What a run that is killed leaves of it has that name.
func (l *Lock) RemoveFolder(dir string, removeAll func(dir string) error) error {
	aside := fmt.Sprintf("%s%s%08x", dir, Aside, rand.Uint32())
	return l.Remove(func() error {
		if err := os.Rename(dir, aside); err != nil {
			return err
		}
		return removeAll(aside)
	})
}

// stands says whether path still names the open file f.
func stands(f *os.File, path string) bool {
	open, err := f.Stat()
	if err != nil {
		return false
	}
	named, err := os.Stat(path)
	return err == nil && os.SameFile(open, named)
}
