// Package libraries finds out which shared libraries a program loads and what these open while it runs, and proves that they are
// complete in the finished tree.
package libraries

import "slices"

// Set says what a program loads when it starts and what it opens later. It does not depend on whether it was computed by this
// build or taken over from an earlier one.
type Set struct {
	Sysroot string // folder of the machine that compiles, which the libraries are taken from
	Loader  string // path in the image; "" if the program is static
	Words   string // for people: "5 files of /, loader /lib64/ld-linux-x86-64.so.2"

	Objects []Object // the program, then the files that it loads, in load order; the program alone if it is static
	Opened  []Opened // what the program, those in Executables, and their libraries open while they run

	Executables []Executable `json:",omitempty"` // programs among the user's files, without static ones

	Candidates []Candidate // what the image may need too and does not have
	Notes      []string    // what a person should know
}

// IsEmpty reports whether neither the program nor one among the user's files loads libraries.
func (s Set) IsEmpty() bool { return len(s.Objects) < 2 && len(s.Executables) == 0 }

// Loaded returns the paths in the image of the files that the program loads.
func (s Set) Loaded() []string {
	var paths []string
	for _, o := range s.Objects[min(1, len(s.Objects)):] {
		paths = append(paths, o.Path)
	}
	return paths
}

// Real returns the index of the object with a path without links, or -1.
func (s Set) Real(path string) int {
	return slices.IndexFunc(s.Objects, func(o Object) bool { return o.Real == path })
}

// Object is a file that the loader maps. See [ldd.Object].
type Object struct {
	Name     string // the name that was asked for: "libc.so.6"; of the program its path
	Path     string // as the loader opens it; may have links in it. The program has the path in the image
	Real     string // Path without links
	By       string // the rule that found it, for people: "RUNPATH of /usr/bin/x"
	Opened   string `json:",omitempty"` // the name by which it is opened while the program runs
	NeededBy int    // index of the object that asked for it first; -1 for the program
}

// Opened is something that is opened while the program runs.
type Opened struct {
	Path  string
	Group string // of plugins: "vips"
	Of    string // path of the library that opens it
	Why   string // for people
	Data  bool   // a file or folder of data, not a library
}

// Candidate is a library that a program may or may not open while it runs.
type Candidate struct {
	Name string `json:"name"`           // as it would be opened
	Path string `json:"path,omitempty"` // in the sysroot; "" if it is not there
	Of   string `json:"of"`             // path of the file that has the name
	Why  string `json:"why"`
}

// String describes the candidate for people.
func (c Candidate) String() string {
	if c.Path == "" {
		return c.Name + ", of " + c.Of + ": " + c.Why
	}
	return c.Name + " (" + c.Path + "), of " + c.Of + ": " + c.Why
}
