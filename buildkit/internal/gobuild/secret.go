package gobuild

import (
	"slices"
	"strings"
)

// Secret is a variable that only the go command and its children get. Errors do not show its value, nor what is in its file.
type Secret struct {
	Name  string // of the variable
	Value string // of the variable: the secret, or the path of File
	File  string // the content of the file, if the secret is in one
}

// WithSecrets returns the go command with secrets in its environment.
func (g Go) WithSecrets(secrets []Secret) Go {
	g.Env, g.hidden = slices.Clone(g.Env), slices.Clone(g.hidden)
	for _, s := range secrets {
		g.Env = append(g.Env, s.Name+"="+s.Value)
		if s.File == "" {
			g.hidden = append(g.hidden, s.Value)
			continue
		}
		g.hidden = append(g.hidden, strings.FieldsFunc(s.File, func(r rune) bool { return r == '\n' || r == '\r' })...)
	}
	// The longest first: a secret may be a part of another one. A short text is no secret, and hiding it would garble errors.
	g.hidden = slices.DeleteFunc(g.hidden, func(text string) bool { return len(text) < 4 })
	slices.SortFunc(g.hidden, func(a, b string) int { return len(b) - len(a) })
	return g
}

// hide returns a text without secrets.
func (g Go) hide(text string) string {
	for _, secret := range g.hidden {
		text = strings.ReplaceAll(text, secret, "…")
	}
	return text
}
