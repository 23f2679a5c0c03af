package plugins

import (
	"bytes"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/fromscratch-go/fromscratch/rootfs/ldd"
	"github.com/fromscratch-go/fromscratch/rootfs/plaintext"
)

// applyRows adds what the registry knows about the libraries.
func (d *discovery) applyRows() error {
	for _, m := range d.matches {
		ok, err := d.applies(m)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		if err := d.readTexts(&m); err != nil {
			return err
		}
		d.apply(m)
	}
	return nil
}

// applies reports whether a row's conditions hold.
func (d *discovery) applies(m match) (bool, error) {
	selected := d.selected(m.group)
	if !selected && !d.excludes(m.group) {
		return false, nil
	}
	if m.oldNSS {
		builtin, err := d.closure.NSSBuiltin()
		if err != nil || builtin {
			return false, err
		}
	}
	if m.direct && !d.linked(m) {
		return false, nil
	}
	if len(m.imported) > 0 && d.importer(m) == nil {
		return false, nil
	}
	if !selected {
		d.found.exclude(m.group)
	}
	return selected, nil
}

// importer returns an object that imports one of the symbols in a row's condition. The library itself and
// the loader do not count.
func (d *discovery) importer(m match) *ldd.Object {
	for _, symbol := range m.imported {
		for _, o := range d.importers[symbol] {
			if o != m.object && o.Path != d.closure.Loader && d.counts(m, o) {
				return o
			}
		}
	}
	return nil
}

// counts reports whether an object's import meets a row's condition.
func (d *discovery) counts(m match, o *ldd.Object) bool {
	w := m.wrapper(o)
	if w == nil {
		return true
	}
	for _, symbol := range w.symbols {
		for _, caller := range d.importers[symbol] {
			if m.wrapper(caller) == nil {
				return true
			}
		}
	}
	return false
}

// wrapper returns the entry of an object among a row's wrappers, nil if it is none.
func (m match) wrapper(o *ldd.Object) *wrapper {
	for i, w := range m.wrappers {
		if w.soname.MatchString(o.Soname) {
			return &m.wrappers[i]
		}
	}
	return nil
}

// readTexts sets the values of the names that stand for texts in the library. It reads the library once for
// all rounds and images.
func (d *discovery) readTexts(m *match) error {
	if len(m.texts) == 0 {
		return nil
	}
	found, err := d.closure.Ask(m.object, plaintext.Sprintf("texts %q", m.texts), func(c *ldd.Content) (any, error) {
		content, err := readLibrary(c)
		values := map[string]string{}
		for _, t := range m.texts {
			if value, ok := t.find(content); ok {
				values[t.name] = value
			}
		}
		return values, err
	})
	if err != nil {
		return fmt.Errorf("reading %q: %w", m.object.Real, err)
	}
	for _, t := range m.texts {
		value, ok := found.(map[string]string)[t.name]
		if !ok {
			if value, ok = expand(t.otherwise, m.values); !ok || value == "" {
				continue
			}
		}
		m.values[t.name] = value
	}
	return nil
}

// maxText limits a text with its begin and its end, in bytes: it is a path.
const maxText = 4 << 10

// find returns the text between begin and end. It skips texts that are not absolute paths.
func (t text) find(content []byte) (string, bool) {
	key := t.begin
	if key == "" {
		key = t.end + "\x00"
	}
	for rest := content; ; {
		i := bytes.Index(rest, []byte(key))
		if i < 0 {
			return "", false
		}
		first := max(0, i-maxText)
		start := first + bytes.LastIndexByte(rest[first:i], 0) + 1
		end := bytes.IndexByte(rest[i:min(len(rest), i+maxText)], 0)
		if end >= 0 && i+end-start < maxText {
			s, begins := strings.CutPrefix(string(rest[start:i+end]), t.begin)
			s, ends := strings.CutSuffix(s, t.end)
			if begins && ends && path.IsAbs(s) {
				return path.Clean(s), true
			}
		}
		rest = rest[i+len(key):]
	}
}

// apply adds everything that a row lists.
func (d *discovery) apply(m match) {
	before := len(d.found.Plugins) + len(d.found.Files)
	some := d.addPlugins(m)
	for _, f := range m.files {
		if !f.instead || !some {
			some = d.addFiles(m, f) || some
		}
	}
	if len(m.settings) > 0 { // a configuration file is nothing without what it names
		some, before = d.addSettings(m), len(d.found.Plugins)+len(d.found.Files)
	}
	for _, o := range m.offers {
		d.addOffer(m, o)
	}
	if m.otherwise != "" && !some && before == len(d.found.Plugins)+len(d.found.Files) {
		d.found.Candidates = append(d.found.Candidates, Candidate{Name: m.group, Of: m.object.Path, Why: m.otherwise, Likely: d.linked(m)})
	}
	if m.refused != nil {
		r := *m.refused
		r.Name, r.Of = m.group, m.object.Path
		d.found.Refused = append(d.found.Refused, r)
	}
}

