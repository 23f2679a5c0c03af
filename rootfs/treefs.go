package rootfs

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"time"

	"github.com/fromscratch-go/fromscratch/rootfs/ldd"
)

// A Tree is a sysroot, and a file system for testing/fstest and archive/tar.
var (
	_ ldd.FS       = (*Tree)(nil)
	_ fs.StatFS    = (*Tree)(nil)
	_ fs.ReadDirFS = (*Tree)(nil)
)

// Open opens a file or folder. It follows no links: a link on the way gives [fs.ErrNotExist], and a link at
// the end is an error too.
func (t *Tree) Open(name string) (fs.File, error) {
	n, err := t.node("open", name)
	if err != nil {
		return nil, err
	}
	switch n.Mode.Type() {
	case fs.ModeDir:
		return &openFolder{node: n, list: t.list(n)}, nil
	case fs.ModeSymlink:
		return nil, &fs.PathError{Op: "open", Path: name, Err: errors.New("is a symbolic link")}
	}
	r, err := n.Source.Open()
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	f := openFile{ReadCloser: r, info: fileInfo{Entry: n.Entry}}
	if host, ok := r.(*os.File); ok {
		if f.info.original, err = host.Stat(); err != nil {
			return nil, errors.Join(err, r.Close())
		}
	}
	if at, ok := r.(io.ReaderAt); ok {
		return openFileAt{openFile: f, ReaderAt: at}, nil
	}
	return f, nil
}

// Lstat describes the entry at a name, without following links. Times are those of 1970, because the image
// sets its own. Sys is a [*tar.Header].
func (t *Tree) Lstat(name string) (fs.FileInfo, error) {
	n, err := t.node("lstat", name)
	if err != nil {
		return nil, err
	}
	return fileInfo{Entry: n.Entry}, nil
}

// ReadLink returns the target of a link.
func (t *Tree) ReadLink(name string) (string, error) {
	n, err := t.node("readlink", name)
	if err != nil {
		return "", err
	}
	if n.Mode.Type() != fs.ModeSymlink {
		return "", &fs.PathError{Op: "readlink", Path: name, Err: fs.ErrInvalid}
	}
	return n.Link, nil
}

// Stat describes the entry that a name leads to. Unlike Lstat and Open it follows links, inside the tree.
func (t *Tree) Stat(name string) (fs.FileInfo, error) {
	const op = "stat"
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	at, err := t.resolve("/" + name)
	if err != nil {
		return nil, &fs.PathError{Op: op, Path: name, Err: err}
	}
	if n := t.nodeAt(at); n != nil {
		return fileInfo{Entry: n.Entry}, nil
	}
	if at == "/" {
		return fileInfo{Entry: rootEntry}, nil
	}
	return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
}

// ReadDir lists a folder, sorted by name.
func (t *Tree) ReadDir(name string) ([]fs.DirEntry, error) {
	n, err := t.node("readdir", name)
	if err != nil {
		return nil, err
	}
	if !n.Mode.IsDir() {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: errors.New("not a folder")}
	}
	return t.list(n), nil
}

// list returns the entries of a folder, sorted by name.
func (t *Tree) list(n *node) []fs.DirEntry {
	names := t.names(n)
	list := make([]fs.DirEntry, 0, len(names))
	for _, name := range names {
		child := t.nodeAt(path.Join(n.Path, name))
		if child == nil {
			continue // the base lists it but cannot describe it
		}
		list = append(list, fs.FileInfoToDirEntry(fileInfo{Entry: child.Entry}))
	}
	return list
}

// node finds the node for an io/fs name, which has no leading slash and is "." for the root.
func (t *Tree) node(op, name string) (*node, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	if n := t.nodeAt(path.Join("/", name)); n != nil {
		return n, nil
	}
	if name == "." {
		return &node{Entry: rootEntry}, nil
	}
	return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
}

// inFS converts an absolute path to a name in io/fs.
func inFS(p string) string {
	if p == "/" {
		return "."
	}
	return p[1:]
}

// fileInfo is an entry as [fs.FileInfo]. Its Sys is a tar header, from which [archive/tar.FileInfoHeader]
// takes the owner. As in a tar header, the size of a link is 0.
type fileInfo struct {
	Entry    Entry
	original fs.FileInfo // describes the host's file with the bytes, if it is open; else nil
}

func (i fileInfo) Name() string {
	if i.Entry.Path == "/" {
		return "."
	}
	return path.Base(i.Entry.Path)
}

func (i fileInfo) Size() int64        { return i.Entry.Size }
func (i fileInfo) Mode() fs.FileMode  { return i.Entry.Mode }
func (i fileInfo) ModTime() time.Time { return time.Unix(0, 0).UTC() }
func (i fileInfo) IsDir() bool        { return i.Entry.Mode.IsDir() }
func (i fileInfo) Sys() any           { return i.Entry.Header() }

// Original describes the host's file that the bytes come from, for [ldd.Memory.Elsewhere].
func (i fileInfo) Original() fs.FileInfo { return i.original }

// openFile is an open file of the tree.
type openFile struct {
	io.ReadCloser
	info fileInfo
}

func (f openFile) Stat() (fs.FileInfo, error) { return f.info, nil }

// openFileAt is an open file that can be read at any offset.
type openFileAt struct {
	openFile
	io.ReaderAt
}

// openFolder is an open folder, see [fs.ReadDirFile].
type openFolder struct {
	node *node
	list []fs.DirEntry // what is still to be read
}

func (d *openFolder) Stat() (fs.FileInfo, error) { return fileInfo{Entry: d.node.Entry}, nil }
func (d *openFolder) Close() error               { return nil }

func (d *openFolder) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: inFS(d.node.Path), Err: errors.New("is a folder")}
}

func (d *openFolder) ReadDir(n int) ([]fs.DirEntry, error) {
	if n > 0 && len(d.list) == 0 {
		return nil, io.EOF
	}
	if n <= 0 || n > len(d.list) {
		n = len(d.list)
	}
	part := d.list[:n:n]
	d.list = d.list[n:]
	return part, nil
}
