package elf

import (
	"bufio"
	"bytes"
	"debug/elf"
	"errors"
	"io"
	"iter"
	"regexp"
	"slices"
	"strings"
)

// Limits on names: the length of one, and the number of names in one object. libgdal has a dozen.
const (
	maxNameText = maxPath
	maxNames    = 1 << 12
)

// libraryName matches the name of a library.
var libraryName = regexp.MustCompile(`^(/[^\s%]*/)?lib[A-Za-z0-9_+.@-]*\.so(\.[0-9]+)*$`)

// LibraryNames returns the strings of a C program that are names of libraries, in the order of the file.
func (f *File) LibraryNames() ([]string, error) {
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
	return names, err
}

// maxTexts limits the text read from a file, in bytes. Go programs have a few hundred megabytes at most.
const maxTexts = 2 << 30

// texts reads the segments that may contain constant strings: those without code. Some linkers, most of them
// before 2018, do not separate the two; then segments with code are read too.
func (f *File) texts(read func(r *bufio.Reader) error) error {
	parted := slices.ContainsFunc(f.Progs, func(p elf.ProgHeader) bool {
		return p.Type == elf.PT_LOAD && p.Flags&(elf.PF_W|elf.PF_X) == 0
	})
	left := uint64(min(f.size, maxTexts))
	for _, p := range f.Progs {
		if p.Type != elf.PT_LOAD || parted && p.Flags&elf.PF_X != 0 || f.checkRange(p.Off, p.Filesz) != nil {
			continue
		}
		if p.Filesz > left { // overlapping segments
			return errors.New("its segments together are too long")
		}
		left -= p.Filesz
		section := io.NewSectionReader(f.r, int64(p.Off), int64(p.Filesz))
		if err := read(bufio.NewReaderSize(section, maxNameText)); err != nil {
			return err
		}
	}
	return nil
}

// goMagic begins the build information of a Go program, see debug/buildinfo.
var goMagic = []byte("\xff Go buildinf:")

// GoTexts calls visit for each different text around a ".so", until visit returns false or there are too many, and
// reports whether the file is a Go program. Go strings are stored without separators, so any part of such a text
// could be the name of a library: the text begins with the characters before ".so" that may be part of a path, and
// ends with the dots and digits after it.
func (f *File) GoTexts(visit func(text string) bool) (isGo bool, err error) {
	seen, texts, done := map[string]bool{}, 0, false
	err = f.texts(func(r *bufio.Reader) error {
		return readWindows(r, func(text []byte) {
			isGo = isGo || bytes.Contains(text, goMagic)
			for s := range aroundSo(text) {
				if texts++; texts > maxGoTexts || len(seen) == maxNames || done {
					return
				}
				if seen[s] {
					continue
				}
				seen[s] = true
				done = !visit(s)
			}
		})
	})
	return isGo, err
}

// Limits on the texts of a Go program around a ".so". Large programs have some ten thousand, most of them of words
// such as "x.sort".
const (
	maxGoTexts = 1 << 20 // texts, with repetitions
	maxVersion = 32      // bytes of dots and digits after ".so"
)

// aroundSo returns the text around each ".so": the characters before it that may be part of a path, and the
// dots and digits after it.
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
			for end < len(text) && end-at < maxVersion && (text[end] == '.' || isDigit(text[end])) {
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
func inPath(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || isDigit(c) || strings.IndexByte("_+-.@/", c) >= 0
}

// isDigit reports whether a character is an ASCII digit.
func isDigit(c byte) bool { return '0' <= c && c <= '9' }

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
