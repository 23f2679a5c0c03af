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

// writeFile writes a file, unless it is there; have is what is in its place, nil or a file.
func (w *writer) writeFile(ctx context.Context, e Entry, at string, have fs.FileInfo) error {
	source, err := e.Source.stat()
	if err != nil {
		return fmt.Errorf("reading %q: %w", e.Source, bare(err))
	}
	if have != nil {
		done, err := upToDate(e, source, at, have)
		if done || err != nil {
			return err
		}
	}
	// Never in place, not even to correct the mode: the file may have another name elsewhere, a hard
	// link, that must not change.
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

// upToDate tells whether the file that is there is the one to be written. A time of 0 says nothing,
// see setTime.
func upToDate(e Entry, source fs.FileInfo, at string, have fs.FileInfo) (bool, error) {
	// By device and inode, not by name: the folder may have been reached by another path.
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
		return false, nil // a file that not even its owner may read: write it again
	}
	return same, err
}

// racy is how long after a change another one may leave a file with the same time and size: as coarse
// as the clock of any file system that people build on, FAT has two seconds.
const racy = 2 * time.Second

// setTime gives a copy its source's time, by which the next run sees that nothing changed. A source
// that has just been changed may be changed again within the same tick, and one in memory has no time:
// their copies get the time 0, and the next run compares the bytes.
func setTime(name string, source fs.FileInfo) error {
	t := source.ModTime()
	if t.IsZero() || time.Since(t) < racy {
		t = time.Unix(0, 0)
	}
	return os.Chtimes(name, t, t)
}

// copyFile copies an entry's bytes to a new file. It is copied from a file system with this one file:
// so host files, files of a sysroot and bytes in memory take the same way.
func copyFile(ctx context.Context, e Entry, to string) error {
	err := copy.Copy(e.Path, to, copy.Options{
		FS: oneFile{e},
		// Called right after the file is made; the default would set the source's mode.
		PermissionControl: func(fs.FileInfo, string) (func(*error), error) {
			return func(err *error) {
				*err = errors.Join(*err, os.Chmod(to, e.Mode.Perm()))
			}, nil
		},
		WrapReader: func(r io.Reader) io.Reader { return untilDone{ctx: ctx, r: r} },
	})
	if err != nil {
		return err
	}
	info, err := os.Lstat(to)
	if err != nil {
		return err
	}
	// The tree was made from the size; an image with it would be cut off or refused.
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
		// As a plain error: package copy takes a missing file for nothing to do.
		return nil, fmt.Errorf("reading %q: %w", f.entry.Source, bare(err))
	}
	return openFile{ReadCloser: r, info: fileInfo{Entry: f.entry}}, nil
}

// untilDone is a reader that ends when its context does.
type untilDone struct {
	ctx context.Context
	r   io.Reader
}

func (u untilDone) Read(p []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.r.Read(p)
}

// writeLink writes a link, unless it is there; have is what is in its place, nil or a link.
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
				"fix: turn on the developer mode of Windows, or build as administrator", bare(err))
		}
		return err
	}
	return os.Rename(temp, at)
}

// tempName is where the next file is written. It lies in a folder of its own, new and closed to
// others, so that nothing can be planted there; and on the same file system as the file's place.
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

// close removes the folder of tempName, with what an error left in it.
func (w *writer) close(ctx context.Context) error {
	if w.temp == "" {
		return nil
	}
	// Not the caller's context: this is what has to be done when that one is done.
	return remove(context.WithoutCancel(ctx), w.temp)
}
