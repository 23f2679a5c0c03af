package ldd

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// FS is a sysroot: a root file system that is read but not entered.
//
// Names are those of [io/fs]: "." for the root, "lib64/ld-linux-x86-64.so.2" below it, never a leading
// slash. This package resolves every symbolic link itself, inside the root, and calls Open only with
// names that have no link in them; so Open may follow links or not. Files should be [io.ReaderAt] too;
// others are read whole.
//
// One resolution asks for one thing at a time, so that an FS need not be safe for concurrent use unless several
// resolutions share it. Each call may come again with the same name; the answers may not differ meanwhile.
//
// An [fs.ReadLinkFS] of Go 1.25 has these methods.
type FS interface {
	Open(name string) (fs.File, error)
	Lstat(name string) (fs.FileInfo, error)
	ReadLink(name string) (string, error)
}

// capableFS is a sysroot that knows of a file's capabilities(7). The files of an image have none.
type capableFS interface {
	// gainsCapabilities reports whether a process that executes the file gains capabilities.
	gainsCapabilities(name string) bool
}

// DirFS returns the sysroot in a folder of the host; "/" is the host itself. On Linux it knows of a file's
// capabilities, as far as they can be read.
func DirFS(root string) FS { return dirFS(root) }

// dirFS is the host's path of a sysroot.
type dirFS string

// Open opens a file; the host follows links in the name, of which there are none here.
func (d dirFS) Open(name string) (fs.File, error) {
	p, err := d.path("open", name)
	if err != nil {
		return nil, err
	}
	return os.Open(p)
}

// Lstat describes a file and follows no link at the end of the name.
func (d dirFS) Lstat(name string) (fs.FileInfo, error) {
	p, err := d.path("lstat", name)
	if err != nil {
		return nil, err
	}
	return os.Lstat(p)
}

// ReadLink returns where a link points, with slashes also on Windows.
func (d dirFS) ReadLink(name string) (string, error) {
	p, err := d.path("readlink", name)
	if err != nil {
		return "", err
	}
	target, err := os.Readlink(p)
	return filepath.ToSlash(target), err
}

// gainsCapabilities asks the host's file system.
func (d dirFS) gainsCapabilities(name string) bool {
	p, err := d.path("getxattr", name)
	return err == nil && hasCapabilities(p)
}

// path returns the host's spelling of a name; one that the host cannot have does not exist there.
func (d dirFS) path(op, name string) (string, error) {
	local, err := filepath.Localize(name)
	if err != nil {
		return "", &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
	}
	return filepath.Join(string(d), local), nil
}

// maxWhole bounds a file that has to be read whole because it is no [io.ReaderAt].
const maxWhole = 256 << 20

// Content is an open file with random access. Whoever gets it closes it.
type Content struct {
	io.ReaderAt
	io.Closer
	Size int64       // in bytes
	Info fs.FileInfo // of the open file
}

// openContent opens a regular file. Callers look before: to open a FIFO is to wait for its writer.
func openContent(open func() (fs.File, error)) (*Content, error) {
	f, err := open()
	if err != nil {
		return nil, err
	}
	c, err := newContent(f)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return c, nil
}

// newContent gives random access to an open file. The size bounds everything that is read later.
func newContent(f fs.File) (*Content, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	// Once more, of the open file: what was looked at before may have been replaced.
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("not a regular file (%s)", info.Mode().Type())
	}
	c := &Content{Closer: f, Size: info.Size(), Info: info}
	if r, ok := f.(io.ReaderAt); ok {
		c.ReaderAt = r
		return c, nil
	}
	if c.Size > maxWhole {
		return nil, fmt.Errorf("%d bytes are too many to be read at once", c.Size)
	}
	buf, err := io.ReadAll(io.LimitReader(f, c.Size))
	if err != nil {
		return nil, err
	}
	c.Size = int64(len(buf))
	c.ReaderAt = bytesAt(buf)
	return c, nil
}

// bytesAt is a file's content in memory.
type bytesAt []byte

// ReadAt implements [io.ReaderAt].
func (b bytesAt) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 || off >= int64(len(b)) {
		return 0, io.EOF
	}
	n := copy(p, b[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}
