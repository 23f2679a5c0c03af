package plugins

import (
	"cmp"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/fromscratch-go/fromscratch/rootfs/plaintext"
)

// setting is a key of a configuration file, whose values name what a library opens. The file has lines
// "key = value"; comments begin with ";" or "#".
type setting struct {
	file string   // pattern
	sep  string   // between key and value; "" is "="
	keys []string // without regard to case
	// libraries is set if the values are libraries: paths, or names. A name is looked for in these folders, and
	// then as the loader does.
	libraries []string
	// data is set if the values are files or folders of data. They must be in one of these folders, because
	// a file of the sysroot must not choose any file of the sysroot.
	data []string
}

// Limits on configuration files. Those of distributions are few, and have a few lines.
const (
	maxFiles    = 64
	maxSettings = 1 << 20 // bytes
	maxValues   = 256
)

// assigned is a value of a setting, and the file that has it.
type assigned struct{ file, value string }

// settingValues returns the values of a setting in the sysroot's files, each once.
func (d *discovery) settingValues(m match, s setting) []assigned {
	pattern, ok := expand(s.file, m.values)
	if !ok {
		return nil
	}
	var values []assigned
	for i, name := range d.sys.glob(pattern) {
		if i == maxFiles {
			break
		}
		if d.isHidden(name) {
			continue
		}
		for _, line := range strings.Split(string(d.visible.content(name, maxSettings)), "\n") {
			key, value, ok := strings.Cut(line, cmp.Or(s.sep, "="))
			key, value = strings.ToLower(strings.TrimSpace(key)), strings.TrimSpace(value)
			if ok && value != "" && slices.Contains(s.keys, key) && len(values) < maxValues &&
				!slices.ContainsFunc(values, func(a assigned) bool { return a.value == value }) {
				values = append(values, assigned{name, value})
			}
		}
	}
	return values
}

// content reads the begin of a regular file, nil if it can't be read.
func (s *sysroot) content(name string, limit int64) []byte {
	if mode, ok := s.mode(name); !ok || !mode.IsRegular() {
		return nil
	}
	f, err := s.sys.Open(inFS(s.follow(name)))
	if err != nil {
		return nil
	}
	defer f.Close() // opened for reading only
	content, err := io.ReadAll(io.LimitReader(f, limit))
	if err != nil {
		return nil
	}
	return content
}

// addSettings adds what the configuration files of a row name. It reports whether there is any.
func (d *discovery) addSettings(m match) (some bool) {
	for _, s := range m.settings {
		for _, value := range d.settingValues(m, s) {
			if s.libraries != nil {
				some = d.addNamedLibrary(m, s, value) || some
			}
			if s.data != nil {
				some = d.addNamedData(m, s, value) || some
			}
		}
	}
	return some
}

// addNamedLibrary adds a library that a configuration file names.
func (d *discovery) addNamedLibrary(m match, s setting, a assigned) bool {
	name, found := a.value, ""
	switch {
	case path.IsAbs(name):
		if found = path.Clean(name); !d.sys.isShared(found) {
			found = ""
		}
	case !strings.Contains(name, "/"):
		for _, pattern := range s.libraries {
			dir, ok := expand(pattern, m.values)
			if p := path.Join(dir, name); ok && found == "" && d.sys.isShared(p) {
				found = p
			}
		}
		if found == "" && d.whereIs(name, m.object) != "" {
			found = d.nameForProgram(name, m.object)
		}
	}
	if found == "" {
		d.found.addCandidate(Candidate{
			Name: name, Of: m.object.Path,
			Why: plaintext.Sprintf("%s names it, and the sysroot does not have it", a.file),
		})
		return false
	}
	if path.IsAbs(found) && d.isHidden(found) {
		return true
	}
	d.found.addPlugin(Plugin{
		Path: found, Group: m.group, Of: m.object.Path,
		Why: plaintext.Sprintf("plugin of %s (%s), named in %s", m.object.Path, m.group, a.file),
	})
	return true
}

// addNamedData adds data that a configuration file names.
func (d *discovery) addNamedData(m match, s setting, a assigned) bool {
	name := path.Clean(a.value)
	within := func(folder string) bool { return strings.HasPrefix(name, folder+"/") }
	if !path.IsAbs(name) || !slices.ContainsFunc(s.data, within) || d.sys.follow(name) == "" {
		return false
	}
	if !d.isHidden(name) {
		d.found.addFile(File{
			Path: name, Group: m.group, Of: m.object.Path, Within: append(d.within(m), s.data...),
			Why: plaintext.Sprintf("data of %s (%s), named in %s", m.object.Path, m.group, a.file),
		})
	}
	return true
}
