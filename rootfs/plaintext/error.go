package plaintext

import (
	"io/fs"
	"os"
	"os/exec"
	"strings"
)

// Error is the text of an error for people: as [Lines], without logins. The names in
// errors of the operating system, which are in the text as they are, begin no line.
func Error(err error) string {
	text := err.Error()
	for _, name := range namesIn(err, nil) {
		if safe := Field(name); safe != name {
			text = strings.ReplaceAll(text, name, safe)
		}
	}
	return HideLogins(Lines(text))
}

// namesIn are the names of files in the errors that an error wraps.
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
