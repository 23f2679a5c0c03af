package plugins

import "slices"

// Found is what libraries open while the program runs. All lists are in load order of the libraries,
// then in the order of the registry, then sorted by path.
type Found struct {
	Plugins    []Plugin    // shared objects that libraries open
	Files      []File      // their data
	Missing    []Missing   // data that a library cannot work without, and that is not in the sysroot
	Candidates []Candidate // what may be opened, and is not taken
	Refused    []Refusal   // what cannot work in an image FROM scratch
	Excluded   []string    // groups that would have been looked at, but for [Options.Exclude]
}

// Plugin is a shared object that a library opens with dlopen(3).
type Plugin struct {
	// Path is absolute in the sysroot, as the library opens it; or a name without a slash, which the
	// loader searches for.
	Path  string
	Group string // "vips"
	Of    string // path of the library whose plugin it is
	Why   string // for people: "plugin of /usr/lib/…/libvips.so.42 (vips-modules-8.14)"
	// Required is set where the program does not work without. Others are for [ldd.Program.Tries]:
	// of a folder of plugins there are mostly some whose own libraries are not installed.
	Required bool
}

// File is a file or a folder of data in the sysroot.
type File struct {
	// Path is absolute in the sysroot, as the library opens it; it may lead over symbolic links. An
	// image needs them and what they lead to. A folder is meant with all that is below it, and plugins
	// may lie in it.
	Path     string
	Group    string
	Of       string // path of the library that reads it
	Why      string // for people
	Optional bool   // the library works without, in part
	// Within are the folders and files that links at Path, or below, may lead to: those of the library's rows, and
	// those of the system's programs. What others lead to, /etc/shadow for example, is none of the library's.
	Within []string
}

// Missing is data that a library cannot work without.
type Missing struct {
	Path    string // where it should be, a pattern maybe
	Group   string
	Of      string // path of the library that reads it
	Why     string // for people
	Package string // Debian package to install
	Fix     string // what to do about it, one line
}

// Candidate is what a library may open. Somebody who knows the program has to say so.
type Candidate struct {
	Name string // of the library or of what it belongs to
	Path string // where it is in the sysroot, "" when it is not there or has no single place
	Of   string // path of the object that may open it
	Why  string // for people, with how to take it
}

// Refusal is something that was found and that an image FROM scratch cannot have.
type Refusal struct {
	Name string
	Of   string // path of the object that it belongs to
	Why  string
	Fix  string // what to do instead, one line
}

// exclude notes a group that is left out, once.
func (f *Found) exclude(group string) {
	if !slices.Contains(f.Excluded, group) {
		f.Excluded = append(f.Excluded, group)
	}
}

// addPlugin appends a plugin that is not in the list yet.
func (f *Found) addPlugin(p Plugin) {
	for _, have := range f.Plugins {
		if have.Path == p.Path {
			return
		}
	}
	f.Plugins = append(f.Plugins, p)
}

// addFile appends a file that is not in the list yet.
func (f *Found) addFile(file File) {
	for _, have := range f.Files {
		if have.Path == file.Path {
			return
		}
	}
	f.Files = append(f.Files, file)
}

// addCandidate appends a candidate that is not in the list yet.
func (f *Found) addCandidate(c Candidate) {
	for _, have := range f.Candidates {
		if have.Name == c.Name && have.Path == c.Path && have.Why == c.Why {
			return
		}
	}
	f.Candidates = append(f.Candidates, c)
}
