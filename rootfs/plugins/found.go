package plugins

import (
	"slices"

	"github.com/fromscratch-go/fromscratch/rootfs/packages"
)

// Found is what libraries open while the program runs. All lists are in the load order of the libraries,
// then in the order of the registry, then sorted by path.
type Found struct {
	Plugins    []Plugin    // shared objects that libraries open
	Files      []File      // their data
	Missing    []Missing   // data that a library needs and the sysroot lacks
	Candidates []Candidate // what libraries may open, but is not included
	Refused    []Refusal   // what can't work in an image FROM scratch
	Excluded   []string    // groups that [Options.Exclude] left out

	// Packages are the sysroot's packages, if they were read: nobody has to read them again.
	Packages *packages.DB
}

// Plugin is a shared object that a library opens with dlopen(3).
type Plugin struct {
	// Path is an absolute path in the sysroot, as the library opens it, or a name without a slash, which the
	// loader searches for.
	Path  string
	Group string // "vips"
	Of    string // path of the library that opens it
	Why   string // for people: "plugin of /usr/lib/…/libvips.so.42 (vips-modules-8.14)"
	// Required is set if the program does not work without the plugin. Other plugins are for
	// [ldd.Program.Tries]: in most plugin folders, some plugins lack a library of their own.
	Required bool
}

// File is a file or a folder of data in the sysroot.
type File struct {
	// Path is absolute in the sysroot, as the library opens it. It may go through symbolic links; an image
	// needs the links and their targets. A folder includes its content, which may include plugins.
	Path     string
	Group    string
	Of       string // path of the library that reads it
	Why      string // for people
	Optional bool   // without it, the library still works in part
	// Within are the folders and files that links at Path, or below, may lead to: those of the library's
	// rows, and the system's folders for programs. Other targets, such as /etc/shadow, do not belong to the
	// library.
	Within []string
}

// Missing is data that a library needs and the sysroot lacks.
type Missing struct {
	Path    string // where it should be; may be a pattern
	Group   string
	Of      string // path of the library that reads it
	Why     string // for people
	Package string // Debian package to install
	Fix     string // how to fix it, one line
}

// Candidate is something that a library may open. Only somebody who knows the program can decide whether it
// is needed.
type Candidate struct {
	Name string // name of the library or of its group
	Path string // its path in the sysroot, "" if it is missing or has several
	Of   string // path of the object that may open it
	Why  string // for people, and how to include it
	// Likely is set if the program itself, or a library that it links, is known to open it. The others are
	// guesses, or belong to libraries that the program may not know.
	Likely bool
}

// Refusal is something that was found, but can't work in an image FROM scratch.
type Refusal struct {
	Name string
	Of   string // path of the object that it belongs to
	Why  string
	Fix  string // what to do instead, one line
}

// exclude records an excluded group, once.
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
