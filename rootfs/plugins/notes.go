package plugins

import (
	"path"
	"slices"
	"strings"

	"github.com/fromscratch-go/fromscratch/rootfs/ldd"
	"github.com/fromscratch-go/fromscratch/rootfs/plaintext"
)

// groupNotes is the group of what objects name in their notes.
const groupNotes = "notes"

// readNotes reads the .note.dlopen of objects. For a required or recommended feature, it adds the first
// alternative that is installed. A suggested one becomes a candidate.
// https://uapi-group.org/specifications/specs/elf_dlopen_metadata/
func (d *discovery) readNotes() error {
	notes, err := d.closure.Notes(d.ctx)
	if d.ctx.Err() != nil {
		return err
	}
	// Ignore notes that can't be read: the program runs all the same.
	for _, n := range notes {
		name, ok := d.firstInstalled(n)
		switch {
		case !ok:
			d.addAbsent(n)
		case n.Priority == "suggested":
			d.found.addCandidate(Candidate{
				Name: name, Path: d.whereIs(name, n.By), Of: n.By.Path,
				Why: plaintext.Sprintf("%s suggests it for %s: %s", n.By.Path, n.Feature, n.Description),
			})
		case d.selectFound(groupNotes):
			d.found.addPlugin(Plugin{
				Path: d.nameForProgram(name, n.By), Group: groupNotes, Of: n.By.Path,
				Why: plaintext.Sprintf("%s by %s for %s: %s", pastTense[n.Priority], n.By.Path, n.Feature, n.Description),
			})
		}
	}
	return nil
}

// pastTense are the priorities as participles, for reasons.
var pastTense = map[string]string{"required": "required", "recommended": "recommended"}

// firstInstalled returns the first library of a note that is in the sysroot.
func (d *discovery) firstInstalled(n ldd.Note) (string, bool) {
	for _, name := range n.Sonames {
		if d.whereIs(name, n.By) != "" {
			return name, true
		}
	}
	return "", false
}

// addAbsent records that no library of a note is in the sysroot. If the note requires one, it is missing.
// If it recommends one, it is a candidate, because the program works without it on the build machine too.
func (d *discovery) addAbsent(n ldd.Note) {
	names := strings.Join(n.Sonames, " or ")
	switch {
	case n.Priority == "suggested" || !d.selected(groupNotes) || d.anyHidden(n):
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

// anyHidden reports whether one of a note's libraries is missing only because it is hidden. It looks in the
// folders of all libraries, because the loader's search finds only visible files.
func (d *discovery) anyHidden(n ldd.Note) bool {
	for _, name := range n.Sonames {
		for _, o := range d.libraries() {
			if p := path.Join(path.Dir(o.Path), name); d.sys.follow(p) != "" && d.isHidden(p) {
				return true
			}
		}
	}
	return false
}

// whereIs returns the path of a library that an object opens by name, "" if the loader would not find it.
func (d *discovery) whereIs(name string, by *ldd.Object) string {
	if o, ok := d.closure.Lookup(name); ok {
		return o.Path
	}
	p, _ := d.closure.Find(name, by)
	return p
}

// nameForProgram returns the name by which the program itself can open what an object opens by name. That
// is the path if only the object's own search path leads to the library.
func (d *discovery) nameForProgram(name string, by *ldd.Object) string {
	if o, ok := d.closure.Lookup(name); ok {
		if o.Name == o.Opened && path.IsAbs(o.Name) {
			return o.Name // an earlier round opened it by path, so every object finds it now
		}
		return name
	}
	p, real := d.closure.Find(name, by)
	if _, own := d.closure.Find(name, d.closure.Program()); own == real || p == "" {
		return name
	}
	return p
}

// GroupNamed is the group of libraries that the program itself names.
const GroupNamed = "named"

// takeNamed adds the libraries that the program itself names in a constant string, if it can open libraries.
// Libraries that are not installed are skipped, because they can't be opened on the build machine either.
func (d *discovery) takeNamed() error {
	if !d.named.known {
		names, err := d.closure.Names(d.ctx)
		if d.ctx.Err() != nil {
			return err
		}
		// If the program can't be read to its end, the names before it count.
		for _, n := range names {
			if n.By == d.closure.Program() && n.Path != "" && !d.versionHidden(n) {
				d.named.names = append(d.named.names, n.Name)
			}
		}
		// A name with a version comes before the same without one, which leads to the same file.
		slices.SortFunc(d.named.names, func(a, b string) int { return strings.Compare(b, a) })
		d.named.known = true // a later round has them in its closure
	}
	for _, name := range d.named.names {
		if d.selectFound(GroupNamed) {
			program := d.closure.Program().Path
			d.found.addPlugin(Plugin{
				Path: name, Group: GroupNamed, Of: program,
				Why: plaintext.Sprintf("%s names it and opens libraries", program),
			})
		}
	}
	return nil
}

// versionHidden reports whether a version of a library is hidden, of which the name without a version was found. The names in
// Go programs have no end, so "libz.so" may be the begin of "libz.so.1".
func (d *discovery) versionHidden(n ldd.Named) bool {
	if !strings.HasSuffix(n.Name, ".so") {
		return false
	}
	found := d.whereIs(n.Name, n.By)
	names, begin := d.sys.list(path.Dir(found)), path.Base(found)+"."
	first, _ := slices.BinarySearch(names, begin)
	for _, name := range names[first:] {
		if !strings.HasPrefix(name, begin) {
			break
		}
		if d.isHidden(path.Join(path.Dir(found), name)) {
			return true
		}
	}
	return false
}

// named are the libraries that the program names, as it names them.
type named struct {
	known bool // names are those of the program; else nobody has looked yet
	names []string
}

// readNames adds candidates: library names in objects that open libraries. Whether they open these
// libraries is unknown. Libraries that are not installed are skipped, because they can't be opened on the
// build machine either.
func (d *discovery) readNames() error {
	names, err := d.closure.Names(d.ctx)
	if d.ctx.Err() != nil {
		return err
	}
	// Ignore objects that can't be read.
	seen := map[string]bool{}
	for _, n := range names {
		if n.Path == "" || seen[n.Path] || d.isPlugin(n.Path) {
			continue
		}
		seen[n.Path] = true
		d.found.addCandidate(Candidate{
			Name: n.Name, Path: n.Path, Of: n.By.Path,
			Why: plaintext.Sprintf("%s contains this name and opens libraries: add it to the libraries if the program needs it", n.By.Path),
		})
	}
	return nil
}

// isPlugin reports whether a file is already among the plugins.
func (d *discovery) isPlugin(real string) bool {
	for _, p := range d.found.Plugins {
		if d.sys.follow(d.whereIs(p.Path, d.closure.Program())) == real {
			return true
		}
	}
	return false
}
