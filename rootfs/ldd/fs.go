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
// Names are those of [io/fs]: "." for the root, "lib64/ld-linux-x86-64.so.2" below it, never a leading slash.
// This package resolves every symbolic link itself, inside the root, and calls Open only with names that
// contain no link. So Open may or may not follow links. Files should also be [io.ReaderAt]; other files are
// read whole.
//
// One resolution makes one call at a time. An FS needs to be safe for concurrent use only if several
// resolutions share it. A call may be repeated with the same name and has to return the same result.
//
// An [fs.ReadLinkFS] of Go 1.25 has these methods.
type FS interface {
	Open(name string) (fs.File, error)
	Lstat(name string) (fs.FileInfo, error)
	ReadLink(name string) (string, error)
}

// capableFS is a sysroot that knows the capabilities(7) of its files. Of other sysroots, [Program.Secure] says what a program has.
type capableFS interface {
	// gainsCapabilities reports whether a process that executes the file gains capabilities.
	gainsCapabilities(name string) bool
}

// DirFS returns the sysroot in a folder of the host; "/" is the host itself. On Linux it has the capabilities
// of files, if they can be read.
func DirFS(root string) FS { return dirFS(root) }

// dirFS is the path of a sysroot on the host.
type dirFS string

// Open opens a file. The host would follow links in the name, but there are none.
func (d dirFS) Open(name string) (fs.File, error) {
	p, err := d.path("open", name)
	if err != nil {
		return nil, err
	}
	return os.Open(p)
}

// Lstat describes a file. It does not follow a link at the end of the name.
func (d dirFS) Lstat(name string) (fs.FileInfo, error) {
	p, err := d.path("lstat", name)
	if err != nil {
		return nil, err
	}
	return os.Lstat(p)
}

// ReadLink returns the target of a link, with slashes also on Windows.
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

// path returns the host's spelling of a name. A name that the host does not allow does not exist.
func (d dirFS) path(op, name string) (string, error) {
	local, err := filepath.Localize(name)
	if err != nil {
		return "", &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
	}
	return filepath.Join(string(d), local), nil
}

// maxWhole limits the size of a file that is read whole because it is not an [io.ReaderAt].
const maxWhole = 256 << 20

// Content is an open file with random access. The caller closes it.
type Content struct {
	io.ReaderAt
	io.Closer
	Size int64       // in bytes
	Info fs.FileInfo // of the open file
}

// fill fills buf from off. A file that ends earlier is an error.
func (c *Content) fill(buf []byte, off int64) error {
	n, err := c.ReadAt(buf, off)
	if n == len(buf) {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// openContent opens a regular file. Callers check the type first, because opening a FIFO waits for a writer.
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

// newContent gives random access to an open file. The size limits everything that is read later.
func newContent(f fs.File) (*Content, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	// Check the open file again: it may have been replaced since.
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("not a regular file (%s)", info.Mode().Type())
	}
	c := &Content{Closer: f, Size: info.Size(), Info: info}
	if r, ok := f.(io.ReaderAt); ok {
		c.ReaderAt = r
		return c, nil
	}
	if c.Size > maxWhole {
		return nil, fmt.Errorf("%d bytes are too many to read at once", c.Size)
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
