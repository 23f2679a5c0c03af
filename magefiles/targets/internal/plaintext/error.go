package plaintext

import (
	"io/fs"
	"os"
	"os/exec"
	"strings"
)

// Error returns the text of an error for people: escaped as by [Lines], without logins,
// lines cut by [Shorten]. File names in
// errors of the operating system are escaped like a [Field], so they can't start a line.
func Error(err error) string {
	text := err.Error()
	for _, name := range namesIn(err, nil) {
		if safe := Field(name); safe != name {
			text = strings.ReplaceAll(text, name, safe)
		}
	}
	return Shorten(HideLogins(Lines(text)))
}

// namesIn returns the file names in the errors that an error wraps.
func namesIn(err error, names []string) []string {
	switch e := err.(type) {
	case *fs.PathError:
		names = append(names, e.Path)
	case *os.LinkError:
		names = append(names, e.Old, e.New)
	case *exec.Error:
		names = append(names, e.Name)
	}
	switch e := err.(type) {
	case interface{ Unwrap() error }:
		if inner := e.Unwrap(); inner != nil {
			names = namesIn(inner, names)
		}
	case interface{ Unwrap() []error }:
		for _, inner := range e.Unwrap() {
			if inner != nil {
				names = namesIn(inner, names)
			}
		}
	}
	return names
}
