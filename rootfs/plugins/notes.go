package plugins

import (
	"path"
	"strings"

	"github.com/fromscratch-go/fromscratch/rootfs/ldd"
	"github.com/fromscratch-go/fromscratch/rootfs/plaintext"
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
			d.lacks(n)
		case n.Priority == "suggested":
			d.found.addCandidate(Candidate{
				Name: name, Path: d.whereIs(name, n.By), Of: n.By.Path,
				Why: plaintext.Sprintf("%s suggests it for %s: %s", n.By.Path, n.Feature, n.Description),
			})
		case d.takes(groupNotes):
			d.found.addPlugin(Plugin{
				Path: d.opened(name, n.By), Group: groupNotes, Of: n.By.Path,
				Why: plaintext.Sprintf("%s by %s for %s: %s", past[n.Priority], n.By.Path, n.Feature, n.Description),
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
		if d.whereIs(name, n.By) != "" {
			return name, true
		}
	}
	return "", false
}

// lacks says that nothing of a note is in the sysroot. What is required should be there; what is
// recommended the program may do without, as it does on the build machine.
func (d *discovery) lacks(n ldd.Note) {
	names := strings.Join(n.Sonames, " or ")
	switch {
	case n.Priority == "suggested" || !d.wants(groupNotes, false) || d.isHidden(n):
	case n.Priority == "required":
		d.found.Missing = append(d.found.Missing, Missing{
			Path: names, Group: groupNotes, Of: n.By.Path,
			Why: plaintext.Sprintf("%s requires it for %s: %s", n.By.Path, n.Feature, n.Description),
			Fix: plaintext.Sprintf("install the package that has it, or exclude the group %q", groupNotes),
		})
	default:
		d.found.addCandidate(Candidate{
			Name: names, Of: n.By.Path,
			Why: plaintext.Sprintf("%s recommends it for %s: %s; the sysroot does not have it", n.By.Path, n.Feature, n.Description),
		})
	}
}

// isHidden says whether one of a note's libraries is only not there because it is excluded. The folders are
// those of libraries: where the loader would look for it is known of what it can see alone.
func (d *discovery) isHidden(n ldd.Note) bool {
	for _, name := range n.Sonames {
		for _, o := range d.libraries() {
			if p := path.Join(path.Dir(o.Path), name); d.sys.follow(p) != "" && d.leftOut(p) {
				return true
			}
		}
	}
	return false
}

// whereIs returns the path of a library that an object opens by a name, "" for one that the loader would
// not find.
func (d *discovery) whereIs(name string, by *ldd.Object) string {
	if o, ok := d.closure.Lookup(name); ok {
		return o.Path
	}
	p, _ := d.closure.Find(name, by)
	return p
}

// opened returns the name by which the program itself would open what an object opens by a name: the path,
// when only the object's own search path leads to it.
func (d *discovery) opened(name string, by *ldd.Object) string {
	if o, ok := d.closure.Lookup(name); ok {
		if o.Name == o.Opened && path.IsAbs(o.Name) {
			return o.Name // by an earlier round; now everybody finds it
		}
		return name
	}
	p, real := d.closure.Find(name, by)
	if _, own := d.closure.Find(name, d.closure.Program()); own == real || p == "" {
		return name
	}
	return p
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
			Why: plaintext.Sprintf("%s has this name in it and opens libraries; take it by adding it to the libraries", n.By.Path),
		})
	}
	return nil
}

// isPlugin says whether a file is taken already.
func (d *discovery) isPlugin(real string) bool {
	for _, p := range d.found.Plugins {
		if d.sys.follow(d.whereIs(p.Path, d.closure.Program())) == real {
			return true
		}
	}
	return false
}
