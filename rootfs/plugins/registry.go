package plugins

import (
	"regexp"
	"slices"
	"strings"
)

// row is what is known about a library. Rows are data: how they are applied is the same for all.
//
// Patterns are absolute paths as [sysroot.glob] reads them, with names in angle brackets: <lib> is the
// folder that the library's file lies in (Debian's multiarch folder, /usr/lib64 of Fedora, /usr/lib of
// Alpine), <1> the first parenthesis of soname, and others are texts of the library itself.
//
// source says where the knowledge is from: a manual page, an address, or a file of the library's own
// source code. "unverified" in it means that nobody has seen it work in an image yet; the others are
// tested with real programs.
type row struct {
	group  string
	soname string // regular expression for the whole soname
	texts  []text
	// imported are symbols: an object other than the library has to import one of them. None is no
	// condition.
	imported []string
	// oldNSS restricts the row to a C library that has no built-in sources of names.
	oldNSS bool
	// asked restricts the row to those who name the group.
	asked   bool
	plugins []string // patterns of shared objects
	files   []data
	leads   []string // patterns of places that links among the files lead to, besides /usr and those of the files
	offers  []offer  // candidates
	// otherwise is said to people when neither plugins nor files were found.
	otherwise string
	refused   *Refusal // with Why and Fix only
	source    string
}

// data are files that a library reads.
type data struct {
	pattern string
	// need is the Debian package that has the files; where it is given, the library cannot work
	// without, and one of the files has to be there.
	need string
	// built is a text that the library has in it if it was built to look for the files at all; ""
	// for always. Only then they can be missing.
	built string
	first bool // one is enough, see [sysroot.globFirst]
}

// offer is a candidate: shown when the pattern fits something, or always without one.
type offer struct{ pattern, why string }

// text is a text in a library's file, between begin and end, with a NUL before begin and behind end: how
// a path that was given to "configure" is found. Without it, otherwise stands for it.
type text struct{ name, begin, end, otherwise string }

// registry is all rows, in this order.
var registry = compile(systemRows, cryptoRows, imageRows, documentRows, geoRows, mediaRows, desktopRows, languageRows)

// entry is a row with its expression.
type entry struct {
	row
	soname *regexp.Regexp
}

// compile puts tables together. Its expressions are constants; a bad one fails every test.
func compile(tables ...[]row) []entry {
	var out []entry
	for _, rows := range tables {
		for _, r := range rows {
			out = append(out, entry{r, regexp.MustCompile(`^(?:` + r.soname + `)$`)})
		}
	}
	return out
}

// Groups returns the names that [Options.Groups] and [Options.Exclude] know, besides those of packages.
func Groups() []string {
	var names []string
	for _, r := range registry {
		if !slices.Contains(names, r.group) {
			names = append(names, r.group)
		}
	}
	return append(names, groupNotes, groupGo)
}

// special are the characters of patterns that stand for others.
const special = `*?[\{}`

// expand puts the values of names into a pattern. A name without a value makes it fit nothing, and so does one whose value
// would be a pattern: values are what a library says.
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
		if !ok || !closed || strings.ContainsAny(value, special) {
			return "", false
		}
		b.WriteString(value)
		pattern = after
	}
}
