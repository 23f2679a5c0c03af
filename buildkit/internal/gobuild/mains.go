package gobuild

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Main is a program of the module or of one of its dependencies.
type Main struct {
	ImportPath string
	Dir        string // absolute
	// Name is the last element of the import path without a version, as go build
	// names the program ("example.com/app/v2" is app); likewise for "gopkg.in/app.v2".
	Name   string
	Module string // path of the module that it is in
	Cgo    CgoDecision
	// Sources are the files that it is compiled from.
	Sources Sources
	// Others are the programs of the module that discovery has left out, each with the reason, for people.
	Others []string `json:",omitempty"`
	// Settings are the answers of `go env` for it, by name. If they are nil, Build
	// asks again.
	Settings map[string]string
}

// Mains finds programs and decides for each whether it needs cgo, with one `go env`
// (5 ms) and one `go list` (about 100 ms for a program with net/http). They are
// sorted by import path.
//
// A pattern is one of the go command's: "./cmd/server", "./cmd/...", or the
// import path of a main in a dependency. A pattern without a wildcard must be a
// main. Without patterns Mains finds the main at the module's root; if there is none, all
// of "./...", except in folders named internal, magefiles, testdata or vendor, and in dist
// at the module's root: these are tools, tests, or build results. Folders named example,
// examples, contrib, hack, scripts or tools are left out too if there are mains elsewhere,
// but cmd/tools is a program. Files that build tags leave out, such as a magefile, do not
// count.
//
// A main that is broken, or imports a broken package, is an error. A broken package
// that no main needs is not.
func (g Go) Mains(ctx context.Context, t Target, opts Options, patterns ...string) ([]Main, error) {
	c, err := g.prepare(ctx, t, opts, nil, nil)
	if err != nil {
		return nil, err
	}
	if err := checkPatterns(patterns); err != nil {
		return nil, err
	}
	s := selection{call: c, ctx: ctx, patterns: patterns}
	if len(patterns) == 0 {
		s.patterns, s.discover = []string{"./..."}, true
	}
	if s.graph, err = c.list(ctx, s.patterns); err != nil {
		return nil, err
	}
	for _, p := range s.candidates() {
		s.consider(p)
	}
	return s.result()
}

// candidates returns the packages to consider. Discovery leaves some out, and notes which.
func (s *selection) candidates() []*pkg {
	if !s.discover {
		return s.graph.matched
	}
	leaveOut := func(why func(*pkg) string) (kept []*pkg) {
		for _, p := range s.graph.matched {
			switch reason := why(p); {
			case reason == "":
				kept = append(kept, p)
			case p.isProgram():
				s.others = append(s.others, fmt.Sprintf("%s (%s)", p.ImportPath, reason))
			}
		}
		return kept
	}
	for _, root := range s.graph.matched {
		if root.isProgram() && root.Module != nil && root.Dir == root.Module.Dir {
			return leaveOut(func(p *pkg) string {
				if p == root {
					return ""
				}
				return "not at the module's root"
			})
		}
	}
	sideline := func(p *pkg) string {
		if folder := sideline(p); folder != "" {
			return "in a folder " + folder
		}
		return ""
	}
	if slices.ContainsFunc(s.graph.matched, func(p *pkg) bool { return p.isProgram() && s.skippedFolder(p) == "" && sideline(p) == "" }) {
		return leaveOut(sideline)
	}
	return s.graph.matched
}

// isProgram reports whether a package is a main with more than tests.
func (p *pkg) isProgram() bool { return p.Name == "main" && p.hasFiles() }

func (p *pkg) hasFiles() bool {
	return len(p.GoFiles)+len(p.CgoFiles)+len(p.SwigFiles)+len(p.SwigCXXFiles) > 0
}

// sidelines are folders whose programs are seldom what a module is for: those for its users to read, or for its developers.
var sidelines = []string{"example", "examples", "contrib", "hack", "scripts", "tools"}

// sideline returns which of these folders a package is in, "" for none. A folder right below cmd is named as its program.
func sideline(p *pkg) string {
	if p.Module == nil {
		return ""
	}
	rel, err := filepath.Rel(p.Module.Dir, p.Dir)
	if err != nil {
		return ""
	}
	names := strings.Split(filepath.ToSlash(rel), "/")
	for i, name := range names {
		if slices.Contains(sidelines, name) && (i == 0 || names[i-1] != "cmd") {
			return name
		}
	}
	return ""
}

// checkPatterns refuses patterns that go list would misread.
func checkPatterns(patterns []string) error {
	for _, p := range patterns {
		if p == "" || strings.HasPrefix(p, "-") || strings.HasSuffix(p, ".go") {
			return fmt.Errorf("finding the program %q: not a folder or import path\nfix: name the folder, such as \"./cmd/app\"", p)
		}
	}
	return nil
}

// selection collects the mains of the listed packages, and the problems.
type selection struct {
	*call
	ctx      context.Context
	graph    *graph
	patterns []string
	discover bool

	mains    []Main
	skipped  []string // "import/path (reason)"
	others   []string // likewise, for the result
	problems []string // lines
	fix      string   // for the first problem that has one
}

