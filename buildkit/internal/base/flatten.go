package base

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Prefixes and names of whiteouts (https://github.com/opencontainers/image-spec/blob/v1.1.1/layer.md#whiteouts). Other names
// that begin with mark are metadata of aufs, which the format comes from.
const (
	whiteout = ".wh."
	mark     = ".wh..wh."
	opaque   = ".wh..wh..opq"
)

// Limits of a base. Large distributions have about 100,000 files.
const (
	maxEntries = 2_000_000
	maxName    = 4096 // PATH_MAX
	maxDepthFS = 200
	maxLinks   = 40 // as on Linux, path_resolution(7)
)

// Flatten reads the headers of layers, the lowest first, each an uncompressed tar, and returns their file system. It fails if
// that is larger, or takes more work, than layers of their size should.
func Flatten(ctx context.Context, layers []string) (*FS, error) {
	var size int64
	for _, name := range layers {
		info, err := os.Stat(name)
		if err != nil {
			return nil, err
		}
		size += info.Size()
	}
	return flatten(ctx, layers, size)
}

// flatten is [Flatten] for layers with a total compressed size, in bytes.
func flatten(ctx context.Context, layers []string, packed int64) (*FS, error) {
	f := &FS{root: newFolder("."), layers: layers, budget: newBudget(ctx, packed)}
	for i, name := range layers {
		if err := f.apply(ctx, i, name); err != nil {
			return nil, fmt.Errorf("reading the layer %q: %w", name, err)
		}
	}
	f.budget = nil
	return f, context.Cause(ctx)
}

func newFolder(name string) *node {
	return &node{name: name, mode: fs.ModeDir | 0o755, layer: -1, children: map[string]*node{}}
}

// apply applies a layer to the file system.
func (f *FS) apply(ctx context.Context, layer int, name string) error {
	headers, err := headersOf(ctx, name)
	if err != nil {
		return err
	}
	for i := range headers {
		if err := errors.Join(f.budget.entry(), f.budget.text(len(headers[i].Name)+len(headers[i].Link))); err != nil {
			return err
		}
		if err := f.put(layer, &headers[i]); err != nil {
			return fmt.Errorf("%q: %w", headers[i].Name, err)
		}
	}
	return nil
}

// put puts one entry of a layer into the file system.
func (f *FS) put(layer int, h *header) error {
	name := path.Clean("/" + h.Name)[1:]
	switch {
	case len(name) > maxName || strings.Count(name, "/") > maxDepthFS:
		return errors.New("the path is too long")
	case !utf8.ValidString(name) || strings.ContainsRune(name, 0):
		if open := h.Mode&0o002 != 0 && h.Mode&0o1000 == 0; h.Type != tar.TypeSymlink && (open || h.Mode&0o6000 != 0) {
			f.Unnamed = strconv.Quote(name)
		}
		return nil // io/fs has no such names
	case name == "":
		if h.Type == tar.TypeDir {
			f.root.mode, f.root.uid, f.root.gid = fs.ModeDir|mode(h), h.UID, h.GID
		}
		return nil
	}
	dir, base := path.Split(name)
	parent, err := f.folder(layer, dir)
	if err != nil {
		return err
	}
	switch {
	case base == opaque:
		return parent.hide(layer, f.budget)
	case strings.HasPrefix(base, mark):
		return nil
	case strings.HasPrefix(base, whiteout):
		return parent.remove(layer, strings.TrimPrefix(base, whiteout), f.budget)
	}
	return f.add(layer, parent, base, h)
}

// add puts an entry that is no whiteout into its folder.
func (f *FS) add(layer int, parent *node, name string, h *header) error {
	n := &node{name: name, mode: mode(h), uid: h.UID, gid: h.GID, layer: layer}
	switch h.Type {
	case tar.TypeReg:
		n.size, n.offset, n.bytes = h.Size, h.Offset, layer
	case tar.TypeDir:
		n.mode |= fs.ModeDir
		n.children = map[string]*node{}
		if old := parent.children[name]; old != nil && old.mode.IsDir() {
			n.children = old.children
		}
	case tar.TypeSymlink:
		n.mode, n.link = fs.ModeSymlink|0o777, h.Link
	case tar.TypeLink:
		to, err := f.target(h.Link)
		if err != nil {
			return err
		}
		link := *to
		link.name, link.layer = name, layer
		n = &link
	case tar.TypeChar:
		n.mode |= fs.ModeDevice | fs.ModeCharDevice
	case tar.TypeBlock:
		n.mode |= fs.ModeDevice
	case tar.TypeFifo:
		n.mode |= fs.ModeNamedPipe
	default:
		return nil // engines skip such headers too
	}
	parent.children[name] = n
	return nil
}

// target returns the node that a hard link leads to.
func (f *FS) target(name string) (*node, error) {
	dir, base := path.Split(path.Clean("/" + name)[1:])
	parent, err := f.walk(dir)
	if err == nil && parent.children[base] == nil {
		err = fs.ErrNotExist
	}
	if err != nil {
		return nil, fmt.Errorf("it is a hard link to %q: %w", name, err)
	}
	n := parent.children[base]
	if n.mode.IsDir() {
		return nil, fmt.Errorf("it is a hard link to the folder %q", name)
	}
	return n, nil
}

// folder finds a folder, following links, and makes missing ones, as engines do for a layer without an entry for them.
func (f *FS) folder(layer int, dir string) (*node, error) {
	return f.resolve(dir, func(parent *node, name string) (*node, error) {
		if err := f.budget.entry(); err != nil {
			return nil, err
		}
		n := newFolder(name)
		n.layer = layer
		parent.children[name] = n
		return n, nil
	})
}

// walk finds a folder, following links.
func (f *FS) walk(dir string) (*node, error) {
	return f.resolve(dir, func(*node, string) (*node, error) { return nil, fs.ErrNotExist })
}

// resolve finds a folder. It follows links within the root, and ".." does not leave the root.
func (f *FS) resolve(dir string, missing func(parent *node, name string) (*node, error)) (*node, error) {
	way, todo := []*node{f.root}, strings.Split(dir, "/")
	if err := f.budget.step(len(todo)); err != nil {
		return nil, err
	}
	for links := 0; len(todo) > 0; {
		element := todo[0]
		todo = todo[1:]
		at := way[len(way)-1]
		switch element {
		case "", ".":
			continue
		case "..":
			way = way[:max(1, len(way)-1)]
			continue
		}
		next := at.children[element]
		if next == nil {
			var err error
			if next, err = missing(at, element); err != nil {
				return nil, err
			}
		}
		switch next.mode.Type() {
		case fs.ModeDir:
			way = append(way, next)
		case fs.ModeSymlink:
			if links++; links > maxLinks {
				return nil, errors.New("too many links are on the way")
			}
			if path.IsAbs(next.link) {
				way = way[:1]
			}
			todo = append(strings.Split(next.link, "/"), todo...)
			if err := f.budget.step(len(todo)); err != nil {
				return nil, err
			}
		default:
			return nil, fmt.Errorf("%q on the way is no folder", element)
		}
		if len(todo) > maxName || len(way) > 2*maxDepthFS {
			return nil, errors.New("the links on the way are too long")
		}
	}
	return way[len(way)-1], nil
}

// hide removes everything from a folder that lower layers have put there.
func (n *node) hide(layer int, b *budget) error {
	for name := range n.children {
		if err := n.remove(layer, name, b); err != nil {
			return err
		}
	}
	return nil
}

// remove removes what lower layers have put at a name. A whiteout does not affect its own layer, whatever the order of entries.
func (n *node) remove(layer int, name string, b *budget) error {
	if err := b.step(1); err != nil {
		return err
	}
	c := n.children[name]
	if c == nil {
		return nil
	}
	if c.mode.IsDir() {
		if err := c.hide(layer, b); err != nil {
			return err
		}
	}
	if c.layer < layer && len(c.children) == 0 {
		delete(n.children, name)
	}
	return nil
}

// mode returns the permissions in a header.
func mode(h *header) fs.FileMode {
	m := fs.FileMode(h.Mode).Perm()
	for _, b := range [...]struct {
		bit  int64
		flag fs.FileMode
	}{{0o4000, fs.ModeSetuid}, {0o2000, fs.ModeSetgid}, {0o1000, fs.ModeSticky}} {
		if h.Mode&b.bit != 0 {
			m |= b.flag
		}
	}
	return m
}
