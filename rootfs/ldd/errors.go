package ldd

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/fromscratch-go/fromscratch/rootfs/ldd/elf"
	"github.com/fromscratch-go/fromscratch/rootfs/plaintext"
)

// ErrNotELF means that a file is not an ELF file, but for example a script or a program of another system.
var ErrNotELF = elf.ErrNotELF

// NotFoundError reports a library that the loader would not find.
type NotFoundError struct {
	Soname   string   // the name that is asked for
	NeededBy string   // path of the object that asks for it
	Searched []string // the first 100 places searched, in order: "/opt/lib (RUNPATH of /usr/bin/x)"
	Package  string   // Debian package to install; "" when unknown
	Fix      string   // how to fix it, one line
}

// Error says what is missing, who needs it, where the loader looks and how to fix it.
func (e *NotFoundError) Error() string { return e.text() + "\nfix: " + plaintext.Field(e.Fix) }

// text is the message without the fix. A MissingError prints the fixes once, after all missing libraries.
func (e *NotFoundError) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "library %q not found, needed by %q", e.Soname, e.NeededBy)
	if len(e.Searched) > 0 {
		b.WriteString("\nsearched:")
	}
	for _, dir := range e.Searched {
		b.WriteString("\n  " + plaintext.Field(dir))
	}
	return b.String()
}

// MissingError reports every library that a program lacks. The loader would stop at the first one, but the user
// wants to install all packages at once. [errors.As] finds the first [NotFoundError] in it.
type MissingError struct {
	Program string
	Missing []*NotFoundError // at least one
}

// Error lists the missing libraries and ends with one line that fixes all of them.
func (e *MissingError) Error() string {
	var b strings.Builder
	fixes := []string{}
	for i, m := range e.Missing {
		if i > 0 {
			b.WriteString("\n")
		}
		b.WriteString(m.text())
		fixes = append(fixes, m.Fix)
	}
	b.WriteString("\nfix: " + plaintext.Field(strings.Join(compact(fixes), "; ")))
	return b.String()
}

// Unwrap returns the missing libraries.
func (e *MissingError) Unwrap() []error {
	errs := make([]error, len(e.Missing))
	for i, m := range e.Missing {
		errs[i] = m
	}
	return errs
}

// LoadError reports a file that the loader finds and then rejects. The loader does not search any further.
type LoadError struct {
	Path     string
	NeededBy string // path of the object that asks for it
	Err      error
	fix      string // "" for the default fix
}

// Error names the rejected file and the reason, in the loader's words if it has some.
func (e *LoadError) Error() string {
	fix := e.fix
	if program := (*executableError)(nil); fix == "" && errors.As(e.Err, &program) {
		fix = "it is a program, not a library: put it into the image as a file (Files instead of Libraries), and what it loads comes along"
	}
	fix = cmp.Or(fix, "replace the file with the library for the program's platform, or remove its folder from the search path")
	return fmt.Sprintf("loading %q for %q: %v\nfix: %s", e.Path, e.NeededBy, e.Err, plaintext.Field(fix))
}

// Unwrap returns the cause.
func (e *LoadError) Unwrap() error { return e.Err }

// compact removes repeated strings and keeps the order.
func compact(list []string) []string {
	seen := map[string]bool{}
	out := list[:0]
	for _, s := range list {
		if !seen[s] {
			seen[s] = true
			out = append(out, s)
		}
	}
	return out
}
