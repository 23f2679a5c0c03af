package main

import (
	"errors"
	"fmt"
	"go/ast"
	"go/build/constraint"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// file is a file to write below root.
type file struct{ root, name, content string }

func (f file) path() string { return filepath.Join(f.root, f.name) }

// create writes the file, which must not exist, and returns what removes it and the folders that were made for it.
func (f file) create() (undo func() error, err error) {
	var made []string
	undo = func() error {
		var errs []error
		for i := len(made) - 1; i >= 0; i-- {
			errs = append(errs, os.Remove(made[i]))
		}
		return errors.Join(errs...)
	}
	dir := f.root
	for _, name := range strings.Split(filepath.ToSlash(filepath.Dir(f.name)), "/") {
		dir = filepath.Join(dir, name)
		if err := os.Mkdir(dir, 0o755); err == nil {
			made = append(made, dir)
		} else if !errors.Is(err, fs.ErrExist) {
			return undo, err
		}
	}
	w, err := os.OpenFile(f.path(), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return undo, err
	}
	made = append(made, f.path())
	_, err = w.WriteString(f.content)
	return undo, errors.Join(err, w.Close())
}

// check returns an error if the file exists, or if a folder on the way to it is a link: that leads to files of somebody else.
func (f file) check() error {
	path := f.root
	for _, name := range strings.Split(filepath.ToSlash(f.name), "/") {
		path = filepath.Join(path, name)
		info, err := os.Lstat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return err
		case path == f.path():
			return usageError{fmt.Errorf("%q exists, and init overwrites nothing\nfix: move it away, or leave out what would write it", path)}
		case !info.IsDir():
			return usageError{fmt.Errorf("%q is no folder\nfix: make it one; init follows no links", path)}
		}
	}
	return nil
}

// maxSource is the size in bytes of the largest file that is read.
const maxSource = 16 << 20

// readSource reads a regular file, or a link to one.
func readSource(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxSource {
		return nil, usageError{fmt.Errorf("%q is no regular file of at most %d MiB\nfix: remove it", path, maxSource>>20)}
	}
	return os.ReadFile(path)
}

// findMagefiles finds the magefiles as mage does: all Go files of a folder magefiles, else the files in the module's folder with
// the build tag mage. It returns a usageError if one of them has the targets already.
func (m *userModule) findMagefiles() error {
	dir, all := filepath.Join(m.root, "magefiles"), true
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		dir, all = m.root, false
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	taken := map[string]bool{}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if filepath.Ext(path) != ".go" {
			continue
		}
		text, err := readSource(path)
		if err != nil {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, text, parser.ParseComments)
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
var targetNames = []string{"image", "imageApply", "imageArchive", "imageCheck", "imageClean", "imageDev", "imageDockerfile", "imageExplain", "imageLayout", "imagePlan",
	"imagePush", "imageResolve", "imageRootfs", "imageRun", "imageSBOM"}

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
func (m userModule) magefile() file {
	name := "magefile.go"
	if len(m.files) > 0 {
		name = "images.go"
	}
	if info, err := os.Stat(filepath.Join(m.root, "magefiles")); err == nil && info.IsDir() {
		name = filepath.Join("magefiles", name)
	}
	comment := "//mage:import"
	if m.alias != "" {
		comment += " " + m.alias
	}
	var b strings.Builder
	fmt.Fprintf(&b, "//go:build mage\n\npackage main\n\nimport (\n\t%s\n\t_ %q\n)\n\n", comment, targetsModule)
	switch {
	case len(m.programs) == 1 && m.programs[0] == ".":
		b.WriteString("// The image has the program at the module's root, with every default.\n")
	case len(m.programs) == 1:
		fmt.Fprintf(&b, "// The image has the program %s, with every default.\n", m.programs[0])
	default:
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
	return file{m.root, name, b.String()}
}

// ignoreLine is the line of a .gitignore for what is built.
const ignoreLine = "/dist/\n"

// ignores reports whether the module's .gitignore has dist/. It returns an error if no line can be added to it.
func (m userModule) ignores() (bool, error) {
	path := filepath.Join(m.root, ".gitignore")
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxSource {
		return false, usageError{fmt.Errorf("%q is no regular file of at most %d MiB\nfix: make it one; init follows no links", path, maxSource>>20)}
	}
	content, err := os.ReadFile(path)
	for _, line := range strings.Split(string(content), "\n") {
		if strings.Trim(strings.TrimSpace(line), "/") == "dist" {
			return true, err
		}
	}
	return false, err
}

// ignore adds the line for dist/ to the module's .gitignore, unless it is there by now.
func (m userModule) ignore() (added bool, err error) {
	if has, err := m.ignores(); err != nil || has {
		return false, err
	}
	w, err := os.OpenFile(filepath.Join(m.root, ".gitignore"), os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o644)
	if err != nil {
		return false, err
	}
	line := ignoreLine
	last := make([]byte, 1)
	if end, err := w.Seek(0, io.SeekEnd); err == nil && end > 0 {
		if _, err := w.ReadAt(last, end-1); err == nil && last[0] != '\n' {
			line = "\n" + line
		}
	}
	_, err = w.WriteString(line)
	return true, errors.Join(err, w.Close())
}
