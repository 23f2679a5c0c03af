package rootfs

import (
	"errors"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/fromscratch-go/fromscratch/rootfs/ldd"
)

// Overlay returns the sysroot of a program that is put on a base: the base's files, and below them those of
// a sysroot. A library that the base lacks is found in the sysroot, but at the path where the base's loader
// looks: if /lib is a link to /usr/lib in only one of the two, the sysroot's file appears at the base's
// path.
//
// hidden are absolute paths without links of files or folders of the base. They are taken from the sysroot
// instead: for example an index of libraries or a package database, which in the base does not list the
// sysroot's libraries.
func Overlay(base, sys ldd.FS, hidden ...string) ldd.FS {
	if len(hidden) > 0 {
		base = hidingFS{base, hidden}
	}
	return &overlay{base: base, sys: sys, dirs: map[string]string{}}
}

// hidingFS is a base without some of its files.
type hidingFS struct {
	ldd.FS
	hidden []string
}

func (h hidingFS) hides(name string) bool {
	return slices.ContainsFunc(h.hidden, func(p string) bool { return "/"+name == p || strings.HasPrefix("/"+name, p+"/") })
}

// Open opens a file that is not hidden.
func (h hidingFS) Open(name string) (fs.File, error) {
	if h.hides(name) {
		return nil, notExistError("open", name)
	}
	return h.FS.Open(name)
}

// Lstat describes a file that is not hidden.
func (h hidingFS) Lstat(name string) (fs.FileInfo, error) {
	if h.hides(name) {
		return nil, notExistError("lstat", name)
	}
	return h.FS.Lstat(name)
}

// hides reports whether a sysroot is an overlay that hides a file of its base.
func hides(sys ldd.FS, p string) bool {
	o, ok := sys.(*overlay)
	if !ok {
		return false
	}
	h, ok := o.base.(hidingFS)
	return ok && h.hides(inFS(p))
}

type overlay struct {
	base, sys ldd.FS

	mu   sync.Mutex
	dirs map[string]string // resolved paths of the sysroot's folders; "" if there is none
}

// Open opens a file of the base, else of the sysroot. A folder lists the names of both.
func (o *overlay) Open(name string) (fs.File, error) {
	info, err := o.base.Lstat(name)
	if err == nil && !info.IsDir() {
		return o.base.Open(name)
	}
	lower, below := o.inSysroot(name)
	switch {
	case err != nil && below == nil:
		return nil, notExistError("open", name)
	case err != nil:
		return o.sys.Open(lower)
	case below == nil || !below.IsDir():
		return o.base.Open(name)
	}
	return o.openUnion(name, lower)
}

// openUnion opens a folder that both have.
func (o *overlay) openUnion(name, lower string) (fs.File, error) {
	folder, err := o.base.Open(name)
	if err != nil {
		return nil, err
	}
	other, err := o.sys.Open(lower)
	if err != nil {
		return nil, errors.Join(err, folder.Close())
	}
	list, err := entries(folder)
	more, otherErr := entries(other)
	if err = errors.Join(err, otherErr, other.Close()); err != nil {
		return nil, errors.Join(err, folder.Close())
	}
	for _, e := range more {
		if !slices.ContainsFunc(list, func(has fs.DirEntry) bool { return has.Name() == e.Name() }) {
			list = append(list, e)
		}
	}
	slices.SortFunc(list, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return &unionFolder{File: folder, list: list}, nil
}

func entries(f fs.File) ([]fs.DirEntry, error) {
	d, ok := f.(fs.ReadDirFile)
	if !ok {
		return nil, errors.New("not a folder")
	}
	return d.ReadDir(-1)
}

// Lstat describes the base's file, else the sysroot's.
func (o *overlay) Lstat(name string) (fs.FileInfo, error) {
	if info, err := o.base.Lstat(name); err == nil {
		return info, nil
	}
	if _, below := o.inSysroot(name); below != nil {
		return below, nil
	}
	return nil, notExistError("lstat", name)
}

// ReadLink returns the target of a link.
func (o *overlay) ReadLink(name string) (string, error) {
	if _, err := o.base.Lstat(name); err == nil {
		return o.base.ReadLink(name)
	}
	if lower, below := o.inSysroot(name); below != nil {
		return o.sys.ReadLink(lower)
	}
	return "", notExistError("readlink", name)
}

func notExistError(op, name string) error {
	return &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
}

// has reports whether the base has a name.
func (o *overlay) has(name string) bool {
	_, err := o.base.Lstat(name)
	return err == nil
}

// inSysroot returns the sysroot's name for a name of the overlay without links, and describes the file
// there; nil means that there is none. It follows the sysroot's links inside the sysroot, and tries a name
// below /usr/lib below /lib too.
func (o *overlay) inSysroot(name string) (string, fs.FileInfo) {
	if name == "." {
		info, err := o.sys.Lstat(name)
		if err != nil {
			return name, nil
		}
		return name, info
	}
	for _, n := range []string{name, strings.TrimPrefix(name, "usr/")} {
		if n != name && !strings.HasPrefix(n, "lib") {
			break
		}
		dir := o.folder(path.Dir(n))
		if dir == "" {
			continue
		}
		full := path.Join(dir, path.Base(n))
		if info, err := o.sys.Lstat(full); err == nil {
			return full, info
		}
	}
	return name, nil
}

// folder resolves the links in the name of a folder of the sysroot.
func (o *overlay) folder(name string) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	real, known := o.dirs[name]
	if !known {
		if at, _, err := ldd.Follow(o.sys, path.Join("/", name)); err == nil {
			real = inFS(at)
		}
		o.dirs[name] = real
	}
	return real
}

// unionFolder is an open folder that both have, see [fs.ReadDirFile].
type unionFolder struct {
	fs.File
	list []fs.DirEntry // entries that are still to be read
}

func (d *unionFolder) ReadDir(n int) ([]fs.DirEntry, error) {
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

// ofBase reports whether the source is a file of the base.
func (s Source) ofBase() bool {
	o, ok := s.sys.(*overlay)
	return ok && s.kind == sysrootFile && o.has(s.name)
}
