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

// applyRows takes what the registry knows about the libraries.
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

// applies says whether a row's conditions hold.
func (d *discovery) applies(m match) (bool, error) {
	wanted := d.wants(m.group, m.asked)
	if !wanted && !d.excludes(m.group) {
		return false, nil
	}
	if m.oldNSS {
		builtin, err := d.closure.NSSBuiltin()
		if err != nil || builtin {
			return false, err
		}
	}
	if len(m.imported) > 0 && d.importer(m) == nil {
		return false, nil
	}
	if !wanted {
		d.found.exclude(m.group)
	}
	return wanted, nil
}

// importer returns an object that imports what a row asks about. The library itself does not count, and
// neither does the loader.
func (d *discovery) importer(m match) *ldd.Object {
	for _, symbol := range m.imported {
		for _, o := range d.importers[symbol] {
			if o != m.object && o.Path != d.closure.Loader {
				return o
			}
		}
	}
	return nil
}

// readTexts gives values to the names that stand for texts of the library. The library is read once, for
// all rounds and images.
func (d *discovery) readTexts(m *match) error {
	if len(m.texts) == 0 {
		return nil
	}
	found, err := d.closure.Ask(m.object, plaintext.Sprintf("texts %q", m.texts), func(c *ldd.Content) (any, error) {
		content, err := whole(c)
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

// maxText bounds a text with its begin and its end, in bytes: it is a path.
const maxText = 4 << 10

// find returns the text between begin and end. Only absolute paths are of use.
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

// apply takes what a row has.
func (d *discovery) apply(m match) {
	before := len(d.found.Plugins) + len(d.found.Files)
	some := d.takePlugins(m)
	for _, f := range m.files {
		some = d.takeFiles(m, f) || some
	}
	for _, o := range m.offers {
		d.offer(m, o)
	}
	if m.otherwise != "" && !some && before == len(d.found.Plugins)+len(d.found.Files) {
		d.found.Candidates = append(d.found.Candidates, Candidate{Name: m.group, Of: m.object.Path, Why: m.otherwise})
	}
	if m.refused != nil {
		r := *m.refused
		r.Name, r.Of = m.group, m.object.Path
		d.found.Refused = append(d.found.Refused, r)
	}
}

// takePlugins adds the plugins of a row; it says whether there are any, excluded ones too.
func (d *discovery) takePlugins(m match) (some bool) {
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
			if d.leftOut(name) {
				continue
			}
			d.found.addPlugin(Plugin{
				Path: name, Group: m.group, Of: m.object.Path,
				Why: plaintext.Sprintf("plugin of %s (%s)", m.object.Path, m.group) + d.because(m),
			})
		}
	}
	return some
}

// because names the object that a row's condition is about.
func (d *discovery) because(m match) string {
	o := d.importer(m)
	if o == nil {
		return ""
	}
	return ", which " + o.Path + " calls"
}

// takeFiles adds the data of a row; it says whether there is any.
func (d *discovery) takeFiles(m match, f data) bool {
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
		if d.leftOut(name) {
			continue
		}
		d.found.addFile(File{
			Path: name, Group: m.group, Of: m.object.Path, Optional: f.need == "", Within: within,
			Why: plaintext.Sprintf("data of %s (%s)", m.object.Path, m.group) + d.because(m),
		})
	}
	if len(names) == 0 && f.need != "" && d.looksFor(m, f) {
		d.miss(m, f, pattern)
	}
	return len(names) > 0
}

// looksFor says whether the library was built to look for the data.
func (d *discovery) looksFor(m match, f data) bool {
	if f.built == "" {
		return true
	}
	has, err := d.closure.Ask(m.object, "has "+f.built, func(c *ldd.Content) (any, error) {
		content, err := whole(c)
		return bytes.Contains(content, []byte(f.built)), err
	})
	return err == nil && has.(bool)
}

// maxContent bounds what is read of a library to find the folders that it was built for. libgdal has
// 30 MB.
const maxContent = 256 << 20

// whole reads a library.
func whole(c *ldd.Content) ([]byte, error) {
	return io.ReadAll(io.NewSectionReader(c, 0, min(c.Size, maxContent)))
}

// miss adds data that should be there.
func (d *discovery) miss(m match, f data, pattern string) {
	d.found.Missing = append(d.found.Missing, Missing{
		Path: pattern, Group: m.group, Of: m.object.Path, Package: f.need,
		Why: plaintext.Sprintf("%s does not work without it", m.object.Path),
		Fix: plaintext.Sprintf("apt-get install %s (Debian), or exclude the group %q", f.need, m.group),
	})
}

// offer adds a candidate.
func (d *discovery) offer(m match, o offer) {
	c := Candidate{Name: m.group, Of: m.object.Path, Why: o.why}
	if o.pattern != "" {
		pattern, ok := expand(o.pattern, m.values)
		names := slices.DeleteFunc(d.sys.glob(pattern), d.leftOut)
		if !ok || len(names) == 0 {
			return
		}
		c.Path = names[0]
	}
	d.found.addCandidate(c)
}
