package rootfs

import (
	"archive/tar"
	"fmt"
	"io/fs"
	"path"
	"slices"

	"github.com/fromscratch-go/fromscratch/rootfs/ldd"
)

// A tree can be put on a base: the file system of another image. The base's files can be looked up, opened and
// walked like the tree's own, but [Tree.Entries] leaves them out, because the base's layers have them. If an
// entry's path goes through a link of the base, the entry is placed at the link's target: a layer with a folder
// in place of the link would hide everything behind the link.

// nodeAt returns what is at a path without links: an entry of the tree, else one of the base, else nil.
func (t *Tree) nodeAt(p string) *node {
	if n := t.nodes[p]; n != nil {
		return n
	}
	return t.baseNode(p)
}

// baseNode returns what the base has at a path without links, nil for nothing.
func (t *Tree) baseNode(p string) *node {
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

// ownerOf returns the owner from the tar header in a FileInfo, or root without one.
func ownerOf(info fs.FileInfo) (uid, gid int) {
	if h, ok := info.Sys().(*tar.Header); ok {
		return h.Uid, h.Gid
	}
	return 0, 0
}

// putOverBase adds an entry at a path that the base has. An entry of the system layer is not added if it
// comes from the base or equals the base's.
func (t *Tree) putOverBase(b *node, e Entry) error {
	switch {
	case b.Mode.IsDir() != e.Mode.IsDir(), t.leadsToFolder(b) && e.Link != b.Link:
		return fmt.Errorf("the path is taken by another %s (%s)\nfix: give it another path, or take another base", b.Entry, b.Reason)
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

// leadsToFolder reports whether a node of the base is a link to a folder. Replacing such a link would hide
// everything behind it.
func (t *Tree) leadsToFolder(b *node) bool {
	if b.Mode.Type() != fs.ModeSymlink {
		return false
	}
	at, err := t.resolve(b.Path)
	if err != nil {
		return false
	}
	n := t.nodeAt(at)
	return n != nil && n.Mode.IsDir()
}

// followBaseLink moves a folder to the target of a link if the base has a link at its path.
func (t *Tree) followBaseLink(e Entry) (Entry, error) {
	if b := t.baseNode(e.Path); t.nodes[e.Path] == nil && e.Mode.IsDir() && b != nil && b.Mode.Type() == fs.ModeSymlink {
		at, err := t.resolve(e.Path)
		if err != nil {
			return e, err
		}
		e.Path = at
	}
	return e, nil
}

// parent returns the entry for a folder that nobody added. It copies owner and mode from the base's folder:
// engines unpack each layer by itself, and would change the permissions otherwise.
func (t *Tree) parent(dir string, l Layer) Entry {
	// The reason does not name the entry below: it must not depend on the order of Add.
	e := Entry{Path: dir, Mode: fs.ModeDir | 0o755, Layer: l, Reason: "parent folder"}
	if b := t.baseNode(dir); b != nil && b.Mode.IsDir() {
		e.Mode, e.UID, e.GID = b.Mode, b.UID, b.GID
	}
	return e
}

// names returns the names in a folder of the tree and of the base, sorted.
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

// OfBase returns the base's entry at an absolute path. It follows links; the path of the result has none.
// ok is false if the tree has its own entry there, or if there is nothing.
func (t *Tree) OfBase(p string) (e Entry, ok bool) {
	at, err := t.resolve(path.Clean(p))
	if err != nil || t.nodes[at] != nil {
		return Entry{}, false
	}
	b := t.baseNode(at)
	if b == nil {
		return Entry{}, false
	}
	return b.Entry, true
}

// onBase looks up a path in the base and follows links.
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

// baseHas reports whether the base has a regular file at a path. It follows links.
func (a *assembly) baseHas(p string) bool {
	_, info, ok := a.onBase(p)
	return ok && info.Mode().IsRegular()
}

// baseHasFolder reports whether the base has a folder at a path that belongs to the user.
func (a *assembly) baseHasFolder(p string, uid int) bool {
	_, info, ok := a.onBase(p)
	if !ok || !info.IsDir() {
		return false
	}
	owner, _ := ownerOf(info)
	return owner == uid
}
