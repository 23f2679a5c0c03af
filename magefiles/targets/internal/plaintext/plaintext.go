// Package plaintext takes untrusted text and returns text that is safe to show to people. File names, sonames,
// search paths, answers of registries and so on may contain anything: an escape sequence for the terminal, a
// carriage return that hides a line, a newline that splits a line, a mark that reverses the writing direction
// (https://trojansource.codes).
//
// Characters that are not printable, see [strconv.IsPrint], are escaped as by %q. All others are unchanged,
// including backslashes and quotes, so escaping a text twice changes nothing.
package plaintext

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Field escapes an untrusted string that is part of a line, or a whole line. The result has no newline.
func Field(s string) string { return escape(s, "") }

// Lines escapes a text of several lines. It keeps newlines and tabs.
func Lines(s string) string {
	return escape(strings.ReplaceAll(s, "\r\n", "\n"), "\n\t")
}

// Output escapes the output of a program, for an error that has a fix line: as [Lines], and a line that begins like a fix line
// or like mage's line of an error is indented.
func Output(s string) string {
	return ours.Replace("\n" + Lines(s))[1:]
}

var ours = strings.NewReplacer("\nfix:", "\n\tfix:", "\nError:", "\n\tError:")

// escape escapes everything that is not printable, except the characters in keep.
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

// clean reports whether there is nothing to escape, which is the usual case.
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

// kept reports whether a character is unchanged. An invalid UTF-8 byte is escaped: it may be a control
// character for a terminal with another encoding.
func kept(r rune, size int, keep string) bool {
	if r == utf8.RuneError && size == 1 {
		return false
	}
	return strconv.IsPrint(r) || strings.ContainsRune(keep, r)
}

// maxLine is how much of a line is shown, in bytes. Lines of compilers with all their flags are shorter.
const maxLine = 16 << 10

// Shorten cuts off lines that nobody reads to their end: a document of somebody else's may have megabytes in one name. It comes
// after [HideLogins], which has to see a login whole.
func Shorten(s string) string {
	if len(s) <= maxLine {
		return s
	}
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		if n := len(line) - maxLine; n > 0 {
			lines[i] = fmt.Sprintf("%s… (%d bytes more)", strings.ToValidUTF8(line[:maxLine], ""), n)
		}
	}
	return strings.Join(lines, "\n")
}

// shellSafe matches arguments that no shell treats specially.
var shellSafe = regexp.MustCompile(`^[A-Za-z0-9_./:@%+,-][A-Za-z0-9_./:@%+,=-]*$`)

// Shell quotes a word for a POSIX shell, for a command that a person is to run. Characters that are not
// printable are written in the shell's own way, $'…'.
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

// login matches the user info of an address (https://www.rfc-editor.org/rfc/rfc3986#section-3.2.1). It ends
// at the last "@" before the path, because a password that was not encoded may contain "@". Such a password may
// also contain "/" and other characters: text after a ":" that does not begin like a port is a password, up to
// the last "@".
var login = regexp.MustCompile(`([A-Za-z][A-Za-z0-9+.-]*)://([^/\s"'|,]*|[^/\s"'|,:@\[]*:\d*[^\d/\s"@,|][^\s"]*)@`)

// HideLogins hides the user info of addresses in a text. For http and https it hides all user info, because
// a token may stand there without a password. For other schemes it hides only user info with a password.
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
