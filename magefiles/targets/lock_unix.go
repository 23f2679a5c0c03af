//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package targets

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// exclusive says that lock keeps other runs out.
const exclusive = true

// lock locks a file against other processes until release is called or this process ends. It waits while another one has it.
func lock(ctx context.Context, path string) (release func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	for told := false; ; {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { f.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			return nil, errors.Join(&os.PathError{Op: "lock", Path: path, Err: err}, f.Close())
		}
		if !told {
			fmt.Fprintln(os.Stderr, prefix+"waiting for another run that compiles it")
			told = true
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(context.Cause(ctx), f.Close())
		case <-time.After(100 * time.Millisecond):
		}
	}
}
