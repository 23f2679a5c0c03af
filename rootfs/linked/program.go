package linked

import (
	"debug/buildinfo"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"runtime/debug"
	"strings"
)

// ErrNotGo reports that a file is not a Go program, or has lost everything that identifies one.
var ErrNotGo = errors.New("not a Go program")

// Program is the information in a Go program.
type Program struct {
	build *debug.BuildInfo
	names string // each with a NUL at its end
}

// Read reads a program's build information and the names of its functions, at most as many bytes as the
// file has. The error is [ErrNotGo] for any other file, such as a C or Rust program or a script.
func Read(file string) (*Program, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close() // opened for reading only
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	p, err := ReadFrom(f, info.Size())
	if err != nil {
		return nil, fmt.Errorf("reading the Go functions in %q: %w", file, err)
	}
	return p, nil
}

// ReadFrom is [Read] for a reader with the given size in bytes.
func ReadFrom(r io.ReaderAt, size int64) (*Program, error) {
	magic := make([]byte, len(elf.ELFMAG))
	if n, err := r.ReadAt(magic, 0); n < len(magic) && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if string(magic) != elf.ELFMAG {
		return nil, ErrNotGo
	}
	names, err := functionNames(r, size)
	if err != nil {
		return nil, err
	}
	// Build information is absent where tools have rewritten the file; a failing disk would have shown
	// above.
	build, err := ReadBuild(r)
	if err != nil && names == "" {
		return nil, ErrNotGo
	}
	return &Program{build: build, names: names}, nil
}

// ReadBuild is [buildinfo.Read] of a program that may be hostile: its parts may be holes of gigabytes.
func ReadBuild(r io.ReaderAt) (*debug.BuildInfo, error) { return buildinfo.Read(&bounded{r, maxBuild}) }

// maxBuild bounds what is read to find the build information, in bytes.
const maxBuild = 256 << 20

// bounded is a reader that reads so many bytes and no more.
type bounded struct {
	io.ReaderAt
	left int
}

func (b *bounded) ReadAt(p []byte, off int64) (int, error) {
	if len(p) > b.left {
		return 0, fmt.Errorf("its build information is not in %d bytes", maxBuild)
	}
	n, err := b.ReaderAt.ReadAt(p, off)
	b.left -= n
	return n, err
}

// Build is what "go version -m" prints; nil when the program has lost it.
func (p *Program) Build() *debug.BuildInfo { return p.build }

// Readable reports whether function names were found. If not, [Program.Has] is false for every function,
// which says nothing about the program.
func (p *Program) Readable() bool { return len(p.names) > 0 }

// Has reports whether a function is linked. Names are those of stack traces: "time.LoadLocation",
// "os/exec.(*Cmd).Start". A dot in the last element of a package path is "%2e".
func (p *Program) Has(function string) bool {
	for name := range p.functions() {
		// Go compares the lengths first, so this reads very little.
		if name == function {
			return true
		}
	}
	return false
}

// functions iterates over the names of all functions.
func (p *Program) functions() iter.Seq[string] {
	return func(yield func(string) bool) {
		for rest := p.names; len(rest) > 0; {
			name, more, _ := strings.Cut(rest, "\x00")
			if len(name) > 0 && !yield(name) {
				return
			}
			rest = more
		}
	}
}

// Module reports whether a module is among those that the program was built from: the main module, or one
// that provides a package. It does not say whether any function of the module is linked.
func (p *Program) Module(path string) bool {
	if p.build == nil {
		return false
	}
	if p.build.Main.Path == path {
		return true
	}
	for _, m := range p.build.Deps {
		if m.Path == path {
			return true
		}
	}
	return false
}

// setting returns a build setting, "" if it is missing.
func (p *Program) setting(key string) string {
	if p.build == nil {
		return ""
	}
	for _, s := range p.build.Settings {
		if s.Key == key {
			return s.Value
		}
	}
	return ""
}
