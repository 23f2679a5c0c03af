// Package fsx writes files whole or not at all, removes files that may be missing, reads until a context ends, and runs n calls
// in parallel.
package fsx

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Create writes a file whole or not at all: to a temporary file beside path, which is then renamed. Other processes see the
// old file or the new one, and nothing stays behind after an error. The file gets the mode, whatever the umask. A folder at
// path is an error.
func Create(path string, mode fs.FileMode, write func(*os.File) error) error {
	// 50 letters of the name: with all of them, a long name would be too long for the file system.
	temp, err := os.CreateTemp(filepath.Dir(path), fmt.Sprintf(".%.50s-*", filepath.Base(path)))
	if err != nil {
		return err
	}
	err = write(temp)
	if err = errors.Join(err, temp.Chmod(mode), temp.Close()); err == nil {
		err = os.Rename(temp.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temp.Name()))
	}
	return nil
}

// WriteFile is [Create] for a string, with mode 0644.
func WriteFile(path, content string) error {
	return Create(path, 0o644, func(f *os.File) error {
		_, err := f.WriteString(content)
		return err
	})
}

// Exists reports whether a path is there. A link counts by itself, wherever it leads.
func Exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// IsFolder reports whether a path is a folder, not a link to one.
func IsFolder(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.IsDir()
}

// Remove removes a file, a link, or a folder with everything below it. A missing path is no error.
func Remove(path string) error {
	err := os.Remove(path)
	switch {
	case err == nil, errors.Is(err, fs.ErrNotExist):
		return nil
	case IsFolder(path):
		return RemoveAll(path)
	}
	return err
}

// RemoveAll is [os.RemoveAll] for folders that may lack the write bit, as those of images do.
func RemoveAll(dir string) error {
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // another process removes it too
		}
		if err != nil || !e.IsDir() {
			return err
		}
		return os.Chmod(path, 0o755)
	})
	return errors.Join(err, os.RemoveAll(dir))
}

// Reader returns a reader that fails with the cause of ctx when ctx has ended.
func Reader(ctx context.Context, r io.Reader) io.Reader { return untilDone{ctx, r} }

type untilDone struct {
	ctx context.Context
	io.Reader
}

func (u untilDone) Read(p []byte) (int, error) {
	if err := context.Cause(u.ctx); err != nil {
		return 0, err
	}
	return u.Reader.Read(p)
}

// QuoteGlob returns a pattern that only matches the path.
func QuoteGlob(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

// Within reports whether a path is a folder, or below it. Both are absolute or both relative; links are not followed.
func Within(folder, path string) bool {
	rel, err := filepath.Rel(folder, path)
	return err == nil && filepath.IsLocal(rel)
}
