package plugins

import (
	"fmt"
	"path"

	"github.com/fromscratch-go/fromscratch/rootfs/ldd"
)

// groupNotes is the group of what objects say about themselves.
const groupNotes = "notes"

// readNotes takes what objects say in their .note.dlopen: the first alternative that is there of what
// they require or recommend. What they only suggest is a candidate.
// https://uapi-group.org/specifications/specs/elf_dlopen_metadata/
func (d *discovery) readNotes() error {
	notes, err := d.closure.Notes(d.ctx)
	if d.ctx.Err() != nil {
		return err
	}
	// A note that cannot be read says nothing; it keeps no program from running.
	for _, n := range notes {
		name, ok := d.firstOf(n)
		switch {
		case !ok:
			// Not installed: on the build machine the program runs without, too.
		case n.Priority == "suggested":
			d.found.addCandidate(Candidate{
				Name: name, Path: d.whereIs(name), Of: n.By.Path,
				Why: fmt.Sprintf("%s suggests it for %s: %s", n.By.Path, n.Feature, n.Description),
			})
		case d.wants(groupNotes, false):
			d.found.addPlugin(Plugin{
				Path: name, Group: groupNotes, Of: n.By.Path,
				Why: fmt.Sprintf("%s by %s for %s: %s", past[n.Priority], n.By.Path, n.Feature, n.Description),
			})
		}
	}
	return nil
}

// past is how people say that a note asks for something.
var past = map[string]string{"required": "required", "recommended": "recommended"}

// firstOf returns the first library of a note that is in the sysroot.
func (d *discovery) firstOf(n ldd.Note) (string, bool) {
	for _, name := range n.Sonames {
		if d.whereIs(name) != "" {
			return name, true
		}
	}
	return "", false
}

// whereIs returns a path of a library by name: in the closure, or in a folder in which the closure has
// libraries. The loader's own search comes when it is resolved.
func (d *discovery) whereIs(name string) string {
	if path.IsAbs(name) {
		if d.kept.follow(name) == "" {
			return ""
		}
		return name
	}
	if o, ok := d.closure.Lookup(name); ok {
		return o.Path
	}
	for _, o := range d.libraries() {
		if p := path.Join(path.Dir(o.Path), name); d.kept.follow(p) != "" {
			return p
		}
	}
	return ""
}

// readNames adds candidates: names of libraries that stand in objects which open libraries. Nobody knows
// whether they do; and those that are not installed are not opened on the build machine either.
func (d *discovery) readNames() error {
	names, err := d.closure.Names(d.ctx)
	if d.ctx.Err() != nil {
		return err
	}
	// What cannot be read is not guessed at.
	seen := map[string]bool{}
	for _, n := range names {
		if n.Path == "" || seen[n.Path] || d.isPlugin(n.Path) {
			continue
		}
		seen[n.Path] = true
		d.found.addCandidate(Candidate{
			Name: n.Name, Path: n.Path, Of: n.By.Path,
			Why: fmt.Sprintf("%s has this name in it and opens libraries; take it by adding it to the libraries", n.By.Path),
		})
	}
	return nil
}

// isPlugin says whether a file is taken already.
func (d *discovery) isPlugin(real string) bool {
	for _, p := range d.found.Plugins {
		if d.sys.follow(d.whereIs(p.Path)) == real {
			return true
		}
	}
	return false
}
