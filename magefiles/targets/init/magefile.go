package main

import (
	"errors"
	"fmt"
	"go/ast"
	"go/build/constraint"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// file is a file to write.
type file struct{ name, content string }

// write writes the file. It must not exist, unless its content was read before.
func (f file) write() error {
	if err := os.MkdirAll(filepath.Dir(f.name), 0o755); err != nil {
		return err
	}
	return os.WriteFile(f.name, []byte(f.content), 0o644)
}

// checkAbsent returns an error for the first file that exists.
func checkAbsent(files []file) error {
	for _, f := range files {
		if _, err := os.Lstat(f.name); err == nil {
			return usageError{fmt.Errorf("%q exists, and init overwrites nothing\nfix: move it away, or leave out what would write it", f.name)}
		} else if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// findMagefiles finds the magefiles as mage does: all Go files of a folder magefiles, else the files in the module's folder with
// the build tag mage. It returns a usageError if one of them has the targets already.
func (m *userModule) findMagefiles() error {
	dir, all := filepath.Join(m.root, "magefiles"), true
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		dir, all = m.root, false
	}
	paths, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return err
	}
	taken := map[string]bool{}
	for _, path := range paths {
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
		if err != nil {
			return usageError{fmt.Errorf("looking for magefiles: %w\nfix: correct the file", err)}
		}
		if strings.HasSuffix(path, "_test.go") || !all && !hasMageTag(f) {
			continue
		}
		m.files = append(m.files, path)
		for _, i := range f.Imports {
			if strings.Trim(i.Path.Value, "\"`") == targetsModule {
				return usageError{fmt.Errorf("%q imports the targets already, so there is nothing to do\nfix: go tool mage -l lists them", path)}
			}
		}
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil {
				taken[strings.ToLower(fn.Name.Name)] = true
			}
		}
	}
	for _, name := range targetNames {
		if taken[strings.ToLower(name)] {
			m.alias = "fromscratch"
		}
	}
	return nil
}

// targetNames are the targets that the magefile gets.
var targetNames = []string{"image", "imageArchive", "imageClean", "imageDev", "imageDockerfile", "imageExplain", "imageLayout", "imagePlan",
	"imagePush", "imageRootfs", "imageRun", "imageSBOM"}

// hasMageTag reports whether a file is compiled with the build tag mage and not without.
func hasMageTag(f *ast.File) bool {
	for _, group := range f.Comments {
		for _, c := range group.List {
			if c.Pos() > f.Package {
				return false
			}
			expr, err := constraint.Parse(c.Text)
			if err != nil {
				continue
			}
			with := func(on bool) bool { return expr.Eval(func(tag string) bool { return tag == "mage" && on }) }
			return with(true) && !with(false)
		}
	}
	return false
}

// magefile returns the magefile to write: magefile.go, or images.go beside the magefiles that are there.
func (m userModule) magefile() (file, error) {
	dir, name := m.root, "magefile.go"
	if info, err := os.Stat(filepath.Join(m.root, "magefiles")); err == nil && info.IsDir() {
		dir = filepath.Join(m.root, "magefiles")
	}
	if len(m.files) > 0 {
		name = "images.go"
	}
	comment := "//mage:import"
	if m.alias != "" {
		comment += " " + m.alias
	}
	var b strings.Builder
	fmt.Fprintf(&b, "//go:build mage\n\npackage main\n\nimport (\n\t%s\n\t_ %q\n)\n\n", comment, targetsModule)
	if len(m.programs) == 1 {
		fmt.Fprintf(&b, "// The image has the program %s, with every default.\n", m.programs[0])
	} else {
		b.WriteString("// Each program gets an image, with every default:\n//\n")
		for _, p := range m.programs {
			fmt.Fprintf(&b, "//\t%s\n", p)
		}
	}
	fmt.Fprintf(&b, "//\n// To say more, import the package by its name instead of _, and configure it:\n//\n//\tvar _ = targets.Configure(\n")
	for _, p := range m.programs {
		fmt.Fprintf(&b, "//\t\ttargets.Config{Main: %q, Ports: []string{\"8080\"}},\n", p)
	}
	b.WriteString("//\t)\n")
	return file{filepath.Join(dir, name), b.String()}, nil
}

// ignore returns the module's .gitignore with a line for dist/, or nothing if it has one.
func (m userModule) ignore() (file, error) {
	name := filepath.Join(m.root, ".gitignore")
	content, err := os.ReadFile(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return file{}, err
	}
	for _, line := range strings.Split(string(content), "\n") {
		if strings.Trim(strings.TrimSpace(line), "/") == "dist" {
			return file{}, nil
		}
	}
	text := string(content)
	if text != "" && !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	return file{name, text + "/dist/\n"}, nil
}
