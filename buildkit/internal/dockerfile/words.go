package dockerfile

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"unicode"
)

// plain matches words that need no quotes, neither for the shell nor for the builder.
var plain = regexp.MustCompile(`^[A-Za-z0-9_@%+=:,./-]+$`)

// flag matches an argument with a value that reads better if only the value is quoted.
var flag = regexp.MustCompile(`^(-?-?[A-Za-z0-9_-]+=)([^$"\\` + "`" + `!\n]+)$`)

// Shell quotes a word for a POSIX shell.
func Shell(word string) string {
	if plain.MatchString(word) {
		return word
	}
	if m := flag.FindStringSubmatch(word); m != nil {
		return m[1] + `"` + m[2] + `"`
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// Words quotes words for a POSIX shell.
func Words(words ...string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = Shell(w)
	}
	return strings.Join(quoted, " ")
}

// escaped escapes variables, quotes and escape characters for the builder
// (https://docs.docker.com/reference/dockerfile/#environment-replacement).
var escaped = strings.NewReplacer(`\`, `\\`, `$`, `\$`, `"`, `\"`, `'`, `\'`)

// arguments returns the words of an instruction: unchanged, or as JSON if one of them has a space.
func arguments(words ...string) string {
	for i, w := range words {
		words[i] = escaped.Replace(w)
	}
	for _, w := range words {
		if strings.ContainsAny(w, " \t\"'\\[") {
			return list(words)
		}
	}
	return strings.Join(words, " ")
}

// list returns the exec form: JSON, without escapes for HTML's characters.
func list(words []string) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(words); err != nil {
		panic(err) // strings can't fail
	}
	return strings.ReplaceAll(strings.TrimSpace(b.String()), `","`, `", "`)
}

// value quotes a value of ENV or LABEL.
func value(s string) string {
	if plain.MatchString(s) {
		return s
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `$`, `\$`, `"`, `\"`).Replace(s) + `"`
}

// oneLine rejects values that no line of a Dockerfile can express.
func oneLine(what, s string) error {
	if i := strings.IndexFunc(s, func(r rune) bool { return unicode.IsControl(r) && r != '\t' }); i >= 0 {
		return fmt.Errorf("writing %s %q into a Dockerfile: it has the character %q, which no line of a Dockerfile can have\nfix: write it without, or build the image with the target image", what, s, s[i])
	}
	return nil
}
