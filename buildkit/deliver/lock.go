package deliver

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/fromscratch-go/fromscratch/buildkit/filelock"
)

// lockName is the file in a layout that a run holds while it writes there. It is removed at the end.
const lockName = ".fromscratch.lock"

// lockFolder waits until this process alone writes to the folder, or ctx ends.
func lockFolder(ctx context.Context, dir string) (release func() error, err error) {
	path := filepath.Join(dir, lockName)
	for {
		l, err := filelock.Acquire(ctx, path)
		switch {
		case err == nil:
			return func() error { return l.Remove(func() error { return os.Remove(path) }) }, nil
		case errors.Is(err, filelock.ErrGone): // the run before has ended: make it anew
		case ctx.Err() != nil:
			return nil, err
		default:
			return nil, fmt.Errorf("locking the folder: %w\nfix: name a folder that can be written", err)
		}
	}
}
