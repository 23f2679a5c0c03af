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
// Entries may be added in any order and come out sorted. The folders above an entry need not be added:
// they are there, 0755 root:root, in the lowest layer that has something below them. Where a path goes
// through a link of the tree, the entry is put where the link leads: with /lib -> usr/lib there, /lib/x
// becomes /usr/lib/x, whichever of the two came first.
//
// A Tree is read by many at once, or changed by one.
type Tree struct {
	nodes  map[string]*node // by path without links; "/" is there once anything is
	relaid int              // how often the tree was laid out again to make one Add possible

	base     ldd.FS // what the tree is put on; nil is nothing
	baseName string // for people
}

// node is a path that exists.
type node struct {
	Entry
	made     bool            // a parent folder that nobody added
	children map[string]bool // base names
}

// maxLinks is how many links one path may go through, as on Linux, see path_resolution(7).
const maxLinks = 40

// Add puts an entry into the tree. Adding the same once more, even from another source with the same
// bytes, is fine; the lower layer stays. Anything else in the same place is an error that names both
// reasons: so are a file and a folder, a folder and a link, or a path below a file. After an error the
// tree is as it was.
func (t *Tree) Add(e Entry) error {
	if err := t.add(e); err != nil {
		return fmt.Errorf("adding %q (%s): %w", e.Path, e.Reason, err)
	}
	return nil
}

// add is Add with an error that names neither the path nor the reason.
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

// place checks an entry and takes the links out of its path.
func (t *Tree) place(e Entry) (Entry, error) {
	e, err := e.checked()
	if err != nil {
		return e, err
	}
	dir, err := t.folder(path.Dir(e.Path))
	if err != nil {
		return e, err
	}
	e.Path = path.Join(dir, path.Base(e.Path))
	return t.throughBase(e)
}

// put adds an entry whose path has no links.
func (t *Tree) put(e Entry) error {
	n := t.nodes[e.Path]
	switch {
	case n == nil && t.below(e.Path) != nil:
		return t.cover(t.below(e.Path), e)
	case n == nil:
		t.insert(e, false)
		return nil
	case n.made && e.Mode.IsDir():
		e.Layer = min(e.Layer, n.Layer)
		n.Entry, n.made = e, false
		t.lower(e)
		return nil
	case n.made && e.Mode.Type() == fs.ModeSymlink:
		return t.relay(e)
	case n.made:
		return t.inTheWay(n)
	}
	return t.merge(n, e)
}

// insert adds a path that is not there yet, and its parents.
func (t *Tree) insert(e Entry, made bool) {
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
	t.nodes[e.Path] = &node{Entry: e, made: made}
	t.lower(e)
}

// rootEntry stands for "/" inside a Tree.
var rootEntry = Entry{Path: "/", Mode: fs.ModeDir | 0o755}

// lower moves the parents of an entry down to its layer: a layer is unpacked without those above it.
func (t *Tree) lower(e Entry) {
	for dir := path.Dir(e.Path); dir != "/"; dir = path.Dir(dir) {
		n := t.nodes[dir]
		n.Layer = min(n.Layer, e.Layer)
	}
}

// merge accepts an entry for a path that has one, when both are the same.
func (t *Tree) merge(n *node, e Entry) error {
	same, err := n.sameAs(e)
	if err != nil {
		return err
	}
	if !same {
		return fmt.Errorf("the place is taken by another %s (%s)\n"+
			"fix: leave one of the two out, or give it another path", n.Entry, n.Reason)
	}
	if e.Layer < n.Layer {
		n.Entry = e
		t.lower(e)
	}
	return nil
}

// sameAs tells whether another entry would be the same in the image.
func (e Entry) sameAs(o Entry) (bool, error) {
	if e.Mode != o.Mode || e.UID != o.UID || e.GID != o.GID || e.Link != o.Link || e.Size != o.Size {
		return false, nil
	}
	if !e.Mode.IsRegular() {
		return true, nil
	}
	return sameContent(e.Source, o.Source, e.Size)
}

// inTheWay is the error for a file where a folder has to be: it names what needs the folder.
func (t *Tree) inTheWay(n *node) error {
	below := n
	for below.made {
		below = t.nodes[path.Join(below.Path, slices.Min(keys(below.children)))]
	}
	return fmt.Errorf("the place is the folder of %q (%s)\n"+
		"fix: leave one of the two out, or give it another path", below.Path, below.Reason)
}

// relay lays the whole tree out again to put a link where so far a folder was that nobody added: what
// is below it moves to where the link leads.
func (t *Tree) relay(link Entry) error {
	// A second tree, so that this one is as it was when the link turns out to be impossible. Links that
	// are added again may need the same; each time one link more is in its place before what is below it.
	again := Tree{relaid: t.relaid + 1, base: t.base, baseName: t.baseName}
	if again.relaid > maxLinks {
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

// folder takes the links out of the path of a folder, which need not exist.
func (t *Tree) folder(p string) (string, error) {
	at, err := t.resolve(p)
	if err != nil {
		return "", err
	}
	if n := t.at(at); n != nil && !n.Mode.IsDir() {
		return "", n.notFolder()
	}
	return at, nil
}

// resolve follows the links of the tree in an absolute path, the last one too. What is not there counts
// as a folder.
func (t *Tree) resolve(p string) (string, error) {
	at, todo := "/", strings.Split(p, "/")
	for links := 0; len(todo) > 0; {
		next := path.Join(at, todo[0]) // a ".." ends at the root, as in the kernel
		todo = todo[1:]
		n := t.at(next)
		switch {
		case n == nil, n.Mode.IsDir():
			at = next
		case n.Mode.Type() == fs.ModeSymlink:
			if links++; links > maxLinks {
				return "", fmt.Errorf("%q leads to too many links (%s)\nfix: correct the link", next, n.Reason)
			}
			if path.IsAbs(n.Link) {
				at = "/"
			}
			todo = append(strings.Split(n.Link, "/"), todo...)
		case len(todo) > 0:
			return "", n.notFolder()
		default:
			at = next
		}
	}
	return at, nil
}

// notFolder is the error for a path that goes through a file.
func (n *node) notFolder() error {
	return fmt.Errorf("%q is a file (%s), nothing can be below it\n"+
		"fix: leave one of the two out, or give it another path", n.Path, n.Reason)
}

// Entries returns all that is in the image, parents included, sorted by path: a folder comes before
// what is in it.
func (t *Tree) Entries() []Entry {
	entries := make([]Entry, 0, len(t.nodes))
	for _, p := range keys(t.nodes) {
		if p != "/" {
			entries = append(entries, t.nodes[p].Entry)
		}
	}
	return entries
}

// added returns what was added, without the parents, sorted by path.
func (t *Tree) added() []Entry {
	return slices.DeleteFunc(t.Entries(), func(e Entry) bool { return t.nodes[e.Path].made })
}

// Beyond returns what was added to the tree and is not in another one, sorted by path.
func (t *Tree) Beyond(other *Tree) []Entry {
	return slices.DeleteFunc(t.added(), func(e Entry) bool {
		n := other.nodes[e.Path]
		return n != nil && !n.made
	})
}

// Lookup returns what is at an absolute, clean path, of the tree or of its base. It follows no link: with /lib -> usr/lib there is
// nothing at /lib/x.
func (t *Tree) Lookup(p string) (Entry, bool) {
	if p == "/" {
		return Entry{}, false
	}
	n := t.at(p)
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
