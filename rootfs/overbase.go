package rootfs

import (
	"archive/tar"
	"fmt"
	"io/fs"
	"path"
	"slices"

	"github.com/fromscratch-go/fromscratch/rootfs/ldd"
)

// A tree can be put on a base: the file system of another image. What the base has can be looked up, opened and walked
// through like the tree's own, but is not among [Tree.Entries]: its layers have it. Links of the base lead an entry to where
// it has to be; a layer that had a folder in place of such a link would hide all that is behind it.

// at is what is at a path without links: an entry of the tree, else one of the base; nil is nothing.
func (t *Tree) at(p string) *node {
	if n := t.nodes[p]; n != nil {
		return n
	}
	return t.below(p)
}

// below is what the base has at a path without links, nil for nothing.
func (t *Tree) below(p string) *node {
	if t.base == nil {
		return nil
	}
	info, err := t.base.Lstat(inFS(p))
	if err != nil {
		return nil
	}
	e := Entry{Path: p, Mode: info.Mode(), Reason: "in the base " + t.baseName}
	e.UID, e.GID = ownerOf(info)
	switch info.Mode().Type() {
	case fs.ModeSymlink:
		if e.Link, err = t.base.ReadLink(inFS(p)); err != nil {
			return nil
		}
	case 0:
		e.Size, e.Source = info.Size(), SysrootFile(t.base, p)
	}
	return &node{Entry: e}
}

// ownerOf is the owner that a file system says in a tar header, else root.
func ownerOf(info fs.FileInfo) (uid, gid int) {
	if h, ok := info.Sys().(*tar.Header); ok {
		return h.Uid, h.Gid
	}
	return 0, 0
}

// cover puts an entry over what the base has in its place. A system's file that the base has too stays the base's.
func (t *Tree) cover(b *node, e Entry) error {
	switch {
	case b.Mode.IsDir() != e.Mode.IsDir():
		return fmt.Errorf("the place is taken by another %s (%s)\nfix: give it another path, or take another base", b.Entry, b.Reason)
	case e.Layer != System:
	case e.Mode.IsRegular() && e.Source.ofBase():
		return nil
	default:
		if same, err := b.sameAs(e); same || err != nil {
			return err
		}
	}
	t.insert(e, false)
	return nil
}

// throughBase takes a folder that the base has as a link to where the link leads.
func (t *Tree) throughBase(e Entry) (Entry, error) {
	if b := t.below(e.Path); t.nodes[e.Path] == nil && e.Mode.IsDir() && b != nil && b.Mode.Type() == fs.ModeSymlink {
		at, err := t.resolve(e.Path)
		if err != nil {
			return e, err
		}
		e.Path = at
	}
	return e, nil
}

// parent is the entry of a folder that nobody added: that of the base, for engines unpack a layer without those below
// it, and its folders would get other permissions.
func (t *Tree) parent(dir string, l Layer) Entry {
	// The reason does not name the entry: which one came first must not show.
	e := Entry{Path: dir, Mode: fs.ModeDir | 0o755, Layer: l, Reason: "parent folder"}
	if b := t.below(dir); b != nil && b.Mode.IsDir() {
		e.Mode, e.UID, e.GID = b.Mode, b.UID, b.GID
	}
	return e
}

// names are those in a folder, of the tree and of the base, sorted.
func (t *Tree) names(n *node) []string {
	names := keys(n.children)
	if t.base == nil {
		return names
	}
	below, err := readDir(t.base, n.Path)
	if err != nil {
		return names // the base has no such folder
	}
	names = append(names, below...)
	slices.Sort(names)
	return slices.Compact(names)
}

// OfBase returns what the base has at an absolute path, behind all links, as an entry whose path is without links; ok is false
// when the tree has something of its own there, or nothing is.
func (t *Tree) OfBase(p string) (e Entry, ok bool) {
	at, err := t.resolve(path.Clean(p))
	if err != nil || t.nodes[at] != nil {
		return Entry{}, false
	}
	b := t.below(at)
	if b == nil {
		return Entry{}, false
	}
	return b.Entry, true
}

// onBase looks at the base of an assembly.
func (a *assembly) onBase(p string) (real string, info fs.FileInfo, ok bool) {
	if a.Base == nil {
		return "", nil, false
	}
	real, _, err := ldd.Follow(a.Base, p)
	if err != nil {
		return "", nil, false
	}
	info, err = a.Base.Lstat(inFS(real))
	return real, info, err == nil
}

// baseHas tells whether the base has a file at a path, behind all links.
func (a *assembly) baseHas(p string) bool {
	_, info, ok := a.onBase(p)
	return ok && info.Mode().IsRegular()
}

// baseHasFolder tells whether the base has a folder at a path, of a user.
func (a *assembly) baseHasFolder(p string, uid int) bool {
	_, info, ok := a.onBase(p)
	if !ok || !info.IsDir() {
		return false
	}
	owner, _ := ownerOf(info)
	return owner == uid
}
