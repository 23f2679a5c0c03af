package ldd

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// Link is a symbolic link on the path to a file.
type Link struct {
	Path   string // path of the link: absolute, clean, without links
	Target string // its content, verbatim
}

// A walker resolves paths like the kernel, in a root that no process has entered. os.Root does not fit: it
// rejects absolute links, which Debian has for its loader, and does not report the links on the way. Those
// links have to go into an image. Copies of the files in their place would change $ORIGIN, and would load one
// library twice.

// Limits of the kernel, see path_resolution(7).
const (
	maxLinks = 40   // symbolic links in one walk, then ELOOP
	maxPath  = 4096 // PATH_MAX, with the final NUL
	maxName  = 255  // NAME_MAX
)

// Errors of a walk that io/fs does not have. The loaders handle them differently from "no such file".
var (
	errLoop    = errors.New("too many levels of symbolic links")
	errNotDir  = errors.New("not a directory")
	errTooLong = errors.New("file name too long")
)

// Follow resolves the symbolic links of an absolute path inside a sysroot, like the kernel for a process with
// that root: an absolute target starts at the sysroot's root, and ".." stops there. It returns the path without
// links and every link on the way, in order.
func Follow(sys FS, name string) (real string, links []Link, err error) {
	p, err := newWalker(sys).walk(name)
	if err != nil {
		return "", nil, fmt.Errorf("following %q: %w", name, err)
	}
	return p.real, p.links, nil
}

// place is the result of a walk.
type place struct {
	real  string // absolute, without links
	info  fs.FileInfo
	links []Link
	// through are the folders that the walk left by "..". They are not in the real path, but have to exist for
	// the walk to succeed.
	through []string
}

// walker resolves paths in a sysroot. It caches every lookup, so the sysroot may not change meanwhile.
type walker struct {
	sys   FS
	nodes map[string]node
}

// node is the file, folder or link of one name.
type node struct {
	info   fs.FileInfo
	target string // of a symbolic link
	err    error
}

// newWalker returns a walker with an empty cache.
func newWalker(sys FS) *walker { return &walker{sys: sys, nodes: map[string]node{}} }

// node returns the node of a name whose folders are not links.
func (w *walker) node(name string) node {
	if n, ok := w.nodes[name]; ok {
		return n
	}
	var n node
	n.info, n.err = w.sys.Lstat(name)
	if n.err == nil && n.info.Mode()&fs.ModeSymlink != 0 {
		n.target, n.err = w.sys.ReadLink(name)
	}
	w.nodes[name] = n
	return n
}

// walk resolves an absolute path as described in path_resolution(7): element by element, replacing the name of
// a symbolic link with its target.
func (w *walker) walk(name string) (place, error) {
	if name == "" {
		return place{}, fs.ErrNotExist
	}
	if len(name) >= maxPath {
		return place{}, errTooLong
	}
	var p place
	cur, rest := ".", name
	for rest != "" {
		elem, tail, more := strings.Cut(rest, "/")
		rest = tail
		if elem == "" || elem == "." {
			continue
		}
		if elem == ".." {
			p.through = append(p.through, rooted(cur))
			cur = path.Dir(cur) // the root's parent is the root
			continue
		}
		next := path.Join(cur, elem)
		n, err := w.enter(next, elem, more)
		if err != nil {
			return place{}, err
		}
		if n.info.Mode()&fs.ModeSymlink == 0 {
			cur = next
			continue
		}
		if err := p.pass(next, n.target); err != nil {
			return place{}, err
		}
		if strings.HasPrefix(n.target, "/") {
			cur = "."
		}
		// A slash after the link's name goes after its target: both ask for a folder.
		if rest = n.target; more {
			rest += "/" + tail
		}
	}
	n := w.node(cur)
	p.real, p.info = rooted(cur), n.info
	return p, n.err
}

// enter looks up one element of a path. A slash after it asks for a folder, even if nothing follows.
func (w *walker) enter(name, elem string, slash bool) (node, error) {
	if len(elem) > maxName {
		return node{}, errTooLong
	}
	n := w.node(name)
	if n.err != nil {
		return n, n.err
	}
	if slash && !n.info.IsDir() && n.info.Mode()&fs.ModeSymlink == 0 {
		return n, errNotDir
	}
	return n, nil
}

// pass records a link on the way.
func (p *place) pass(name, target string) error {
	switch {
	case target == "":
		return fs.ErrNotExist
	case len(target) >= maxPath:
		return errTooLong
	case len(p.links) >= maxLinks:
		return errLoop
	}
	p.links = append(p.links, Link{Path: rooted(name), Target: target})
	return nil
}

// open opens the regular file of a place.
func (w *walker) open(p place) (*Content, error) {
	if p.info.IsDir() {
		return nil, errors.New("is a directory")
	}
	if !p.info.Mode().IsRegular() {
		return nil, fmt.Errorf("not a regular file (%s)", p.info.Mode().Type())
	}
	return openContent(func() (fs.File, error) { return w.sys.Open(relative(p.real)) })
}

// read returns the content of a small file, such as a configuration. A file of more than limit bytes is an
// error.
func (w *walker) read(name string, limit int64) ([]byte, error) {
	p, err := w.walk(name)
	if err != nil {
		return nil, err
	}
	c, err := w.open(p)
	if err != nil {
		return nil, err
	}
	if c.Size > limit {
		return nil, errors.Join(fmt.Errorf("it has %d bytes, more than the limit of %d", c.Size, limit), c.Close())
	}
	buf := make([]byte, c.Size)
	err = c.fill(buf, 0)
	return buf, errors.Join(err, c.Close())
}

// rooted returns the absolute path of an io/fs name.
func rooted(name string) string {
	if name == "." {
		return "/"
	}
	return "/" + name
}

// relative returns the io/fs name of an absolute, clean path.
func relative(name string) string {
	if name == "/" {
		return "."
	}
	return name[1:]
}
