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

// Overlay is the sysroot of a program that is put on a base: what the base has, and behind it what a sysroot has. A
// library that the base lacks is then found in the sysroot, at the place where the base's loader looks: where one of the
// two has /lib as a link to /usr/lib and the other has not, the sysroot's file is seen at the base's place.
//
// What is hidden of the base, by absolute paths without links, is taken from the sysroot: an index of libraries that
// knows nothing of those of the sysroot.
func Overlay(base, sys ldd.FS, hidden ...string) ldd.FS {
	if len(hidden) > 0 {
		base = hiding{base, hidden}
	}
	return &overlay{base: base, sys: sys, dirs: map[string]string{}}
}

// hiding is a base of which some files are not seen.
type hiding struct {
	ldd.FS
	hidden []string
}

func (h hiding) hides(name string) bool { return slices.Contains(h.hidden, "/"+name) }

// Open opens what is not hidden.
func (h hiding) Open(name string) (fs.File, error) {
	if h.hides(name) {
		return nil, nothing("open", name)
	}
	return h.FS.Open(name)
}

// Lstat describes what is not hidden.
func (h hiding) Lstat(name string) (fs.FileInfo, error) {
	if h.hides(name) {
		return nil, nothing("lstat", name)
	}
	return h.FS.Lstat(name)
}

// hides tells whether a sysroot is an overlay that does not show a file of its base.
func hides(sys ldd.FS, p string) bool {
	o, ok := sys.(*overlay)
	if !ok {
		return false
	}
	h, ok := o.base.(hiding)
	return ok && h.hides(inFS(p))
}

type overlay struct {
	base, sys ldd.FS

	mu   sync.Mutex
	dirs map[string]string // folders of the sysroot without links; "" is none
}

// Open opens a file of the base, else of the sysroot; a folder has the names of both.
func (o *overlay) Open(name string) (fs.File, error) {
	info, err := o.base.Lstat(name)
	if err == nil && !info.IsDir() {
		return o.base.Open(name)
	}
	lower, below := o.lower(name)
	switch {
	case err != nil && below == nil:
		return nil, nothing("open", name)
	case err != nil:
		return o.sys.Open(lower)
	case below == nil || !below.IsDir():
		return o.base.Open(name)
	}
	return o.both(name, lower)
}

// both opens a folder that both have.
func (o *overlay) both(name, lower string) (fs.File, error) {
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

// Lstat describes what the base has, else what the sysroot has.
func (o *overlay) Lstat(name string) (fs.FileInfo, error) {
	if info, err := o.base.Lstat(name); err == nil {
		return info, nil
	}
	if _, below := o.lower(name); below != nil {
		return below, nil
	}
	return nil, nothing("lstat", name)
}

// ReadLink returns the target of a link.
func (o *overlay) ReadLink(name string) (string, error) {
	if _, err := o.base.Lstat(name); err == nil {
		return o.base.ReadLink(name)
	}
	if lower, below := o.lower(name); below != nil {
		return o.sys.ReadLink(lower)
	}
	return "", nothing("readlink", name)
}

func nothing(op, name string) error { return &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist} }

// has tells whether a name is the base's.
func (o *overlay) has(name string) bool {
	_, err := o.base.Lstat(name)
	return err == nil
}

// lower is the sysroot's name for one without links of the overlay, and what is there, nil for nothing: links of the sysroot on the way are followed
// inside of it, and what is below /usr/lib is looked for below /lib too.
func (o *overlay) lower(name string) (string, fs.FileInfo) {
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

// folder takes the links out of the name of a folder of the sysroot.
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
	list []fs.DirEntry // what is still to be read
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

// ofBase tells whether the source is a file that the base has.
func (s Source) ofBase() bool {
	o, ok := s.sys.(*overlay)
	return ok && s.kind == sysrootFile && o.has(s.name)
}
