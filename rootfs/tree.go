package rootfs

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/fromscratch-go/fromscratch/rootfs/ldd"
)

// Tree is the file tree of an image, as data. The zero value is an empty tree.
//
// Entries may be added in any order and come out sorted. Parent folders need not be added: the tree makes
// them with mode 0755, owned by root:root, in the lowest layer that has something in them. If a path goes
// through a link of the tree, the entry is placed at the link's target: if /lib is a link to usr/lib,
// /lib/x becomes /usr/lib/x, no matter which of the two was added first.
//
// Many goroutines may read a Tree at once. Only one may change it, and nobody may read it meanwhile.
type Tree struct {
	nodes    map[string]*node // by path without links; has "/" unless the tree is empty
	rebuilds int              // how often one Add has rebuilt the tree, see rebuildWith

	base     ldd.FS // the file system that the tree is put on; nil for none
	baseName string // the base's name in messages
}

// node is a path that exists.
type node struct {
	Entry
	implicit bool            // a parent folder that nobody added
	children map[string]bool // base names
}

// maxLinks is the maximum number of links in one path, as on Linux, see path_resolution(7).
const maxLinks = 40

// Add puts an entry into the tree. The same entry may be added again, even from another source with the
// same bytes; it then keeps the lower layer. A different entry for the same path is an error that names
// both reasons. So is a path below a file. After an error the tree is unchanged.
func (t *Tree) Add(e Entry) error {
	if err := t.add(e); err != nil {
		return fmt.Errorf("adding %q (%s): %w", e.Path, e.Reason, err)
	}
	return nil
}

// add is Add, but its errors name neither the path nor the reason.
func (t *Tree) add(e Entry) error {
	placed, err := t.place(e)
	if err != nil {
		return err
	}
	if err := t.put(placed); err != nil {
		if placed.Path != e.Path {
			return fmt.Errorf("links lead to %q: %w", placed.Path, err)
		}
		return err
	}
	return nil
}

// place checks an entry and resolves the links in its path.
func (t *Tree) place(e Entry) (Entry, error) {
	e, err := e.checked()
	if err != nil {
		return e, err
	}
	dir, err := t.resolveFolder(path.Dir(e.Path))
	if err != nil {
		return e, err
	}
	e.Path = path.Join(dir, path.Base(e.Path))
	return t.followBaseLink(e)
}

// put adds an entry whose path has no links.
func (t *Tree) put(e Entry) error {
	n := t.nodes[e.Path]
	switch {
	case n == nil && t.baseNode(e.Path) != nil:
		return t.putOverBase(t.baseNode(e.Path), e)
	case n == nil:
		t.insert(e, false)
		return nil
	case n.implicit && e.Mode.IsDir():
		e.Layer = min(e.Layer, n.Layer)
		n.Entry, n.implicit = e, false
		t.lowerParents(e)
		return nil
	case n.implicit && e.Mode.Type() == fs.ModeSymlink:
		return t.rebuildWith(e)
	case n.implicit:
		return t.parentError(n)
	}
	return t.merge(n, e)
}

// insert adds a path that the tree lacks, and its parents.
func (t *Tree) insert(e Entry, implicit bool) {
	if t.nodes == nil {
		t.nodes = map[string]*node{"/": {Entry: rootEntry}}
	}
	dir := path.Dir(e.Path)
	if t.nodes[dir] == nil {
		t.insert(t.parent(dir, e.Layer), true)
	}
	parent := t.nodes[dir]
	if parent.children == nil {
		parent.children = map[string]bool{}
	}
	parent.children[path.Base(e.Path)] = true
	t.nodes[e.Path] = &node{Entry: e, implicit: implicit}
	t.lowerParents(e)
}

// rootEntry is the entry of "/" inside a Tree.
var rootEntry = Entry{Path: "/", Mode: fs.ModeDir | 0o755}

// lowerParents moves the parents of an entry down to its layer: a layer has to unpack without those above
// it.
func (t *Tree) lowerParents(e Entry) {
	for dir := path.Dir(e.Path); dir != "/"; dir = path.Dir(dir) {
		n := t.nodes[dir]
		n.Layer = min(n.Layer, e.Layer)
	}
}

// merge accepts an entry for a path that already has one, if the two are equal.
func (t *Tree) merge(n *node, e Entry) error {
	same, err := n.sameAs(e)
	if err != nil {
		return err
	}
	if !same {
		return fmt.Errorf("the path is taken by another %s (%s)\n"+
			"fix: leave one of the two out, or give it another path", n.Entry, n.Reason)
	}
	if e.Layer < n.Layer {
		n.Entry = e
		t.lowerParents(e)
	}
	return nil
}

