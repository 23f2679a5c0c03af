package buildkit

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// lockPoll is how often a run asks for a lock that another one holds.
const lockPoll = 50 * time.Millisecond

// errLocked is what tryLock answers while another process holds the lock.
var errLocked = errors.New("another run holds the lock")

// lock waits until this process holds the lock file, or ctx ends. The system
// frees the lock with the process, however that ends. The error is
// fs.ErrNotExist when the folder of the file was removed meanwhile.
func lock(ctx context.Context, path string) (release func() error, err error) {
	for {
		f, err := tryLock(path)
		if err == nil && !stands(f, path) {
			// The holder before us removed the file that we then got the lock of.
			err = errors.Join(fs.ErrNotExist, f.Close())
		}
		if err == nil {
			return f.Close, nil
		}
		if !errors.Is(err, errLocked) {
			return nil, fmt.Errorf("locking the folder of the image: %w\nfix: make %q a folder that you can write to; where the module is read-only, a copy of it", err, filepath.Dir(filepath.Dir(path)))
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("waiting for another run to leave %q: %w", path, context.Cause(ctx))
		case <-time.After(lockPoll):
		}
	}
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
