package dockerfile

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"unicode"
)

// plain are words that mean themselves, for the shell and for the builder.
var plain = regexp.MustCompile(`^[A-Za-z0-9_@%+=:,./-]+$`)

// flag is an argument with a value that reads better with the quotes around the value.
var flag = regexp.MustCompile(`^(-?-?[A-Za-z0-9_-]+=)([^$"\\` + "`" + `!\n]+)$`)

// Shell is a word for a POSIX shell.
func Shell(word string) string {
	if plain.MatchString(word) {
		return word
	}
	if m := flag.FindStringSubmatch(word); m != nil {
		return m[1] + `"` + m[2] + `"`
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// Words are words for a POSIX shell.
func Words(words ...string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = Shell(w)
	}
	return strings.Join(quoted, " ")
}

// escaped is a word in which the builder finds no variable, quote or escape
// (https://docs.docker.com/reference/dockerfile/#environment-replacement).
var escaped = strings.NewReplacer(`\`, `\\`, `$`, `\$`, `"`, `\"`, `'`, `\'`)

// arguments are the words of an instruction: as they are, or as JSON where one of them has a space in it.
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

// list is the exec form: JSON, with the characters of HTML as they are.
func list(words []string) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(words); err != nil {
		panic(err) // strings have no way to fail
	}
	return strings.ReplaceAll(strings.TrimSpace(b.String()), `","`, `", "`)
}

// value is the quoted value of ENV and LABEL.
func value(s string) string {
	if plain.MatchString(s) {
		return s
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `$`, `\$`, `"`, `\"`).Replace(s) + `"`
}

// oneLine refuses what no line of a Dockerfile can say.
func oneLine(what, s string) error {
	if i := strings.IndexFunc(s, func(r rune) bool { return unicode.IsControl(r) && r != '\t' }); i >= 0 {
		return fmt.Errorf("writing %s %q into a Dockerfile: it has the character %q, which no line there can have\nfix: write it without, or build the image with the target image", what, s, s[i])
	}
	return nil
}
