package filelock_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/filelock"
)

// One process holds the file at a time, and the waiting ones get it one after the other.
func TestAcquire(t *testing.T) {
	path := filepath.Join(t.TempDir(), ".lock")
	holders := 0
	var all sync.WaitGroup
	for range 8 {
		all.Add(1)
		go func() {
			defer all.Done()
			l, err := filelock.Acquire(context.Background(), path)
			if err != nil {
				t.Error(err)
				return
			}
			if holders++; holders != 1 {
				t.Errorf("%d hold the lock", holders)
			}
			holders--
			if err := l.Release(); err != nil {
				t.Error(err)
			}
		}()
	}
	all.Wait()
}

// If the holder removes the file, waiting processes get ErrGone. A missing folder is a different error.
func TestAcquireGone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "dir")
	path := filepath.Join(dir, ".lock")
	_, err := filelock.Acquire(context.Background(), path)
	if !errors.Is(err, fs.ErrNotExist) || errors.Is(err, filelock.ErrGone) {
		t.Errorf("without a folder: %v", err)
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	held, err := filelock.Acquire(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancelCause(context.Background())
	interrupted := errors.New("interrupted")
	stop(interrupted)
	if _, err := filelock.Acquire(ctx, path); !errors.Is(err, interrupted) {
		t.Errorf("with an ended context: %v", err)
	}
	if err := held.Release(); err != nil {
		t.Fatal(err)
	}
	for range 100 {
		removeWaitedFor(t, dir)
	}
}

// removeWaitedFor makes a folder and removes it while others wait for its lock.
func removeWaitedFor(t *testing.T, dir string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, ".lock")
	held, err := filelock.Acquire(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	waited := make(chan error)
	const waiters = 8
	for range waiters {
		go func() {
			l, err := filelock.Acquire(context.Background(), path)
			if err == nil {
				err = l.Release()
			}
			waited <- err
		}()
	}
	if err := held.RemoveFolder(dir, os.RemoveAll); err != nil {
		t.Error(err)
	}
	for range waiters {
		if err := <-waited; !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("after the removal: %v", err)
		}
	}
	if left, err := filepath.Glob(dir + "*"); err != nil || len(left) > 0 {
		t.Errorf("after the removal there is %q: %v", left, err)
	}
}
