package plaintext

import (
	"fmt"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// Sprintf is [fmt.Sprintf] with every string among the arguments as a [Field]: what is
// a line, and what begins one, is said by the format alone. Errors are not touched:
// their text may be of several lines, and whoever made them has seen to it.
func Sprintf(format string, args ...any) string { return fmt.Sprintf(format, fields(args)...) }

// Errorf is [fmt.Errorf] in the same way.
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

// field is a string of somebody else's among the arguments of a format.
type field string

// Format writes the string as a Field, but for the verbs that escape by themselves.
func (f field) Format(s fmt.State, verb rune) {
	text := string(f)
	if verb == 's' || verb == 'v' {
		text = Field(text)
	}
	fmt.Fprintf(s, fmt.FormatString(s, verb), text)
}

// JSON is JSON text in which what a terminal would obey is escaped. It means the same:
// such characters stand in strings only.
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
