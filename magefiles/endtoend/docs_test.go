package endtoend_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/fromscratch-go/fromscratch/buildkit/config"
)

// pages returns the texts of the README and of docs/, by their paths in the repository.
func pages(t *testing.T) map[string]string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(root(t), "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"} {
		paths = append(paths, filepath.Join(root(t), name))
	}
	all := map[string]string{}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		name, err := filepath.Rel(root(t), path)
		if err != nil {
			t.Fatal(err)
		}
		all[name] = string(text)
	}
	return all
}

var (
	fence   = regexp.MustCompile("(?ms)^```([a-z]*)\n(.*?)^```$")
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.*)$`)
)

// anchor returns the anchor that GitHub gives to a heading.
func anchor(heading string) string {
	heading = strings.ToLower(strings.TrimSpace(heading))
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-', r == '_', unicode.IsLetter(r), unicode.IsDigit(r):
			return r
		}
		return -1
	}, heading)
}

// Each link of the documentation leads to a file of the repository, and to a heading that it has.
func TestLinksOfTheDocs(t *testing.T) {
	t.Parallel()
	all := pages(t)
	for name, text := range all {
		for _, m := range link.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
			to, fragment, _ := strings.Cut(m[1], "#")
			if strings.Contains(to, "://") {
				continue
			}
			target := filepath.Join(filepath.Dir(name), to)
			if to == "" {
				target = name
			}
			if _, err := os.Stat(filepath.Join(root(t), target)); err != nil {
				t.Errorf("%s: %s leads nowhere", name, m[1])
				continue
			}
			if fragment == "" {
				continue
			}
			var anchors []string
			for _, h := range heading.FindAllStringSubmatch(all[target], -1) {
				anchors = append(anchors, anchor(h[1]))
			}
			if !slices.Contains(anchors, fragment) {
				t.Errorf("%s: %s has no heading %q", name, target, fragment)
			}
		}
	}
}

// The tables and sections about fields, targets and exit codes have all of them, and nothing else.
func TestTablesOfTheDocs(t *testing.T) {
	t.Parallel()
	all := pages(t)
	page := all["docs/configuration.md"]
	var sections []string
	for _, h := range regexp.MustCompile(`(?m)^#{2,3} ([A-Z]\w+)$`).FindAllStringSubmatch(page, -1) {
		sections = append(sections, h[1])
	}
	of := reflect.TypeOf(config.Config{})
	for i := range of.NumField() {
		if name := of.Field(i).Name; !slices.Contains(sections, name) {
			t.Errorf("docs/configuration.md has no section %q", name)
		}
	}
	for part, of := range map[string]reflect.Type{"Build": reflect.TypeOf(config.Build{}), "Push": reflect.TypeOf(config.Push{}), "Check": reflect.TypeOf(config.Check{})} {
		_, after, _ := strings.Cut(page, "\n## "+part+"\n")
		section, _, _ := strings.Cut(after, "\n## ")
		var rows []string
		for _, m := range regexp.MustCompile("(?m)^\\| `(\\w+)` \\|").FindAllStringSubmatch(section, -1) {
			rows = append(rows, m[1])
		}
		for i := range of.NumField() {
			if name := of.Field(i).Name; !slices.Contains(rows, name) {
				t.Errorf("the table of %s has no row %q", part, name)
			}
		}
		if len(rows) != of.NumField() {
			t.Errorf("the table of %s has the rows %q, and %d fields are there", part, rows, of.NumField())
		}
	}
	for _, s := range []reflect.Type{reflect.TypeOf(config.File{}), reflect.TypeOf(config.Dir{}), reflect.TypeOf(config.User{}), reflect.TypeOf(config.Healthcheck{})} {
		for i := range s.NumField() {
			if name := s.Field(i).Name; !strings.Contains(page, "`"+name+"`") {
				t.Errorf("docs/configuration.md does not have %s of %s", name, s.Name())
			}
		}
	}
	source, err := os.ReadFile(filepath.Join(root(t), "magefiles/targets/targets.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`(?m)^func (Image\w*)\(`).FindAllStringSubmatch(string(source), -1) {
		if target := "i" + m[1][1:]; !strings.Contains(all["README.md"], "\n| `"+target+"` |") {
			t.Errorf("the README has no row for %s", target)
		}
	}
	source, err = os.ReadFile(filepath.Join(root(t), "magefiles/fromscratch/exit.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`(?m)^\texit\w+ += (\d+)`).FindAllStringSubmatch(string(source), -1) {
		if !strings.Contains(all["docs/environment.md"], "\n| "+m[1]+" |") {
			t.Errorf("docs/environment.md does not have the exit code %s", m[1])
		}
	}
}

// Each Go block of the documentation compiles: a whole file as it is, a Config as a magefile has it.
func TestGoBlocksOfTheDocs(t *testing.T) {
	t.Parallel()
	dir := project(t, nil)
	number := 0
	for name, text := range pages(t) {
		for _, m := range fence.FindAllStringSubmatch(text, -1) {
			if m[1] != "go" {
				continue
			}
			number++
			file := filepath.Join(dir, fmt.Sprintf("block%d", number), "block.go")
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(whole(m[2])), 0o644); err != nil {
				t.Fatal(err)
			}
			t.Logf("%s is from %s", filepath.Base(filepath.Dir(file)), name)
		}
	}
	if number < 30 {
		t.Errorf("there are %d blocks", number)
	}
	cmd := exec.Command("go", "build", "./...")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// whole returns a block as a file that compiles by itself.
func whole(block string) string {
	const imports = `
import (
	"context"
	"os"
	"os/exec"
	"time"

	"github.com/fromscratch-go/fromscratch/magefiles/targets"
)

var _ context.Context
var _ = os.Args
var _ exec.Cmd
var _ time.Duration

`
	switch {
	case strings.HasPrefix(block, "//go:build mage"):
		block = strings.Replace(block, "//go:build mage\n", "", 1)
		return strings.Replace(block, "package main", "package block", 1)
	case strings.HasPrefix(block, "targets.Config{"), strings.HasPrefix(block, "targets.Build{"):
		return "package block\n" + imports + "var _ = " + block
	case strings.HasPrefix(block, "plans, err := buildkit."): // the same as an example of package buildkit, in another module
		return "package block\n"
	}
	return "package block\n" + imports + block
}

// The block about plain Go is what an example of package buildkit runs.
func TestPlainGoOfTheDocs(t *testing.T) {
	t.Parallel()
	example, err := os.ReadFile(filepath.Join(root(t), "buildkit/example_plain_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	flat := func(s string) string {
		s = strings.NewReplacer("context.Background()", "ctx", "Dir: dir", `Dir: "."`, "filepath.Base(paths[0])", "paths[0]", "\t", "").Replace(s)
		return strings.TrimSpace(s)
	}
	for _, m := range fence.FindAllStringSubmatch(pages(t)["docs/plain-go.md"], -1) {
		if !strings.Contains(flat(string(example)), flat(m[2])) {
			t.Errorf("the example does not have\n%s", m[2])
		}
	}
}

// Commands of the documentation name targets that there are.
func TestCommandsOfTheDocs(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile(filepath.Join(root(t), "magefiles/targets/targets.go"))
	if err != nil {
		t.Fatal(err)
	}
	own, err := os.ReadFile(filepath.Join(root(t), "magefiles/magefile.go"))
	if err != nil {
		t.Fatal(err)
	}
	var known []string
	for _, m := range regexp.MustCompile(`(?m)^func ([A-Z]\w*)\(`).FindAllStringSubmatch(string(source)+string(own), -1) {
		known = append(known, strings.ToLower(m[1]))
	}
	known = append(known, "hello", "release", "tasks") // of a magefile in the text, and with an argument
	command := regexp.MustCompile(`go (?:-C \S+ )?tool mage ((?:-[a-z]+(?: [\w./]+)? )*)(\w+)`)
	seen := 0
	all := pages(t)
	delete(all, "docs/errors.md") // has pieces of commands
	for name, text := range all {
		for _, m := range command.FindAllStringSubmatch(text, -1) {
			if seen++; !slices.Contains(known, strings.ToLower(m[2])) {
				t.Errorf("%s: %q names no target", name, m[0])
			}
		}
	}
	if seen < 20 {
		t.Errorf("there are %d commands", seen)
	}
}
