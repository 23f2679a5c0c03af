package plugins

import (
	"regexp"
	"slices"
	"strings"
)

// row is what is known about a library. Rows are data; all are applied in the same way.
//
// Patterns are absolute paths for [sysroot.glob], with names in angle brackets: <lib> is the folder of the
// library's file (Debian's multiarch folder, /usr/lib64 of Fedora, /usr/lib of Alpine), <1> is the first
// group of soname, and other names are texts of the library itself.
//
// source is a manual page, an address, or a file of the library's own source code. If it contains
// "unverified", nobody has seen the row work in an image yet; other rows are tested with real programs.
type row struct {
	group  string
	soname string // regular expression for the whole soname
	texts  []text
	// imported is a condition: an object other than the library has to import one of these symbols. An
	// empty list is no condition.
	imported []string
	// wrappers are libraries whose own imports do not count.
	wrappers []wrapper
	// direct restricts the row to programs that link the library themselves, or name it.
	direct bool
	// oldNSS restricts the row to C libraries without built-in sources of names.
	oldNSS   bool
	plugins  []string // patterns of shared objects
	files    []data
	settings []setting // configuration files that name more of both
	leads    []string  // patterns of further places that links among the files may lead to, besides /usr and the files
	offers   []offer   // candidates
	// otherwise is a message if neither plugins nor files were found.
	otherwise string
	refused   *Refusal // with Why and Fix only
	source    string
}

// data are files that a library reads.
type data struct {
	pattern string
	// need is the Debian package with the files. If set, the library needs at least one of the files.
	need string
	// built is a text in the library that shows that it was built to look for the files; "" means always.
	// Without the text, the files are never missing.
	built string
	first bool // one file is enough, see [sysroot.globFirst]
	// without says what is missing without the files; "" means that the library does not work.
	without string
	instead bool // the row's earlier files are better: these are taken only where there are none
}

// offer is a candidate. It is shown if the pattern matches something, or always if there is no pattern.
type offer struct{ pattern, why string }

// text is a text in a library's file, between begin and end, with a NUL before begin and after end. It
// finds a path that was set with "configure". If the text is missing, otherwise is the value.
type text struct{ name, begin, end, otherwise string }

// wrapper is a library that calls a function of a row's condition in its own way only, where the row is not needed. If others
// import one of symbols from it, its call counts.
type wrapper struct {
	soname  *regexp.Regexp // for the whole soname
	symbols []string
}

// registry is all rows in order.
var registry = compile(systemRows, cryptoRows, imageRows, documentRows, geoRows, mediaRows, desktopRows, languageRows)

// entry is a row with its compiled expression.
type entry struct {
	row
	soname *regexp.Regexp
}

// compile joins tables and compiles their expressions. They are constants; an invalid one fails every test.
func compile(tables ...[]row) []entry {
	var out []entry
	for _, rows := range tables {
		for _, r := range rows {
			out = append(out, entry{r, regexp.MustCompile(`^(?:` + r.soname + `)$`)})
		}
	}
	return out
}

// Groups returns the group names for [Options.Groups] and [Options.Exclude], without those of packages.
func Groups() []string {
	var names []string
	for _, r := range registry {
		if !slices.Contains(names, r.group) {
			names = append(names, r.group)
		}
	}
	return append(names, groupNotes, GroupNamed, groupGo)
}

// wildcards are the special characters of patterns.
const wildcards = `*?[\{}`

// expand replaces the names in a pattern with their values. ok is false if a name has no value, or if its
// value contains wildcards: values come from the library, which is not trusted.
func expand(pattern string, values map[string]string) (string, bool) {
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(pattern, "<")
		b.WriteString(before)
		if !ok {
			return b.String(), true
		}
		name, after, closed := strings.Cut(rest, ">")
		value, ok := values[name]
		if !ok || !closed || strings.ContainsAny(value, wildcards) {
			return "", false
		}
		b.WriteString(value)
		pattern = after
	}
}
