package filelock

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Temp is a temporary folder that a lock in it marks as used. A process that is killed cannot remove its folder; the
// next one that makes a folder with the same prefix finds the lock free, and does.
type Temp struct {
	Path string
	lock *Lock
}

// inUse is the lock's name in the folder.
const inUse = ".in-use"

// abandonedAfter is how old a folder without a lock is when nobody is about to make its lock any more.
const abandonedAfter = 24 * time.Hour

// MakeTemp makes a folder in dir, by default the system's for temporary files, with a name that begins with prefix. It
// first removes those of the same user with the same prefix whose processes have ended; one that cannot be removed is in
// nobody's way.
func MakeTemp(dir, prefix string) (*Temp, error) {
	dir = cmp.Or(dir, os.TempDir())
	sweep(dir, prefix)
	for {
		path, err := os.MkdirTemp(dir, prefix)
		if err != nil {
			return nil, err
		}
		l, err := tryOnce(filepath.Join(path, inUse))
		if err == nil {
			return &Temp{path, l}, nil
		}
		// Another process has swept in the moment between the making of the lock and its taking.
		if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, context.Canceled) {
			return nil, errors.Join(err, os.RemoveAll(path))
		}
	}
}

// Remove removes the folder.
func (t *Temp) Remove() error { return t.lock.Remove(func() error { return os.RemoveAll(t.Path) }) }

// sweep removes folders of processes that have ended.
func sweep(dir, prefix string) {
	entries, err := filepath.Glob(filepath.Join(escape(dir), escape(prefix)+"*"))
	if err != nil {
		return
	}
	for _, path := range entries {
		// In a folder that everybody may write to, others may have made something of the name.
		info, err := os.Lstat(path)
		if err != nil || !info.IsDir() || !own(info) {
			continue
		}
		if _, err := os.Lstat(filepath.Join(path, inUse)); errors.Is(err, fs.ErrNotExist) {
			if time.Since(info.ModTime()) > abandonedAfter {
				_ = os.RemoveAll(path)
			}
			continue
		}
		if l, err := tryOnce(filepath.Join(path, inUse)); err == nil {
			_ = l.Remove(func() error { return os.RemoveAll(path) })
		}
	}
}

// tryOnce is Acquire without the wait; a lock that is held is a [context.Canceled].
func tryOnce(path string) (*Lock, error) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return Acquire(ctx, path)
}

// escape makes a pattern of a path that fits the path alone.
func escape(path string) string {
	if filepath.Separator == '\\' {
		return path // there is no escaping, and brackets are rare
	}
	var s []byte
	for i := range len(path) {
		switch path[i] {
		case '*', '?', '[', '\\':
			s = append(s, '\\')
		}
		s = append(s, path[i])
	}
	return string(s)
}
