package libraries

import (
	"fmt"
	"slices"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/report"
	"github.com/fromscratch-go/fromscratch/rootfs"
	"github.com/fromscratch-go/fromscratch/rootfs/ldd"
	"github.com/fromscratch-go/fromscratch/rootfs/plaintext"
	"github.com/fromscratch-go/fromscratch/rootfs/plugins"
)

// largeGroup is the size, in bytes, from which on a note says what a group adds to the image.
const largeGroup = 5e6

// ownNotes are the groups whose notes say their size in any case.
var ownNotes = []string{plugins.GroupFonts, plugins.GroupGconv, plugins.GroupNamed}

// group is what the tree has of a group.
type group struct {
	name, of  string
	files     int // that are opened
	libraries int // that only these need
	size      int64
	required  bool // the library does not work without the data
}

// Large returns a note for each large group of what libraries open while the program runs: its size, and how to leave it out. Call it when
// the tree is assembled. Files of the base do not count, and neither does a group that the Config names.
func (f *Found) Large(tree *rootfs.Tree) (notes []string) {
	if f.recalled != nil {
		return nil // the notes were kept
	}
	for _, g := range f.groups(tree) {
		if g.size < largeGroup || slices.Contains(ownNotes, g.name) || slices.Contains(f.query.Plan.Libraries.Plugins, g.name) {
			continue
		}
		what, without := "", "Exclude leaves it out"
		if g.libraries > 0 {
			what = fmt.Sprintf(", with %d libraries that they need", g.libraries)
		}
		if g.required {
			without += ", but the library does not work without it"
		}
		notes = append(notes, plaintext.Sprintf("the group %q adds %s: %d files that %s opens%s; %s", g.name, report.Size(g.size), g.files, g.of, what, without))
	}
	return notes
}

// groups returns what the tree has of each group, in the order of [Set.Opened].
func (f *Found) groups(tree *rootfs.Tree) []*group {
	var list []*group
	byName, byWhy, byPlugin := map[string]*group{}, map[string]*group{}, map[string]*group{}
	for _, o := range f.Set.Opened {
		g := byName[o.Group]
		if g == nil {
			g = &group{name: o.Group, of: o.Of}
			byName[o.Group], list = g, append(list, g)
		}
		if byWhy[o.Why] = g; !o.Data {
			byPlugin[o.Path] = g
		}
	}
	f.addRequired(byName)
	needed := map[string]*group{} // by the paths of libraries
	for _, c := range f.closures() {
		for _, o := range c.Objects[1:] {
			if g := byPlugin[o.Opened]; g != nil && o.Opened != o.Name {
				needed[o.Real] = g
			}
		}
	}
	for _, e := range tree.Beyond(f.query.Base) {
		if !e.Mode.IsRegular() {
			continue
		}
		if g := byWhy[e.Reason]; g != nil {
			g.files, g.size = g.files+1, g.size+e.Size
		} else if g := needed[e.Path]; g != nil {
			g.libraries, g.size = g.libraries+1, g.size+e.Size
		}
	}
	return list
}

// addRequired marks the groups that a library does not work without.
func (f *Found) addRequired(byName map[string]*group) {
	for _, d := range f.opened.Files {
		if g := byName[d.Group]; g != nil && !d.Optional {
			g.required = true
		}
	}
}

// closures returns the closures of the program, and of those among the user's files.
func (f *Found) closures() []*ldd.Closure {
	list := []*ldd.Closure{f.closure}
	for _, x := range f.executables {
		list = append(list, x.closure)
	}
	return list
}
