package deliver

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/filelock"
)

// lockName is the file that a run locks while it writes to a layout. It is removed at the end.
const lockName = ".fromscratch.lock"

// lockFolder waits for the lock of the folder, or until ctx ends.
func lockFolder(ctx context.Context, dir string) (release func() error, err error) {
	path := filepath.Join(dir, lockName)
	for {
		l, err := filelock.Acquire(ctx, path)
		switch {
		case err == nil:
			return func() error { return l.Remove(func() error { return os.Remove(path) }) }, nil
		case errors.Is(err, filelock.ErrGone): // the last run has removed it: make it again
		case ctx.Err() != nil:
			return nil, err
		default:
			return nil, fmt.Errorf("locking the folder: %w\nfix: name a writable folder", err)
		}
	}
}
