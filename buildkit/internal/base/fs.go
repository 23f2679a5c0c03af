package base

import (
	"archive/tar"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"time"
)

// FS is the file system that a container of the base sees. Names are those of [io/fs]; no link in them is followed. Sys of
// Lstat's result is a [*tar.Header] with the owner. Open reads files from the layers; they implement [io.ReaderAt].
//
// It can be used concurrently.
type FS struct {
	// Unnamed is an entry, quoted, that is setuid, setgid or writable by everybody, and that a container sees and this file system does
	// not have, because its name is not UTF-8; "" if there is none.
	Unnamed string

	root   *node
	layers []string // files of the layers
	budget *budget  // only during construction
}

// node is a file, folder or link.
type node struct {
	name     string
	mode     fs.FileMode
	uid, gid int
	link     string
	size     int64
	layer    int   // layer with the entry
	bytes    int   // layer with a file's bytes: lower than layer for some hard links
	offset   int64 // of the bytes in that layer
	children map[string]*node
}

// find returns the node of a name.
func (f *FS) find(op, name string) (*node, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	n := f.root
	for _, element := range split(name) {
		if n = n.children[element]; n == nil {
			return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
		}
	}
	return n, nil
}

// Lstat describes a file, folder or link. It does not follow links.
func (f *FS) Lstat(name string) (fs.FileInfo, error) {
	n, err := f.find("lstat", name)
	if err != nil {
		return nil, err
	}
	return info{n}, nil
}

// ReadLink returns the target of a link.
func (f *FS) ReadLink(name string) (string, error) {
	n, err := f.find("readlink", name)
	if err != nil {
		return "", err
	}
	if n.mode.Type() != fs.ModeSymlink {
		return "", &fs.PathError{Op: "readlink", Path: name, Err: fs.ErrInvalid}
	}
	return n.link, nil
}

// Open opens a file or a folder.
func (f *FS) Open(name string) (fs.File, error) {
	n, err := f.find("open", name)
	if err != nil {
		return nil, err
	}
	switch n.mode.Type() {
	case fs.ModeDir:
		return &folder{node: n, list: n.list()}, nil
	case 0:
	default:
		return nil, &fs.PathError{Op: "open", Path: name, Err: errors.New("is no file and no folder")}
	}
	layer, err := os.Open(f.layers[n.bytes])
	if err != nil {
		return nil, err
	}
	return &file{SectionReader: io.NewSectionReader(layer, n.offset, n.size), node: n, layer: layer}, nil
}

// list returns the entries of a folder, sorted by name.
func (n *node) list() []fs.DirEntry {
	var list []fs.DirEntry
	for _, c := range n.children {
		list = append(list, fs.FileInfoToDirEntry(info{c}))
	}
	slices.SortFunc(list, func(a, b fs.DirEntry) int {
		if a.Name() < b.Name() {
			return -1
		}
		return 1
	})
	return list
}

// info is a node as [fs.FileInfo].
type info struct{ n *node }

func (i info) Name() string       { return i.n.name }
func (i info) Size() int64        { return i.n.size }
func (i info) Mode() fs.FileMode  { return i.n.mode }
func (i info) ModTime() time.Time { return time.Unix(0, 0).UTC() }
func (i info) IsDir() bool        { return i.n.mode.IsDir() }
func (i info) Sys() any           { return &tar.Header{Uid: i.n.uid, Gid: i.n.gid} }

// file is an open file.
type file struct {
	*io.SectionReader
	node  *node
	layer *os.File
}

func (f *file) Stat() (fs.FileInfo, error) { return info{f.node}, nil }
func (f *file) Close() error               { return f.layer.Close() }

// folder is an open folder, see [fs.ReadDirFile].
type folder struct {
	node *node
	list []fs.DirEntry // what is still to be read
}

func (d *folder) Stat() (fs.FileInfo, error) { return info{d.node}, nil }
func (d *folder) Close() error               { return nil }

func (d *folder) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: d.node.name, Err: errors.New("is a folder")}
}

func (d *folder) ReadDir(n int) ([]fs.DirEntry, error) {
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

// split returns the elements of a name of io/fs.
func split(name string) []string {
	if name == "." {
		return nil
	}
	var elements []string
	for dir := name; dir != "."; dir = path.Dir(dir) {
		elements = append(elements, path.Base(dir))
	}
	slices.Reverse(elements)
	return elements
}
