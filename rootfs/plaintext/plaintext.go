// Package plaintext makes text of others harmless where people read it. Names of
// files, sonames, search paths, answers of registries and the like may hold anything:
// an escape sequence that a terminal obeys, a carriage return that hides a line, a
// newline that makes two lines of one, a mark that turns the order of writing round
// (https://trojansource.codes).
//
// What [strconv.IsPrint] does not call printable is written as %q writes it, and the
// rest stays as it is, backslashes and quotes too. What is escaped already is not
// changed once more.
package plaintext

import (
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Field is one word of somebody else's in a text of ours, or a text that is one line.
// No newline is left in it.
func Field(s string) string { return escape(s, "") }

// Lines is a text of several lines: newlines and tabs are kept.
func Lines(s string) string {
	return escape(strings.ReplaceAll(s, "\r\n", "\n"), "\n\t")
}

// escape escapes all that is not printable, but for what is in keep.
func escape(s, keep string) string {
	if clean(s, keep) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		if kept(r, size, keep) {
			b.WriteString(s[:size])
		} else {
			quoted := strconv.Quote(s[:size])
			b.WriteString(quoted[1 : len(quoted)-1])
		}
		s = s[size:]
	}
	return b.String()
}

// clean tells whether there is nothing to escape, as there mostly is.
func clean(s, keep string) bool {
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		if !kept(r, size, keep) {
			return false
		}
		s = s[size:]
	}
	return true
}

// kept tells whether a character stays. A byte that is no UTF-8 may be a control
// character to a terminal of another encoding.
func kept(r rune, size int, keep string) bool {
	if r == utf8.RuneError && size == 1 {
		return false
	}
	return strconv.IsPrint(r) || strings.ContainsRune(keep, r)
}

// shellSafe is what no shell reads as anything else than itself, at the place of an
// argument.
var shellSafe = regexp.MustCompile(`^[A-Za-z0-9_./:@%+,-][A-Za-z0-9_./:@%+,=-]*$`)

// Shell is a word as it is typed into a POSIX shell: for a command that a person is to
// run. What cannot be printed is written in the shell's own way, $'…'.
func Shell(s string) string {
	switch {
	case shellSafe.MatchString(s):
		return s
	case clean(s, ""):
		return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
	}
	var b strings.Builder
	b.WriteString("$'")
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		switch {
		case r == '\'' || r == '\\':
			b.WriteString(`\` + s[:size])
		case kept(r, size, ""):
			b.WriteString(s[:size])
		default:
			for _, c := range []byte(s[:size]) { // three octal digits, which every shell with $'…' knows
				b.WriteString(`\` + string([]byte{'0' + c>>6, '0' + c>>3&7, '0' + c&7}))
			}
		}
		s = s[size:]
	}
	return b.String() + "'"
}

// login is the user info of an address (https://www.rfc-editor.org/rfc/rfc3986#section-3.2.1).
// The last "@" before the path counts, as a password that was not encoded may have one. It may have a "/" and other signs
// too: what is behind a ":" and does not begin like a port is a password, up to the last "@".
var login = regexp.MustCompile(`([A-Za-z][A-Za-z0-9+.-]*)://([^/\s"'|,]*|[^/\s"'|,:@\[]*:\d*[^\d/\s"@,|][^\s"]*)@`)

// HideLogins hides the user info of addresses in a text: all of it for http and https,
// where a token may stand alone; else what has a password.
func HideLogins(s string) string {
	if !strings.Contains(s, "@") {
		return s
	}
	return login.ReplaceAllStringFunc(s, func(found string) string {
		scheme, user, _ := strings.Cut(found, "://")
		lower := strings.ToLower(scheme)
		if lower != "http" && lower != "https" && !strings.Contains(user, ":") {
			return found
		}
		return scheme + "://•••@"
	})
}
