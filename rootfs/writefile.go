package rootfs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/otiai10/copy"
)

// writeFile writes a file if it is missing or different; have describes the existing file, nil for none.
func (w *writer) writeFile(ctx context.Context, e Entry, at string, have fs.FileInfo) error {
	source, err := e.Source.stat()
	if err != nil {
		return fmt.Errorf("reading %q: %w", e.Source, withoutPath(err))
	}
	if have != nil {
		done, err := upToDate(e, source, at, have)
		if done || err != nil {
			return err
		}
	}
	// Never write in place, not even to correct the mode: the file may have a hard link elsewhere, which
	// must not change.
	temp, err := w.tempName()
	if err != nil {
		return err
	}
	if err := copyFile(ctx, e, temp); err != nil {
		return err
	}
	if err := setTime(temp, source); err != nil {
		return err
	}
	return os.Rename(temp, at)
}

// upToDate reports whether the existing file is the one to be written. It ignores the time 0, see setTime.
func upToDate(e Entry, source fs.FileInfo, at string, have fs.FileInfo) (bool, error) {
	// Compare by device and inode, not by name: the folder may have several paths.
	if os.SameFile(source, have) {
		return true, nil // built in place
	}
	if have.Size() != e.Size || !samePerm(have.Mode(), e.Mode) {
		return false, nil
	}
	if t := source.ModTime(); t.Unix() != 0 && t.Equal(have.ModTime()) {
		return true, nil
	}
	same, err := sameContent(HostFile(at), e.Source, e.Size)
	if errors.Is(err, fs.ErrPermission) {
		return false, nil // not even the owner may read the file: write it again
	}
	return same, err
}

// coarsestClock is the largest step of the clock of any file system that people build on: FAT has two
// seconds. Within one step, a file can change twice and keep the same time and size.
const coarsestClock = 2 * time.Second

// setTime gives a copy the time of its source, so that the next run sees that nothing changed. A source
// that has just changed may change again within the same clock step, and bytes in memory have no time:
// copies of both get the time 0, and the next run compares the bytes.
func setTime(name string, source fs.FileInfo) error {
	t := source.ModTime()
	if t.IsZero() || time.Since(t) < coarsestClock {
		t = time.Unix(0, 0)
	}
	return os.Chtimes(name, t, t)
}

// copyFile copies an entry's bytes to a new file. It copies from a file system that has only this file, so
// host files, files of a sysroot and bytes in memory need only one code path.
func copyFile(ctx context.Context, e Entry, to string) error {
	err := copy.Copy(e.Path, to, copy.Options{
		FS: oneFile{e},
		// Called right after the file is created. The default sets the source's mode.
		PermissionControl: func(fs.FileInfo, string) (func(*error), error) {
			return func(err *error) {
				*err = errors.Join(*err, os.Chmod(to, e.Mode.Perm()))
			}, nil
		},
		WrapReader: func(r io.Reader) io.Reader { return ctxReader{ctx: ctx, r: r} },
	})
	if err != nil {
		return err
	}
	info, err := os.Lstat(to)
	if err != nil {
		return err
	}
	// The tree has the old size; an image with a wrong size would be truncated or refused.
	if info.Size() != e.Size {
		return fmt.Errorf("the source %q had %d bytes and now has %d\nfix: build again", e.Source, e.Size, info.Size())
	}
	return nil
}

// oneFile is a file system in which every name is the same file.
type oneFile struct{ entry Entry }

func (f oneFile) Stat(string) (fs.FileInfo, error) { return fileInfo{Entry: f.entry}, nil }

func (f oneFile) Open(string) (fs.File, error) {
	r, err := f.entry.Source.Open()
	if err != nil {
		// Hide fs.ErrNotExist: package copy ignores a missing file.
		return nil, fmt.Errorf("reading %q: %w", f.entry.Source, withoutPath(err))
	}
	return openFile{ReadCloser: r, info: fileInfo{Entry: f.entry}}, nil
}

// ctxReader is a reader that fails when its context ends.
type ctxReader struct {
	ctx context.Context
	r   io.Reader
}

func (u ctxReader) Read(p []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.r.Read(p)
}

// writeLink writes a link if it is missing or different; have describes the existing link, nil for none.
func (w *writer) writeLink(e Entry, at string, have fs.FileInfo) error {
	target := filepath.FromSlash(e.Link)
	if have != nil {
		if old, err := os.Readlink(at); err == nil && old == target {
			return nil
		}
	}
	temp, err := w.tempName()
	if err != nil {
		return err
	}
	if err := os.Symlink(target, temp); err != nil {
		if runtime.GOOS == "windows" {
			return fmt.Errorf("making a symbolic link: %w\n"+
				"fix: turn on the developer mode of Windows, or build as administrator", withoutPath(err))
		}
		return err
	}
	return os.Rename(temp, at)
}

// tempName returns the path where the next file is written. It is in a new folder that is closed to other
// users, so nobody can plant a file there. The folder is on the same file system as the final path.
func (w *writer) tempName() (string, error) {
	if w.temp == "" {
		temp, err := os.MkdirTemp(w.root, ".fromscratch-*")
		if err != nil {
			return "", err
		}
		w.temp = temp
	}
	return filepath.Join(w.temp, "file"), nil
}

// close removes the folder of tempName and any file that an error left in it.
func (w *writer) close(ctx context.Context) error {
	if w.temp == "" {
		return nil
	}
	// Clean up even if the caller's context has ended.
	return remove(context.WithoutCancel(ctx), w.temp)
}
