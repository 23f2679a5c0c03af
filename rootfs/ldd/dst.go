package ldd

import "strings"

// tokens are the values of the dynamic string tokens for one object, see ld.so(8).
type tokens struct {
	origin, lib, platform string

	secure bool                   // for a set-ID program: $ORIGIN has to come first
	trust  func(path string) bool // and, in the program itself, lead into a trusted folder; else nil
}

// expand replaces $ORIGIN, $LIB and $PLATFORM, with or without braces. A token ends where an identifier ends:
// $ORIGINAL is no token. ok is false if a token has no value; the caller must then drop the string
// (_dl_dst_substitute in glibc's elf/dl-load.c).
func (t tokens) expand(s string) (expanded string, ok bool) {
	if !strings.Contains(s, "$") {
		return s, true
	}
	var b strings.Builder
	isOrigin := false
	for first := true; ; first = false {
		before, after, found := strings.Cut(s, "$")
		b.WriteString(before)
		if !found {
			ok = !isOrigin || t.trust == nil || t.trust(b.String())
			return b.String(), ok
		}
		value, n := t.token(after)
		origin := n > 0 && strings.Contains(after[:n], "ORIGIN")
		isOrigin = isOrigin || origin
		switch {
		case n == 0: // no token: a literal dollar
			b.WriteByte('$')
		case origin && t.secure && !(first && before == "" && (after[n:] == "" || after[n] == '/')):
			return "", false
		case value == "": // a program with an unknown path has no $ORIGIN
			return "", false
		default:
			b.WriteString(value)
		}
		s = after[n:]
	}
}

// token returns the value and the length of the token after a "$". The length is 0 if there is no token.
func (t tokens) token(s string) (value string, n int) {
	for _, tok := range [...]struct{ name, value string }{
		{"ORIGIN", t.origin}, {"PLATFORM", t.platform}, {"LIB", t.lib},
	} {
		if strings.HasPrefix(s, "{"+tok.name+"}") {
			return tok.value, len(tok.name) + 2
		}
		if rest, ok := strings.CutPrefix(s, tok.name); ok && (rest == "" || !isIdent(rest[0])) {
			return tok.value, len(tok.name)
		}
	}
	return "", 0
}

// hasToken reports whether a string contains a token (_dl_dst_count).
func hasToken(s string) bool {
	for {
		_, after, found := strings.Cut(s, "$")
		if !found {
			return false
		}
		if _, n := (tokens{}).token(after); n > 0 {
			return true
		}
		s = after
	}
}

// isIdent reports whether a character can be part of an identifier.
func isIdent(c byte) bool {
	return c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// cText returns the text before the first NUL, where the text of a C program ends.
func cText(b []byte) string {
	text, _, _ := strings.Cut(string(b), "\x00")
	return text
}
