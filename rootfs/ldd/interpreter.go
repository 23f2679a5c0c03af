package ldd

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/fromscratch-go/fromscratch/rootfs/ldd/elf"
)

// Interpreter returns the loader that a program of the host names, "" if the program is static.
func Interpreter(file string) (name string, err error) {
	c, err := openHost(file)
	if err != nil {
		return "", fmt.Errorf("reading the interpreter of %q: %w", file, err)
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	f, err := elf.Read(c, c.Size)
	if err == nil {
		name, err = f.Interp()
	}
	if err != nil {
		return "", fmt.Errorf("reading the interpreter of %q: %w", file, err)
	}
	return name, nil
}

// loaderPatterns are the file names of the C libraries' loaders: musl's, and glibc's as listed at
// https://sourceware.org/glibc/wiki/ABIList.
var loaderPatterns = []string{"ld-musl-*.so.1", "ld-linux*.so.[0-9]", "ld64*.so.[0-9]", "ld.so.1"}

// Loaders returns the dynamic loaders of a root file system, as the paths that programs ask for.
func Loaders(sys FS) []string {
	var found []string
	w := newWalker(sys)
	for _, dir := range []string{"/lib", "/lib64", "/lib32", "/libx32"} {
		at, err := w.walk(dir)
		if err != nil {
			continue
		}
		for _, name := range namesIn(sys, at.real) {
			fits := slices.ContainsFunc(loaderPatterns, func(p string) bool {
				ok, err := path.Match(p, name)
				return ok && err == nil
			})
			if at, err := w.walk(path.Join(dir, name)); fits && err == nil && at.info.Mode().IsRegular() {
				found = append(found, path.Join(dir, name))
			}
		}
	}
	return found
}

// namesIn lists the names in a folder, sorted. It returns nil if the folder cannot be read.
func namesIn(sys FS, real string) []string {
	return namesOf(sys, real, func(fs.DirEntry) bool { return true })
}

// foldersIn lists the folders in a folder, as namesIn does.
func foldersIn(sys FS, real string) []string {
	return namesOf(sys, real, func(e fs.DirEntry) bool { return e.IsDir() })
}

func namesOf(sys FS, real string, wanted func(fs.DirEntry) bool) []string {
	f, err := sys.Open(relative(real))
	if err != nil {
		return nil
	}
	defer f.Close()
	d, ok := f.(fs.ReadDirFile)
	if !ok {
		return nil
	}
	list, err := d.ReadDir(-1)
	if err != nil {
		return nil
	}
	var names []string
	for _, e := range list {
		if wanted(e) {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	return names
}

// IsMuslLoader reports whether a loader is musl's, judging by its path.
func IsMuslLoader(name string) bool { return strings.HasPrefix(path.Base(name), "ld-musl-") }
