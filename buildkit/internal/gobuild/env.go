package gobuild

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// environ returns the environment for the go command: that of g without variables
// that would misdirect the build, then the target, then the user's own variables.
func (g Go) environ(t Target, opts Options, cgo bool) ([]string, error) {
	if err := opts.agree(t); err != nil {
		return nil, err
	}
	var env []string
	for _, kv := range g.Env {
		key, _, _ := strings.Cut(kv, "=")
		if !isStray(fold(key)) {
			env = append(env, kv)
		}
	}
	env = append(env, "GOOS=linux", "GOARCH="+t.Architecture, "CGO_ENABLED="+zeroOne(cgo))
	if key, value := level(t); key != "" {
		env = append(env, key+"="+value)
	}
	if g.Dir != "" {
		// As a shell does it: the go command then shows paths through the symlink
		// that the folder was named by.
		dir, err := filepath.Abs(g.Dir)
		if err != nil {
			return nil, fmt.Errorf("locating %q: %w", g.Dir, err)
		}
		env = append(env, "PWD="+dir)
	}
	for _, key := range slices.Sorted(maps.Keys(opts.Env)) {
		if key != "CGO_ENABLED" { // already decided
			env = append(env, key+"="+opts.Env[key])
		}
	}
	return env, nil
}

// isStray reports whether a variable of the surrounding environment is ignored. The
// cgo decision and the target replace such variables.
func isStray(key string) bool {
	switch key {
	case "GOOS", "GOARCH", "GOBIN", "CGO_ENABLED", "PWD":
		return true
	}
	return isLevel(key)
}

// agree checks the user's variables against the target.
func (o Options) agree(t Target) error {
	want := map[string]string{"GOOS": "linux", "GOARCH": t.Architecture}
	if key, value := level(t); key != "" && t.Variant != "" {
		want[key] = value
	}
	for _, key := range slices.Sorted(maps.Keys(want)) {
		if got, ok := o.Env[key]; ok && got != want[key] {
			return fmt.Errorf("compiling for %q: Build.Env has %s=%q, the platform needs %q\nfix: remove %s from Build.Env; the platform is chosen outside of it", t, key, got, want[key], key)
		}
	}
	return nil
}

// getenv returns the last value of key in env, "" if there is none.
func getenv(env []string, key string) string {
	for _, kv := range slices.Backward(env) {
		if k, v, ok := strings.Cut(kv, "="); ok && fold(k) == fold(key) {
			return v
		}
	}
	return ""
}

// fold makes the names of variables comparable: on Windows "Path" means PATH.
func fold(key string) string {
	if runtime.GOOS == "windows" {
		return strings.ToUpper(key)
	}
	return key
}

func zeroOne(b bool) string {
	if b {
		return "1"
	}
	return "0"
}

// errNotInPath is lookPath's error for a name that no folder of PATH has.
var errNotInPath = errors.New("executable file not found in PATH")

// lookPath finds a program in the PATH of env, like the go command; os/exec.LookPath
// only uses the process environment. Relative folders in PATH are skipped, as
// os/exec does since Go 1.19.
func lookPath(env []string, name string) (string, error) {
	if filepath.Base(name) != name {
		if isExecutable(name) {
			return name, nil
		}
		return "", os.ErrNotExist
	}
	for _, dir := range filepath.SplitList(getenv(env, "PATH")) {
		if !filepath.IsAbs(dir) {
			continue
		}
		for _, ext := range extensions() {
			if path := filepath.Join(dir, name+ext); isExecutable(path) {
				return path, nil
			}
		}
	}
	return "", errNotInPath
}

func extensions() []string {
	if runtime.GOOS == "windows" {
		return []string{"", ".exe", ".bat", ".cmd", ".com"}
	}
	return []string{""}
}

func isExecutable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && (runtime.GOOS == "windows" || info.Mode()&0o111 != 0)
}

// split splits GOFLAGS or CC into words like the go command: at white space, with
// quotes around whole words and no escapes
// (https://pkg.go.dev/cmd/go#hdr-Environment_variables). An unterminated quote ends
// with the string; the go command will report it.
func split(s string) []string {
	var words []string
	for {
		s = strings.TrimLeft(s, " \t\n\r")
		if s == "" {
			return words
		}
		var word string
		if q := s[:1]; q == `"` || q == "'" {
			word, s, _ = strings.Cut(s[1:], q)
		} else if i := strings.IndexAny(s, " \t\n\r"); i >= 0 {
			word, s = s[:i], s[i:]
		} else {
			word, s = s, ""
		}
		words = append(words, word)
	}
}

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
		text := s.Value
		if s.File != "" {
			text = s.File
		}
		for _, line := range strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' }) {
			// As it is, and as it is in an address.
			g.hidden = append(g.hidden, line, strings.TrimSpace(line), url.QueryEscape(line), url.PathEscape(line), url.UserPassword("", line).String()[1:])
		}
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

// hideIn returns what is kept of an output, without secrets and without a part of one where the rest was left out.
func (g Go) hideIn(e *excerpt) string {
	if e.lost > 0 {
		head, tail := string(e.head), string(e.tail)
		for _, secret := range g.hidden {
			for n := min(len(secret)-1, len(head)); n >= 4; n-- {
				if strings.HasSuffix(head, secret[:n]) {
					head = head[:len(head)-n]
					break
				}
			}
			for n := min(len(secret)-1, len(tail)); n >= 4; n-- {
				if strings.HasPrefix(tail, secret[len(secret)-n:]) {
					tail = tail[n:]
					break
				}
			}
		}
		e = &excerpt{[]byte(head), []byte(tail), e.lost}
	}
	return g.hide(e.String())
}
