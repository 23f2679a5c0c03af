package ldd

import (
	"context"
	"errors"
	"path"
	"slices"
	"strings"

	"github.com/fromscratch-go/fromscratch/rootfs/ldd/elf"
)

// Named is a library whose name occurs in the strings of an object that can open libraries. Unlike a [Note], it
// is a guess.
type Named struct {
	By   *Object
	Name string // as in the object: "libz.so.1", or an absolute path
	Path string // real path of what the loader would find for By; "" if nothing
}

// openers are the functions that open libraries: dlopen(3), and those of glib, libtool, NSPR, SDL and libuv,
// which call it.
var openers = []string{
	"dlopen", "dlmopen", "__libc_dlopen_mode", "g_module_open", "g_module_open_full", "lt_dlopen", "lt_dlopenext",
	"lt_dlopenadvise", "PR_LoadLibrary", "PR_LoadLibraryWithFlags", "SDL_LoadObject", "uv_dlopen",
}

// Names returns the names of libraries among the strings of every object that imports a function to open
// libraries, except those in the closure. Not all of them are opened: a person has to judge them. Names that
// are built at run time, "%s/modules-%d", are not found. If looking for them takes too long, it returns an error.
func (c *Closure) Names(ctx context.Context) ([]Named, error) {
	var out []Named
	err := c.each(ctx, func(o *Object) error {
		names, err := c.literalNames(o)
		if err != nil {
			return err
		}
		for _, name := range names {
			if n := (Named{o, name, c.findReal(name, o)}); !c.contains(o, n) {
				out = append(out, n)
			}
		}
		if o != c.Program() || names == nil {
			return nil
		}
		more, err := c.goNames(o)
		for _, n := range more {
			if !c.contains(o, n) && !slices.Contains(out, n) {
				out = append(out, n)
			}
		}
		return err
	})
	if err == nil && c.searches != nil {
		err = c.searches.err()
	}
	return out, err
}

// literalNames returns the names of libraries among the strings of an object. It returns nil for an object that
// opens none.
func (c *Closure) literalNames(o *Object) ([]string, error) {
	names, err := c.ask(o, "names", func(f *elf.File) (any, error) {
		imports, err := f.Imports(openers)
		if err != nil || len(imports) == 0 {
			return []string(nil), err
		}
		names, err := f.LibraryNames()
		return append([]string{}, compact(names)...), err
	})
	if err != nil {
		return nil, err
	}
	return names.([]string), nil
}

// findReal returns the real path that an object would get for a name, "" if nothing is found.
func (c *Closure) findReal(name string, by *Object) string {
	_, real := c.Find(name, by)
	return real
}

// contains reports whether a library is in the closure: by the name asked for, by its soname, or by its file.
func (c *Closure) contains(by *Object, n Named) bool {
	if _, ok := c.Lookup(path.Base(n.Name)); ok {
		return true
	}
	return n.Path != "" && c.objectAt(n.Path) != nil || path.Base(by.Real) == n.Name
}

// goNames returns the existing libraries that a Go program names. Each part of a text around ".so" could be a
// name. Each is looked up as the loader would, and the longest match counts.
func (c *Closure) goNames(o *Object) (out []Named, err error) {
	body, err := c.Content(o)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, body.Close()) }()
	f, err := c.elfOf(o, body)
	if err != nil {
		return nil, err
	}
	asks := maxAsks
	isGo, err := f.GoTexts(func(text string) bool {
		if n, ok := c.longestMatch(text, &asks); ok && !slices.Contains(out, n) {
			out = append(out, n)
		}
		return asks > 0
	})
	if !isGo {
		return nil, err
	}
	return out, err
}

// maxAsks limits the number of parts of a Go program's texts that the loader is asked for. It is asked for about ten
// parts of each text.
const maxAsks = 1 << 16

// longestMatch returns the longest part of a text that leads to a library. The text ends in ".so" or ".so.1.2",
// with digits that may belong to what follows; it may begin with a folder. Each part that the loader is asked for takes one
// of asks; when there are none left, there is no answer.
func (c *Closure) longestMatch(text string, asks *int) (Named, bool) {
	for end := len(text); ; end-- {
		name := text[:end]
		for _, start := range nameStarts(name) {
			if *asks == 0 {
				return Named{}, false
			}
			*asks--
			if p := c.findReal(name[start:], c.Program()); p != "" {
				return Named{c.Program(), name[start:], p}, true
			}
		}
		// Drop digits and dots one by one, but not ".so".
		if c := text[end-1]; c != '.' && (c < '0' || c > '9') {
			return Named{}, false
		}
	}
}

// nameStarts returns the offsets where a name may begin: each slash, and each "lib" in the last element.
func nameStarts(text string) []int {
	var starts []int
	base := strings.LastIndexByte(text, '/') + 1
	for i := range text {
		if i < base && text[i] == '/' || i >= base && strings.HasPrefix(text[i:], "lib") {
			starts = append(starts, i)
		}
	}
	return starts
}

// sharedFolders are the folders of data that is the same on every machine and public, see hier(7).
var sharedFolders = []string{"/usr/share/", "/usr/local/share/"}

// notData are the folders below them that programs name and do not need as a file: what Go's packages name (time zones, types of
// files), documentation, translations, and source code.
var notData = []string{
	"zoneinfo/", "lib/zoneinfo/", "mime/", "doc/", "doc-base/", "man/", "info/", "common-licenses/", "licenses/", "locale/", "lintian/", "bug/", "go-", "go/", "gocode/", "golang/",
}

// isSharedData reports whether a path below a shared folder may be data.
func isSharedData(rest string) bool {
	return !slices.ContainsFunc(notData, func(folder string) bool { return strings.HasPrefix(rest, folder) })
}

// SharedData returns the texts of the program that begin like the path of a file in /usr/share or
// /usr/local/share. Go strings are stored without separators: a text may go on after the path.
func (c *Closure) SharedData() ([]string, error) {
	texts, err := c.ask(c.Program(), "shared data", func(f *elf.File) (any, error) { return f.PathTexts(sharedFolders, isSharedData) })
	if err != nil {
		return nil, err
	}
	return texts.([]string), nil
}
