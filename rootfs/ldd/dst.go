package ldd

import "strings"

// tokens are the values of the dynamic string tokens for one object, see ld.so(8).
type tokens struct {
	origin, lib, platform string

	secure bool                   // of a set-ID program: $ORIGIN has to come first,
	trust  func(path string) bool // and of the program itself lead into a trusted folder; else nil
}

// expand replaces $ORIGIN, $LIB and $PLATFORM, with or without braces. A token ends where an identifier
// does: $ORIGINAL is no token. ok is false when a token has no value; the string must then be dropped
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
		case n == 0: // no token: the dollar stands for itself
			b.WriteByte('$')
		case origin && t.secure && !(first && before == "" && (after[n:] == "" || after[n] == '/')):
			return "", false
		case value == "": // a program whose place is unknown has no $ORIGIN
			return "", false
		default:
			b.WriteString(value)
		}
		s = after[n:]
	}
}

// token recognises a token behind a "$": its value and its length, 0 when it is none.
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

// hasToken says whether there is any token in a string (_dl_dst_count).
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

// isIdent says whether a character would continue an identifier, and with it the name of a token.
func isIdent(c byte) bool {
	return c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}