// consider takes a package, skips it, or notes a problem.
func (s *selection) consider(p *pkg) {
	literal := slices.ContainsFunc(p.Match, func(m string) bool { return !isWildcard(m) })
	folder := s.skippedFolder(p)
	switch {
	case folder != "":
		if p.Name == "main" {
			s.skipped = append(s.skipped, fmt.Sprintf("%s (in a folder %s)", p.ImportPath, folder))
			if folder == "internal" {
				s.others = append(s.others, s.skipped[len(s.skipped)-1])
			}
		}
	case p.Name != "main" && !(p.Name == "" && p.Error != nil):
		if literal {
			s.problem(fmt.Sprintf("%q is package %s, not a program", p.ImportPath, p.Name), "name the folder of a package main")
		}
	case p.Error == nil && !p.hasFiles():
		if literal {
			s.problem(fmt.Sprintf("%q has only tests: %s", p.ImportPath, strings.Join(slices.Concat(p.TestGoFiles, p.XTestGoFiles), ", ")), "name the folder of a package main")
		}
	default:
		s.take(p)
	}
}

// take adds a main, or the reasons why it cannot be compiled.
func (s *selection) take(p *pkg) {
	if lines := s.graph.problems(p); len(lines) > 0 {
		for _, line := range lines {
			s.problem(line, s.fixFor(p, line))
		}
		return
	}
	m := Main{ImportPath: p.ImportPath, Dir: p.Dir, Name: programName(p.ImportPath), Cgo: s.decide(s.graph, p), Settings: s.vars}
	m.Sources = s.sources(s.graph, p)
	// Their checksum is part of the flags, and would be part of the build ID.
	m.Cgo.Placed = m.Cgo.Placed || len(m.Sources.Headers) > 0
	if p.Module != nil {
		m.Module = p.Module.Path
	}
	s.mains = append(s.mains, m)
}

// problem notes a line only once: two mains may share a broken package.
func (s *selection) problem(line, fix string) {
	if !slices.Contains(s.problems, line) {
		s.problems = append(s.problems, line)
	}
	s.fix = cmp.Or(s.fix, fix)
}

// fixFor returns the fix for a problem of a package that a pattern may name.
func (s *selection) fixFor(p *pkg, line string) string {
	switch {
	case strings.Contains(line, excluded) && s.cgo == Off:
		return `set Build.Cgo to "auto" if the package needs cgo, else check the build constraints`
	case strings.Contains(line, excluded):
		return fmt.Sprintf("check the build constraints of these files for %s, or set Tags", s.target)
	case slices.Contains(p.Match, p.ImportPath) && strings.Contains(line, "no required module provides"):
		return "go get " + p.ImportPath
	case slices.Contains(p.Match, p.ImportPath) && strings.Contains(line, "is not in std"):
		return fmt.Sprintf("a folder begins with a dot: \"./%s\"", p.ImportPath)
	case strings.Contains(line, "directory not found"):
		return "name the folder of a package main, relative to " + cmp.Or(s.g.Dir, "the working folder")
	}
	return fixFor(line)
}

// skippedFolder returns the name of the folder because of which discovery skips a
// package, "" if it does not.
func (s *selection) skippedFolder(p *pkg) string {
	if !s.discover || p.Module == nil {
		return ""
	}
	rel, err := filepath.Rel(p.Module.Dir, p.Dir)
	if err != nil {
		return ""
	}
	for i, name := range strings.Split(filepath.ToSlash(rel), "/") {
		switch name {
		case "internal", "magefiles", "testdata", "vendor":
			return name
		case "dist":
			if i == 0 {
				return name
			}
		}
	}
	return ""
}

// maxProblems bounds the lines of one error.
const maxProblems = 10

// result returns the mains, or one error with all problems.
func (s *selection) result() ([]Main, error) {
	doing := fmt.Sprintf("finding programs in %s for %s", quoted(s.patterns), s.target)
	if len(s.problems) > 0 {
		lines := s.problems
		if more := len(lines) - maxProblems; more > 0 {
			lines = append(lines[:maxProblems:maxProblems], fmt.Sprintf("… and %d more", more))
		}
		return nil, &CommandError{Doing: doing, Output: strings.Join(lines, "\n"), Flags: s.vars["GOFLAGS"], Fix: s.fix, Err: errors.New("broken packages")}
	}
	if len(s.mains) > 0 {
		for i := range s.mains {
			s.mains[i].Others = s.others
		}
		return s.mains, nil
	}
	if len(s.skipped) > 0 {
		return nil, fmt.Errorf("%s: no package main but %s\nfix: name the one to build, such as \"./internal/tool\"", doing, strings.Join(s.skipped, ", "))
	}
	return nil, fmt.Errorf("%s: no package main with files for this platform in %q and below\nfix: name the folder or import path of a program, such as \"./cmd/app\"", doing, cmp.Or(s.g.Dir, "."))
}

// isWildcard reports whether a pattern may match any number of packages.
func isWildcard(pattern string) bool {
	switch pattern {
	case "all", "std", "cmd", "tool", "work":
		return true
	}
	return strings.Contains(pattern, "...")
}

// programName returns the name of the program with an import path.
func programName(importPath string) string {
	name := path.Base(importPath)
	if isMajor(name) && path.Dir(importPath) != "." {
		name = path.Base(path.Dir(importPath))
	}
	if strings.HasPrefix(importPath, "gopkg.in/") {
		if i := strings.LastIndex(name, ".v"); i > 0 && isMajor(name[i+1:]) {
			name = name[:i]
		}
	}
	return name
}

// isMajor reports whether an element is a major version: "v2".
func isMajor(element string) bool {
	digits, ok := strings.CutPrefix(element, "v")
	return ok && digits != "" && strings.Trim(digits, "0123456789") == ""
}
