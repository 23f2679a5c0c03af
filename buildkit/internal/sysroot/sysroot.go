// Package sysroot reads the file system of an image without unpacking the image. It lists the names once, and fetches a file
// when it is read.
//
//	sys, err := sysroot.Open(ctx, folder, source)
//	closure, err := ldd.Resolve(ctx, sys, program, env)
//
// Both are stored in a folder. The caller names it after the image's ID, as the content of an ID never changes:
//
//	names     mode, size, name and link target of everything, see [Source], with a checksum
//	files/    the files that were read, at their paths
//	sums/     the checksums of these files, at their paths
//
// The folder can be removed at any time, and several processes can use it: each file in it is written whole or not at all. A
// file without the right checksum is fetched again. A checksum protects against damage, not against somebody who can write
// to the folder.
package sysroot

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/fsx"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/holes"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/record"
)

// Source provides an image's files.
type Source interface {
	// List writes an entry for each name: "MODE SIZE NAME", a NUL, the target if it is a link, and a NUL. The mode is an
	// [fs.FileMode] in octal, the size is in bytes, the name is absolute. The root is first, and a folder comes before its
	// content.
	List(ctx context.Context, w io.Writer) error
	// Read calls use with the content of each of the files, by their absolute names.
	Read(ctx context.Context, names []string, use func(name string, content io.Reader) error) error
}

// fileMode is the mode of the files in the folder.
const fileMode = 0o644

// FS is an image's file system. Names are those of [io/fs]; no link in them is followed. It has the methods of an
// ldd.FS and can be used concurrently.
type FS struct {
	ctx    context.Context // for fetching
	dir    string
	source Source
	below  string // folder that names are relative to, "" for the root

	*tree
}

// tree is shared by an FS and its Subs.
type tree struct {
	nodes    map[string]*node // by name in io/fs
	fetching sync.Map         // folder -> *sync.Mutex
	whole    sync.Map         // files with a verified checksum
	alone    sync.Map         // folders whose files are fetched one by one
	spent    *spent
}

// spent counts what file systems with shared limits have cost this machine.
type spent struct {
	count, names atomic.Int64 // names in memory, and their bytes
	fetched      atomic.Int64 // bytes written to this disk
}

type node struct {
	name   string // last element
	mode   fs.FileMode
	size   int64
	target string
	names  []string // of a folder
}

// Open opens the file system that is stored in a folder. If the folder has no names yet, it lists them. ctx also ends later
// fetches.
func Open(ctx context.Context, dir string, source Source) (*FS, error) {
	return open(ctx, dir, source, &spent{})
}

// Beside is [Open] for other files of the same image that are not in its list. File systems that are opened beside each other
// share the limits of one image.
func (s *FS) Beside(ctx context.Context, dir string, source Source) (*FS, error) {
	return open(ctx, dir, source, s.spent)
}