// addPlugins adds the plugins of a row. It reports whether there are any, including excluded ones.
func (d *discovery) addPlugins(m match) (some bool) {
	for _, pattern := range m.plugins {
		expanded, ok := expand(pattern, m.values)
		if !ok {
			continue
		}
		for _, name := range d.sys.glob(expanded) {
			if !d.sys.isShared(name) {
				continue
			}
			some = true
			if d.isHidden(name) {
				continue
			}
			d.found.addPlugin(Plugin{
				Path: name, Group: m.group, Of: m.object.Path,
				Why: plaintext.Sprintf("plugin of %s (%s)", m.object.Path, m.group) + d.callerNote(m),
			})
		}
	}
	return some
}

// callerNote names the object that meets a row's condition.
func (d *discovery) callerNote(m match) string {
	o := d.importer(m)
	if o == nil {
		return ""
	}
	return ", which " + o.Path + " calls"
}

// addFiles adds the data of a row. It reports whether there is any.
func (d *discovery) addFiles(m match, f data) bool {
	pattern, ok := expand(f.pattern, m.values)
	if !ok {
		return false
	}
	names := d.sys.glob(pattern)
	if f.first {
		names = d.sys.globFirst(pattern)
	}
	within := d.within(m)
	for _, name := range names {
		if d.isHidden(name) {
			continue
		}
		d.found.addFile(File{
			Path: name, Group: m.group, Of: m.object.Path, Optional: f.need == "", Within: within,
			Why: plaintext.Sprintf("data of %s (%s)", m.object.Path, m.group) + d.callerNote(m),
		})
	}
	if len(names) == 0 && f.need != "" && d.expects(m, f) {
		d.addMissing(m, f, pattern)
	}
	return len(names) > 0
}

// expects reports whether the library was built to look for the data.
func (d *discovery) expects(m match, f data) bool {
	if f.built == "" {
		return true
	}
	has, err := d.closure.Ask(m.object, "has "+f.built, func(c *ldd.Content) (any, error) {
		content, err := readLibrary(c)
		return bytes.Contains(content, []byte(f.built)), err
	})
	return err == nil && has.(bool)
}

// maxContent limits how much of a library is read to find the folders that it was built for. libgdal has 30
// MB.
const maxContent = 256 << 20

// readLibrary reads a library.
func readLibrary(c *ldd.Content) ([]byte, error) {
	return io.ReadAll(io.NewSectionReader(c, 0, min(c.Size, maxContent)))
}

// addMissing records data that should exist.
func (d *discovery) addMissing(m match, f data, pattern string) {
	path, why := pattern, plaintext.Sprintf("%s does not work without it", m.object.Path)
	if f.without != "" {
		path, why = m.group, m.object.Path+": "+f.without
	}
	d.found.Missing = append(d.found.Missing, Missing{
		Path: path, Group: m.group, Of: m.object.Path, Package: f.need,
		Why: why,
		Fix: plaintext.Sprintf("apt-get install %s (Debian), or exclude the group %q", f.need, m.group),
	})
}

// addOffer adds a candidate.
func (d *discovery) addOffer(m match, o offer) {
	c := Candidate{Name: m.group, Of: m.object.Path, Why: o.why, Likely: d.linked(m)}
	if o.pattern != "" {
		pattern, ok := expand(o.pattern, m.values)
		names := slices.DeleteFunc(d.sys.glob(pattern), d.isHidden)
		if !ok || len(names) == 0 || d.takes(names) {
			return
		}
		c.Path = names[0]
	}
	d.found.addCandidate(c)
}

// linked reports whether the program itself links the library of a row, or opens it by name.
func (d *discovery) linked(m match) bool {
	return m.object.NeededBy == d.closure.Program() && (m.object.Opened == "" || slices.Contains(d.named.names, m.object.Opened))
}

// takes reports whether a file in one of some folders is taken because the program names it: what it needs is known then.
func (d *discovery) takes(folders []string) bool {
	return slices.ContainsFunc(d.found.Files, func(f File) bool {
		below := func(folder string) bool { return strings.HasPrefix(f.Path, folder+"/") }
		return f.Group == GroupNamed && slices.ContainsFunc(folders, below)
	})
}
