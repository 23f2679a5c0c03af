package deliver

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// lockName is the file in a layout that a run holds while it writes there. It is removed at the end.
const lockName = ".fromscratch.lock"

// lockPoll is how often a run asks for a lock that another one holds.
const lockPoll = 50 * time.Millisecond

// errLocked is what tryLock answers while another process holds the lock.
var errLocked = errors.New("another run holds the lock")

// lockFolder waits until this process alone writes to the folder, or ctx ends. The system frees the lock with the
// process, however that ends.
func lockFolder(ctx context.Context, dir string) (release func() error, err error) {
	path := filepath.Join(dir, lockName)
	for {
		f, err := tryLock(path)
		if err == nil && stands(f, path) {
			return func() error { return unlock(f, path) }, nil
		}
		if err == nil {
			// The holder before us has removed the file that we then got the lock of.
			if err := f.Close(); err != nil {
				return nil, err
			}
			continue
		}
		if !errors.Is(err, errLocked) {
			return nil, fmt.Errorf("locking the folder: %w\nfix: name a folder that can be written", err)
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("waiting for another run to leave the folder: %w", context.Cause(ctx))
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
