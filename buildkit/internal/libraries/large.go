package libraries

import (
	"fmt"
	"slices"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/report"
	"github.com/fromscratch-go/fromscratch/rootfs"
	"github.com/fromscratch-go/fromscratch/rootfs/plaintext"
	"github.com/fromscratch-go/fromscratch/rootfs/plugins"
)

// largeGroup is the size, in bytes, from which on a note says what a group adds to the image.
const largeGroup = 5e6

// ownNotes are the groups whose notes say their size in any case.
var ownNotes = []string{plugins.GroupFonts, plugins.GroupGconv, plugins.GroupNamed}

// Group is what an image has of a group of what libraries open while the program runs. Files of the base do not count.
type Group struct {
	Name, Of  string // Of is the library that opens it first
	Files     int    // that are opened
	Libraries int    // that these need, and no program at its start; those that another group needs too count once
	Size      int64  // of both, in bytes
	required  bool   // the library does not work without the data
}

// String says for people how large the group is.
func (g *Group) String() string {
	if g.Files+g.Libraries == 0 {
		return "nothing to add" // the base has it, or its plugins cannot be loaded
	}
	text := fmt.Sprintf("%d files", g.Files)
	if g.Libraries > 0 {
		text += fmt.Sprintf(" with %d libraries that they need", g.Libraries)
	}
	return text + ", " + report.Size(g.Size)
}

// Large returns a note for each large group: its size, and how to leave it out. Call it when the tree is assembled. A group that the
// Config names has none.
func (f *Found) Large(tree *rootfs.Tree) (notes []string) {
	if f.recalled != nil {
		return nil // the notes were kept
	}
	for _, g := range f.Groups(tree) {
		if g.Size < largeGroup || slices.Contains(ownNotes, g.Name) || slices.Contains(f.query.Plan.Libraries.Plugins, g.Name) {
			continue
		}
		without := "leaves it out"
		if g.required {
			without += ", but the library does not work without it"
		}
		notes = append(notes, plaintext.Sprintf("%s opens %s; the group %q of Exclude %s", g.Of, g, g.Name, without))
	}
	return notes
}

// Groups returns what the assembled tree has of each group, in the order of [Set.Opened]. The answer must be a computed one.
func (f *Found) Groups(tree *rootfs.Tree) []*Group {
	var list []*Group
	byName, byWhy, byPlugin := map[string]*Group{}, map[string]*Group{}, map[string]*Group{}
	for _, o := range f.Set.Opened {
		g := byName[o.Group]
		if g == nil {
			g = &Group{Name: o.Group, Of: o.Of}
			byName[o.Group], list = g, append(list, g)
		}
		if byWhy[o.Why] = g; !o.Data {
			byPlugin[o.Path] = g
		}
	}
	needed := map[string]*Group{} // by the paths of libraries
	for _, p := range f.programs() {
		for _, d := range p.opened.Files {
			byName[d.Group].required = byName[d.Group].required || !d.Optional
		}
		for _, o := range p.closure.Objects[1:] {
			if g := byPlugin[o.Opened]; g != nil && o.Opened != o.Name {
				needed[o.Real] = g
			}
		}
	}
	for _, p := range f.programs() {
		for _, o := range p.closure.Objects {
			if o.Opened == "" {
				delete(needed, o.Real)
			}
		}
	}
	for _, e := range tree.Beyond(f.query.Base) {
		if !e.Mode.IsRegular() {
			continue
		}
		if g := byWhy[e.Reason]; g != nil {
			g.Files, g.Size = g.Files+1, g.Size+e.Size
		} else if g := needed[e.Path]; g != nil {
			g.Libraries, g.Size = g.Libraries+1, g.Size+e.Size
		}
	}
	return list
}