// sameAs reports whether two entries give the same result in the image.
func (e Entry) sameAs(o Entry) (bool, error) {
	if e.Mode != o.Mode || e.UID != o.UID || e.GID != o.GID || e.Capabilities != o.Capabilities || e.Link != o.Link || e.Size != o.Size {
		return false, nil
	}
	if !e.Mode.IsRegular() {
		return true, nil
	}
	return sameContent(e.Source, o.Source, e.Size)
}

// parentError returns the error for a file or link at the path of an implicit folder. It names an entry
// that needs the folder.
func (t *Tree) parentError(n *node) error {
	below := n
	for below.implicit {
		below = t.nodes[path.Join(below.Path, slices.Min(keys(below.children)))]
	}
	return fmt.Errorf("the path is the parent folder of %q (%s)\n"+
		"fix: leave one of the two out, or give it another path", below.Path, below.Reason)
}

// rebuildWith rebuilds the tree with a link at the path of an implicit folder. The folder's content moves
// to the link's target.
func (t *Tree) rebuildWith(link Entry) error {
	// Rebuild into a second tree, so that this one stays unchanged if the link is impossible. Adding the
	// entries again can rebuild once more; each time, one more link is placed before its content.
	again := Tree{rebuilds: t.rebuilds + 1, base: t.base, baseName: t.baseName}
	if again.rebuilds > maxLinks {
		return fmt.Errorf("its target %q leads back to it", link.Link)
	}
	if err := again.put(link); err != nil {
		return err
	}
	for _, e := range t.added() {
		if err := again.Add(e); err != nil {
			return err
		}
	}
	t.nodes = again.nodes
	return nil
}

// resolveFolder resolves the links in the path of a folder. The folder need not exist.
func (t *Tree) resolveFolder(p string) (string, error) {
	at, err := t.resolve(p)
	if err != nil {
		return "", err
	}
	if n := t.nodeAt(at); n != nil && !n.Mode.IsDir() {
		return "", n.notFolderError()
	}
	return at, nil
}

// resolve follows the tree's links in an absolute path, including the last element. A part that does not
// exist counts as a folder.
func (t *Tree) resolve(p string) (string, error) {
	at, todo := "/", strings.Split(p, "/")
	for links := 0; len(todo) > 0; {
		next := path.Join(at, todo[0]) // a ".." ends at the root, as in the kernel
		todo = todo[1:]
		n := t.nodeAt(next)
		switch {
		case n == nil, n.Mode.IsDir():
			at = next
		case n.Mode.Type() == fs.ModeSymlink:
			if links++; links > maxLinks {
				return "", fmt.Errorf("%q goes through too many links (%s)\nfix: correct the link", next, n.Reason)
			}
			if path.IsAbs(n.Link) {
				at = "/"
			}
			todo = append(strings.Split(n.Link, "/"), todo...)
		case len(todo) > 0:
			return "", n.notFolderError()
		default:
			at = next
		}
	}
	return at, nil
}

// notFolderError returns the error for a path that goes through a file.
func (n *node) notFolderError() error {
	return fmt.Errorf("%q is a file (%s), so nothing can be below it\n"+
		"fix: leave one of the two out, or give it another path", n.Path, n.Reason)
}

// Entries returns everything in the image, including parents, sorted by path: a folder comes before its
// content.
func (t *Tree) Entries() []Entry {
	entries := make([]Entry, 0, len(t.nodes))
	for _, p := range keys(t.nodes) {
		if p != "/" {
			entries = append(entries, t.nodes[p].Entry)
		}
	}
	return entries
}

// added returns the entries that were added, without implicit parents, sorted by path.
func (t *Tree) added() []Entry {
	return slices.DeleteFunc(t.Entries(), func(e Entry) bool { return t.nodes[e.Path].implicit })
}

// Beyond returns the entries that were added to this tree and not to the other one, or not in the same layer, sorted by path.
func (t *Tree) Beyond(other *Tree) []Entry {
	return slices.DeleteFunc(t.added(), func(e Entry) bool {
		n := other.nodes[e.Path]
		return n != nil && !n.implicit && n.Layer == e.Layer
	})
}

// Lookup returns the entry at an absolute, clean path of the tree or its base. It follows no links: if /lib
// is a link to usr/lib, there is nothing at /lib/x.
func (t *Tree) Lookup(p string) (Entry, bool) {
	if p == "/" {
		return Entry{}, false
	}
	n := t.nodeAt(p)
	if n == nil {
		return Entry{}, false
	}
	return n.Entry, true
}

// keys returns the keys of a map, sorted.
func keys[V any](m map[string]V) []string {
	list := make([]string, 0, len(m))
	for k := range m {
		list = append(list, k)
	}
	slices.Sort(list)
	return list
}
