package ldd

import (
	"bufio"
	"bytes"
	"context"
	"debug/elf"
	"errors"
	"io"
	"iter"
	"path"
	"regexp"
	"slices"
	"strings"
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
// are built at run time, "%s/modules-%d", are not found.
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
	return out, err
}

// literalNames returns the names of libraries among the strings of an object. It returns nil for an object that
// opens none.
func (c *Closure) literalNames(o *Object) ([]string, error) {
	names, err := c.ask(o, "names", func(f *elfFile) (any, error) {
		imports, err := f.imports(openers)
		if err != nil || len(imports) == 0 {
			return []string(nil), err
		}
		names, err := f.libraryNames()
		return append([]string{}, names...), err
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

// Limits on names: the length of one, and the number of names in one object. libgdal has a dozen.
const (
	maxNameText = maxPath
	maxNames    = 1 << 12
)

// libraryName matches the name of a library.
var libraryName = regexp.MustCompile(`^(/[^\s%]*/)?lib[A-Za-z0-9_+.@-]*\.so(\.[0-9]+)*$`)

// libraryNames returns the strings of a C program that are names of libraries, each once.
func (f *elfFile) libraryNames() ([]string, error) {
	var names []string
	err := f.texts(func(r *bufio.Reader) error {
		for {
			text, err := r.ReadSlice(0)
			if len(names) == maxNames {
				return errors.New("too many names of libraries")
			}
			if err == nil && bytes.Contains(text, []byte(".so")) && libraryName.Match(text[:len(text)-1]) {
				names = append(names, string(text[:len(text)-1]))
			}
			for errors.Is(err, bufio.ErrBufferFull) { // skip the rest of a long string
				_, err = r.ReadSlice(0)
			}
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return err
			}
		}
	})
	return compact(names), err
}

// maxTexts limits the text read from a file, in bytes. Go programs have a few hundred megabytes at most.
const maxTexts = 2 << 30

// texts reads the segments that may contain constant strings: those without code. Some linkers, most of them
// before 2018, do not separate the two; then segments with code are read too.
func (f *elfFile) texts(read func(r *bufio.Reader) error) error {
	parted := slices.ContainsFunc(f.progs, func(p prog) bool {
		return p.typ == elf.PT_LOAD && p.flags&(elf.PF_W|elf.PF_X) == 0
	})
	left := uint64(min(f.size, maxTexts))
	for _, p := range f.progs {
		if p.typ != elf.PT_LOAD || parted && p.flags&elf.PF_X != 0 || f.checkRange(p.off, p.filesz) != nil {
			continue
		}
		if p.filesz > left { // overlapping segments
			return errors.New("its segments together are too long")
		}
		left -= p.filesz
		section := io.NewSectionReader(f.r, int64(p.off), int64(p.filesz))
		if err := read(bufio.NewReaderSize(section, maxNameText)); err != nil {
			return err
		}
	}
	return nil
}

// goMagic begins the build information of a Go program, see debug/buildinfo.
var goMagic = []byte("\xff Go buildinf:")

// goNames returns the existing libraries that a Go program names. Go strings are stored without separators, so
// any part of the text around ".so" could be a name. Each is looked up as the loader would, and the longest
// match counts.
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
	isGo, seen, texts, asks := false, map[string]bool{}, 0, maxAsks
	err = f.texts(func(r *bufio.Reader) error {
		return readWindows(r, func(text []byte) {
			isGo = isGo || bytes.Contains(text, goMagic)
			for s := range aroundSo(text) {
				if texts++; texts > maxGoTexts || len(seen) == maxNames || asks == 0 {
					return
				}
				if seen[s] {
					continue
				}
				seen[s] = true
				if n, ok := c.longestMatch(s, &asks); ok && !slices.Contains(out, n) {
					out = append(out, n)
				}
			}
		})
	})
	if !isGo {
		return nil, err
	}
	return out, err
}

// Bounds on the texts of a Go program around a ".so". Large programs have some ten thousand, most of them of words such as
// "x.sort", and the loader is asked for about ten parts of each that is another one.
const (
	maxGoTexts = 1 << 20 // texts, the same ones counted again
	maxAsks    = 1 << 16 // parts that the loader is asked for
	maxVersion = 32      // bytes of dots and digits behind ".so"
)

// aroundSo returns what stands around each ".so": before it all that may be part of a path, behind it dots
// and digits.
func aroundSo(text []byte) iter.Seq[string] {
	return func(yield func(string) bool) {
		for at := 0; ; {
			i := bytes.Index(text[at:], []byte(".so"))
			if i < 0 {
				return
			}
			start, end := at+i, at+i+len(".so")
			at = end
			for start > 0 && end-start < maxGoName-maxVersion && inPath(text[start-1]) {
				start--
			}
			for end < len(text) && end-at < maxVersion && (text[end] == '.' || isDigit(string(text[end:end+1]))) {
				end++
			}
			if !yield(string(text[start:end])) {
				return
			}
		}
	}
}

// maxGoName limits the length of a path in a Go program. Pieces of its text overlap by as much.
const maxGoName = 256

// inPath reports whether a character is usual in the path of a library.
func inPath(c byte) bool { return isIdent(c) || strings.IndexByte("+-.@/", c) >= 0 }

// readWindows reads text in pieces that overlap by the length of the longest name.
func readWindows(r *bufio.Reader, see func(text []byte)) error {
	const piece = 1 << 18
	buf := make([]byte, 0, piece)
	for {
		n, err := io.ReadFull(r, buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		see(buf)
		if err != nil {
			if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
				err = nil
			}
			return err
		}
		buf = append(buf[:0], buf[len(buf)-maxGoName:]...)
	}
}

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
