package plaintext

import (
	"fmt"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// Sprintf is [fmt.Sprintf] with every string argument as a [Field], so that only the format can start a
// line. It does not change errors: their text may have several lines, and is escaped where the error is
// made.
func Sprintf(format string, args ...any) string { return fmt.Sprintf(format, fields(args)...) }

// Errorf is [fmt.Errorf] with every string argument as a [Field].
func Errorf(format string, args ...any) error { return fmt.Errorf(format, fields(args)...) }

func fields(args []any) []any {
	out := make([]any, len(args))
	for i, a := range args {
		if s, ok := a.(string); ok {
			a = field(s)
		}
		out[i] = a
	}
	return out
}

// field is a string argument that does not come from this program.
type field string

// Format writes the string as a Field, unless the verb itself escapes.
func (f field) Format(s fmt.State, verb rune) {
	text := string(f)
	if verb == 's' || verb == 'v' {
		text = Field(text)
	}
	fmt.Fprintf(s, fmt.FormatString(s, verb), text)
}

// JSON escapes the characters in JSON text that could control a terminal. The meaning is unchanged, because
// such characters occur only in strings.
func JSON(text []byte) []byte {
	if clean(string(text), "\n") {
		return text
	}
	var out []byte
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		switch {
		case kept(r, size, "\n"):
			out = append(out, text[:size]...)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			out = append(append(out, jsonEscape(high)...), jsonEscape(low)...)
		default:
			out = append(out, jsonEscape(r)...)
		}
		text = text[size:]
	}
	return out
}

func jsonEscape(r rune) string {
	digits := strconv.FormatInt(int64(r), 16)
	return `\u` + "0000"[len(digits):] + digits
}
