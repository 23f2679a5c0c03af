package buildkit

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit/filelock"
)

// groupTimeout is how long a build that has failed waits for the folder of all platforms: it may have been interrupted.
const groupTimeout = 2 * time.Second

// errGroupHeld reports that another run held the folder all that time.
var errGroupHeld = errors.New("another run works in the folder of all platforms")

// inGroup calls do with the folder of what is made of all platforms, while this process holds it: the lock of one
// platform's folder does not protect it. Nothing is done, and no folder made, where there is none of ours, nor for an
// image of one platform.
func (p Plan) inGroup(ctx context.Context, do func(Dist) error) error {
	d := p.delivered()
	if p.of < 2 || !d.ours() {
		return nil
	}
	l, err := filelock.Acquire(ctx, filepath.Join(string(d), ".lock"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil // another run has removed it
	}
	if err != nil {
		return fmt.Errorf("taking the folder of all platforms: %w%s", err, writable(err))
	}
	return errors.Join(do(d), l.Release())
}