func open(ctx context.Context, dir string, source Source, all *spent) (*FS, error) {
	if err := makeFolders(filepath.Join(dir, "files"), filepath.Join(dir, "sums")); err != nil {
		return nil, fmt.Errorf("making the folder for files of an image: %w", err)
	}
	names := filepath.Join(dir, "names")
	nodes, err := readNames(names, all)
	if err != nil {
		err = fsx.Create(names, fileMode, func(f *os.File) error {
			return record.SealTo(f, func(w io.Writer) error { return source.List(ctx, &bounded{w, maxNames}) })
		})
		if err == nil {
			nodes, err = readNames(names, all)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("listing the files of an image: %w", err)
	}
	return &FS{ctx: ctx, dir: dir, source: source, tree: &tree{nodes: nodes, spent: all}}, nil
}

// Sub returns the file system below an absolute folder of this one. The folder's name must have no link in it.
func (s *FS) Sub(dir string) *FS {
	sub := *s
	if sub.below = path.Join(s.below, strings.Trim(path.Clean("/"+dir), "/")); sub.below == "." {
		sub.below = ""
	}
	return &sub
}

// find returns the node with a name.
func (s *FS) find(op, name string) (*node, string, error) {
	if !fs.ValidPath(name) {
		return nil, "", &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	full := path.Join(s.below, name)
	n := s.nodes[full]
	if n == nil {
		return nil, full, &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
	}
	return n, full, nil
}

// Lstat describes a file, folder or link without fetching it.
func (s *FS) Lstat(name string) (fs.FileInfo, error) {
	n, _, err := s.find("lstat", name)
	if err != nil {
		return nil, err
	}
	return info{n}, nil
}

// ReadLink returns where a link points.
func (s *FS) ReadLink(name string) (string, error) {
	n, _, err := s.find("readlink", name)
	if err != nil {
		return "", err
	}
	if n.mode&fs.ModeSymlink == 0 {
		return "", &fs.PathError{Op: "readlink", Path: name, Err: fs.ErrInvalid}
	}
	return n.target, nil
}

// Open opens a folder or a file. It fetches a file that is not stored yet.
func (s *FS) Open(name string) (fs.File, error) {
	n, full, err := s.find("open", name)
	if err != nil {
		return nil, err
	}
	switch {
	case n.mode.IsDir():
		return &folder{node: n, fsys: s, name: full}, nil
	case !n.mode.IsRegular():
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	file, err := s.host(n, full)
	if err != nil {
		return nil, err
	}
	return os.Open(file)
}

// Host returns the path on this machine of a regular file. It fetches a file that is not stored yet.
func (s *FS) Host(name string) (string, error) {
	n, full, err := s.find("open", name)
	if err != nil {
		return "", err
	}
	if !n.mode.IsRegular() {
		return "", &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	return s.host(n, full)
}

// Files returns the folder of this machine with the fetched files, at their names.
func (s *FS) Files() string { return filepath.Join(s.dir, "files", filepath.FromSlash(s.below)) }

// together is the most bytes of a folder's files that are fetched with one request. For hundreds of small files, such as the
// lists of a package database, separate requests would cost more than the transfer.
const together = 16 << 20

func (s *FS) host(n *node, full string) (string, error) {
	dir := path.Dir(full)
	one, _ := s.fetching.LoadOrStore(dir, &sync.Mutex{})
	one.(*sync.Mutex).Lock()
	defer one.(*sync.Mutex).Unlock()
	file := s.file(full)
	if s.isWhole(n, full) {
		return file, nil
	}
	if err := makeFolders(filepath.Dir(file), filepath.Dir(s.sum(full))); err != nil {
		return "", fmt.Errorf("keeping a file of an image: %w", err)
	}
	err := s.mayFetch(n, full)
	if err == nil {
		err = s.fetch(s.batch(dir, n, full))
	}
	if err == nil && !s.isWhole(n, full) {
		err = fmt.Errorf("the image did not send %q", "/"+full)
	}
	if err != nil {
		return "", fmt.Errorf("fetching a file of an image: %w", err)
	}
	return file, nil
}

// file returns the path of a stored file.
func (s *FS) file(full string) string { return filepath.Join(s.dir, "files", filepath.FromSlash(full)) }

// has reports whether a file is stored with its size. Before using the file, check isWhole.
func (s *FS) has(n *node, full string) bool {
	info, err := os.Lstat(s.file(full))
	return err == nil && info.Mode().IsRegular() && info.Size() == n.size
}

// batch returns a file together with the others in its folder that are not stored yet, if they are small in total, else the file
// alone. Files that not everybody may read are only fetched when they are asked for.
func (s *FS) batch(dir string, n *node, full string) []string {
	names, size := []string{"/" + full}, n.size
	if _, ok := s.alone.Load(dir); ok || size > together {
		return names
	}
	for _, name := range s.nodes[dir].names {
		sibling := path.Join(dir, name)
		if m := s.nodes[sibling]; sibling != full && m.mode.IsRegular() && m.mode&0o004 != 0 && !s.has(m, sibling) {
			names, size = append(names, "/"+sibling), size+min(m.size, together+1)
		}
	}
	if size > together {
		s.alone.Store(dir, true) // do not look at all files of a large folder each time
		return names[:1]
	}
	return names
}

// keep stores a file, whole or not at all.
func (s *FS) keep(full string, r io.Reader) error {
	n := s.nodes[full]
	if n == nil {
		return fmt.Errorf("the image sent %q, which was not asked for", "/"+full)
	}
	h := sha256.New()
	err := fsx.Create(s.file(full), fileMode, func(f *os.File) error {
		size, data, err := holes.Copy(f, io.TeeReader(r, h), n.size)
		s.spent.fetched.Add(data)
		var large *holes.TooLargeError
		if errors.As(err, &large) {
			return fmt.Errorf("%q has more than its listed %d bytes", "/"+full, n.size)
		}
		if err == nil && size != n.size {
			err = fmt.Errorf("%q has %d bytes, not its listed %d", "/"+full, size, n.size)
		}
		return err
	})
	if err != nil {
		return err
	}
	return s.keepSum(full, h)
}

// info describes a node.
type info struct{ *node }

func (i info) Name() string      { return i.name }
func (i info) Size() int64       { return i.size }
func (i info) Mode() fs.FileMode { return i.mode }
func (i info) ModTime() time.Time {
	return time.Time{} // an image must not depend on the times of libraries
}
func (i info) IsDir() bool { return i.mode.IsDir() }
func (i info) Sys() any    { return nil }

// folder is an open folder.
type folder struct {
	*node
	fsys *FS
	name string
	read int
}

func (f *folder) Stat() (fs.FileInfo, error) { return info{f.node}, nil }
func (f *folder) Close() error               { return nil }
func (f *folder) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: f.name, Err: errors.New("is a directory")}
}

// ReadDir implements [fs.ReadDirFile].
func (f *folder) ReadDir(count int) ([]fs.DirEntry, error) {
	rest := f.names[f.read:]
	if count > 0 {
		if len(rest) == 0 {
			return nil, io.EOF
		}
		rest = rest[:min(count, len(rest))]
	}
	f.read += len(rest)
	entries := make([]fs.DirEntry, 0, len(rest))
	for _, name := range slices.Sorted(slices.Values(rest)) {
		if n := f.fsys.nodes[path.Join(f.name, name)]; n != nil {
			entries = append(entries, fs.FileInfoToDirEntry(info{n}))
		}
	}
	return entries, nil
}
