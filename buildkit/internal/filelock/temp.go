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

// Temp is a temporary folder that contains a lock while it is used. A killed process cannot remove its folder. The next
// process that makes a folder with the same prefix finds the lock free and removes it.
type Temp struct {
	Path string
	lock *Lock
}

// inUse is the name of the lock in the folder.
const inUse = ".in-use"

// abandonedAfter is the age at which a folder without a lock counts as abandoned: its lock would have been created by now.
const abandonedAfter = 24 * time.Hour

// MakeTemp creates a folder in dir, by default the system's for temporary files, with a name that starts with prefix. It
// first removes folders of the same user with the same prefix whose processes have ended. It ignores those that cannot
// be removed.
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
		// Another process swept between the creation of the file and its locking.
		if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, context.Canceled) {
			return nil, errors.Join(err, os.RemoveAll(path))
		}
	}
}

// Remove removes the folder.
func (t *Temp) Remove() error { return t.lock.Remove(func() error { return os.RemoveAll(t.Path) }) }

// sweep removes the folders of processes that have ended.
func sweep(dir, prefix string) {
	entries, err := filepath.Glob(filepath.Join(escape(dir), escape(prefix)+"*"))
	if err != nil {
		return
	}
	for _, path := range entries {
		// In a folder that everybody may write to, others may have created something with such a name.
		info, err := os.Lstat(path)
		if err != nil || !info.IsDir() || !isOwn(info) {
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

// tryOnce is Acquire without waiting. If the lock is held, it returns a [context.Canceled].
func tryOnce(path string) (*Lock, error) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return Acquire(ctx, path)
}

// escape returns a pattern that matches only the path.
func escape(path string) string {
	if filepath.Separator == '\\' {
		return path // Match can't escape on Windows, and brackets are rare
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
