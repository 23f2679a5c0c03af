// Package sysroot is the file system of an image, read without unpacking the image: its names are listed once, and a
// file is fetched when somebody reads it.
//
//	sys, err := sysroot.Open(ctx, folder, source)
//	closure, err := ldd.Resolve(ctx, sys, program, env)
//
// Both are kept in a folder whose name the caller makes of the image's ID, since the content of an ID never changes:
//
//	names     mode, size, name and link target of everything, see [Source], with a checksum
//	files/    the files that were read, at their paths
//	sums/     the checksums of these files, at their paths
//
// The folder is safe to remove at any time, and safe under two processes: what is in it appears whole or not at all. What
// does not have its checksum is fetched again. A checksum guards against damage, and not against somebody who can write
// the folder.
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

	"github.com/fromscratch-go/fromscratch/buildkit/holes"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/fsx"
	"github.com/fromscratch-go/fromscratch/buildkit/record"
)

// Source is where an image's files come from.
type Source interface {
	// List writes for each name below the root "MODE SIZE NAME", a NUL, the target of a link, and a NUL: the mode in octal
	// as an [fs.FileMode], the size in bytes, the name absolute. Folders come before what is in them.
	List(ctx context.Context, w io.Writer) error
	// Read calls use with the contents of files, by their absolute names.
	Read(ctx context.Context, names []string, use func(name string, content io.Reader) error) error
}

// fileMode is the mode of the files in the folder.
const fileMode = 0o644

// FS is an image's file system. Names are those of [io/fs]; no link in them is followed. It has the methods of an
// ldd.FS and can be used concurrently.
type FS struct {
	ctx    context.Context // of what is fetched
	dir    string
	source Source
	below  string // what names are relative to, "" for the root

	*tree
}

// tree is what is shared by all that is below one root.
type tree struct {
	nodes    map[string]*node // by name in io/fs
	fetching sync.Map         // folder -> *sync.Mutex
	whole    sync.Map         // files whose checksum was compared
	alone    sync.Map         // folders whose files are fetched one by one
	spent    *spent
}

// spent is what file systems have cost this machine that share their bounds.
type spent struct {
	count, names atomic.Int64 // names that are held, and their bytes
	fetched      atomic.Int64 // bytes of this disk that files have taken
}

type node struct {
	name   string // last element
	mode   fs.FileMode
	size   int64
	target string
	names  []string // of a folder
}

// Open opens the file system that is kept in a folder; the names are listed if they are not known yet. ctx ends what is
// fetched later, too.
func Open(ctx context.Context, dir string, source Source) (*FS, error) {
	return open(ctx, dir, source, &spent{})
}

// Beside is [Open] for other files of the same image, which are not in its list: all that was opened beside each other may
// cost this machine as much as one image.
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

// Sub is the file system below an absolute folder of this one, which must have no link in its name.
func (s *FS) Sub(dir string) *FS {
	sub := *s
	if sub.below = path.Join(s.below, strings.Trim(path.Clean("/"+dir), "/")); sub.below == "." {
		sub.below = ""
	}
	return &sub
}

// find returns what has a name.
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

// Lstat describes what has a name, without fetching it.
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

// Open opens a folder, or a file, which is fetched if it was not before.
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

// Host returns the path on this machine of a regular file, which is fetched if it was not before.
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

// Files is the folder of this machine where files are that were fetched, at their names.
func (s *FS) Files() string { return filepath.Join(s.dir, "files", filepath.FromSlash(s.below)) }

// together is how much is fetched at once of the files in a folder, in bytes: hundreds of small ones, such as the lists of
// a package database, cost more to ask for than to send.
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
		err = fmt.Errorf("%q did not come", "/"+full)
	}
	if err != nil {
		return "", fmt.Errorf("fetching a file of an image: %w", err)
	}
	return file, nil
}

// file is where a file is kept.
func (s *FS) file(full string) string { return filepath.Join(s.dir, "files", filepath.FromSlash(full)) }

// has tells whether a file is kept, by its size. Who uses it asks isWhole.
func (s *FS) has(n *node, full string) bool {
	info, err := os.Lstat(s.file(full))
	return err == nil && info.Mode().IsRegular() && info.Size() == n.size
}

// batch is a file with the others of its folder that are not kept yet, if they are small altogether; else the file alone.
// What not everybody may read is fetched only when somebody asks for it.
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
		s.alone.Store(dir, true) // who opens all files of a large folder does not look at all of them each time
		return names[:1]
	}
	return names
}

// keep keeps a file, whole or not at all.
func (s *FS) keep(full string, r io.Reader) error {
	n := s.nodes[full]
	if n == nil {
		return fmt.Errorf("%q came, and was not asked for", "/"+full)
	}
	h := sha256.New()
	err := fsx.Create(s.file(full), fileMode, func(f *os.File) error {
		size, data, err := holes.Copy(f, io.TeeReader(r, h), n.size)
		s.spent.fetched.Add(data)
		var large *holes.TooLargeError
		if errors.As(err, &large) {
			return fmt.Errorf("%q has more than %d bytes, which it had", "/"+full, n.size)
		}
		if err == nil && size != n.size {
			err = fmt.Errorf("%q has %d bytes, not %d as it had", "/"+full, size, n.size)
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
	return time.Time{} // the same program has the same image, whenever a library was made
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

// ReadDir lists the folder as [fs.ReadDirFile] says.
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
