// Package errorlist reads from the sources which errors have a fix, and writes them as a page of the documentation.
package errorlist

import (
	"bytes"
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Page is where the list is, in the repository.
const Page = "docs/errors.md"

// chapters are the headings of the page, with the packages whose errors are there. The first that fits counts.
var chapters = []struct {
	title string
	dirs  []string
}{
	{"The worker, and init", []string{"magefiles/targets", "magefiles/fromscratch"}},
	{"Configuration", []string{"buildkit/internal/plan", "buildkit/internal/resolve", "buildkit/internal/platform", "buildkit/internal/expand", "buildkit/internal/git", "buildkit/internal/image"}},
	{"Compiling", []string{"buildkit/internal/gobuild", "buildkit/internal/compile", "buildkit/internal/embedded"}},
	{"A container that compiles", []string{"buildkit/internal/builder", "buildkit/internal/sysroot", "buildkit/internal/attendant"}},
	{"Libraries and files", []string{"rootfs", "buildkit/internal/libraries", "buildkit/internal/assemble", "buildkit/internal/licences", "buildkit/internal/owners", "buildkit/internal/packagedb"}},
	{"Bases", []string{"buildkit/internal/base", "buildkit/internal/regular"}},
	{"Engines", []string{"buildkit/internal/docker", "buildkit/internal/engines", "buildkit/internal/run", "buildkit/internal/dev", "buildkit/internal/supervisor", "buildkit/internal/watch"}},
	{"Registries", []string{"buildkit/internal/registry", "buildkit/internal/login"}},
	{"Archives, layouts, Dockerfiles", []string{"buildkit/internal/deliver", "buildkit/internal/send", "buildkit/internal/dockerfile", "buildkit/internal/dockerfilespec", "buildkit/internal/describe"}},
	{"Folders and disks", []string{"buildkit"}},
}

// entry is an error with its fix.
type entry struct{ text, fix string }

// Markdown returns the page for the repository at root.
func Markdown(root string) (string, error) {
	found := map[string][]entry{}
	for _, top := range []string{"buildkit", "rootfs", "magefiles/fromscratch", "magefiles/targets"} {
		err := filepath.WalkDir(filepath.Join(root, top), func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if d.IsDir() && (d.Name() == "testdata" || strings.HasSuffix(d.Name(), "test")) {
				return fs.SkipDir
			}
			if d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return nil
			}
			entries, err := entriesOf(path)
			if err != nil || len(entries) == 0 {
				return err
			}
			dir, err := filepath.Rel(root, filepath.Dir(path))
			chapter := chapterOf(filepath.ToSlash(dir))
			found[chapter] = append(found[chapter], entries...)
			return err
		})
		if err != nil {
			return "", err
		}
	}
	var b bytes.Buffer
	b.WriteString("# Errors and their fixes\n\nSearch this page for a word of the error. Errors whose fix depends on the case are not here: they say it themselves. Where the text has …, an error has a name, a path or a number. " +
		"The most frequent ones are [explained](troubleshooting.md).\n\nThis page is made from the sources: `go tool mage errors` writes it.\n")
	for _, c := range chapters {
		if len(found[c.title]) == 0 {
			continue
		}
		fmt.Fprintf(&b, "\n## %s\n\n| error | fix |\n|---|---|\n", c.title)
		list := found[c.title]
		slices.SortFunc(list, func(a, b entry) int {
			return cmp.Or(strings.Compare(strings.ToLower(a.text), strings.ToLower(b.text)), strings.Compare(a.fix, b.fix))
		})
		for _, e := range slices.Compact(list) {
			fmt.Fprintf(&b, "| %s | %s |\n", e.text, e.fix)
		}
	}
	return b.String(), nil
}

func chapterOf(dir string) string {
	for _, c := range chapters {
		for _, d := range c.dirs {
			if dir == d || strings.HasPrefix(dir, d+"/") {
				return c.title
			}
		}
	}
	return chapters[len(chapters)-1].title
}

// entriesOf returns the errors of a Go file: string literals with a line that begins with "fix: ".
func entriesOf(path string) ([]entry, error) {
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		return nil, err
	}
	var found []entry
	ast.Inspect(file, func(n ast.Node) bool {
		e, ok := n.(ast.Expr)
		if !ok {
			return true
		}
		text, ok := textOf(e)
		if !ok {
			return true
		}
		if before, fix, has := strings.Cut(text, "\nfix: "); has && strings.Trim(plain(before), "…: ") != "" && strings.Trim(plain(fix), "… ") != "" {
			found = append(found, entry{plain(before), plain(fix)})
		}
		return false
	})
	return found, nil
}

// textOf returns a string literal, or several that are joined by "+". What else is joined is "…".
func textOf(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind == token.STRING {
			text, err := strconv.Unquote(e.Value)
			return text, err == nil
		}
	case *ast.BinaryExpr:
		if e.Op != token.ADD {
			return "", false
		}
		left, ok := textOf(e.X)
		right, also := textOf(e.Y)
		if !ok && !also {
			return "", false
		}
		if !ok {
			left = "…"
		}
		if !also {
			right = "…"
		}
		return left + right, true
	}
	return "", false
}

var (
	verb  = regexp.MustCompile(`%(\[\d+\])?[-+# 0]*[\d*]*(\.[\d*]+)?[a-zA-Z]`)
	space = regexp.MustCompile(`\s+`)
)

// plain returns a format as a reader may find it, in one line of a table.
func plain(text string) string {
	text = verb.ReplaceAllString(text, "…")
	text = strings.ReplaceAll(text, "%%", "%")
	text = space.ReplaceAllString(strings.TrimSpace(text), " ")
	return strings.NewReplacer("|", `\|`, "<", "&lt;", "*", `\*`, "`", "\\`").Replace(text)
}
