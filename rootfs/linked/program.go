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

// ErrNotGo says that a program is not one of Go, or that nothing is left in it to know it by.
var ErrNotGo = errors.New("not a Go program")

// Program is what can be read of a Go program.
type Program struct {
	build *debug.BuildInfo
	names string // each with a NUL at its end
}

// Read reads a program's build information and the names of its functions, at most as many bytes as the
// file has. The error is [ErrNotGo] for every other file, be it C, Rust or a script.
func Read(file string) (*Program, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close() // it was only read
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

// ReadFrom is [Read] of size bytes.
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
	build, err := buildinfo.Read(r)
	if err != nil && names == "" {
		return nil, ErrNotGo
	}
	return &Program{build: build, names: names}, nil
}

// Build is what "go version -m" prints; nil when the program has lost it.
func (p *Program) Build() *debug.BuildInfo { return p.build }

// Readable says whether names of functions were found. If not, [Program.Has] is false for all, which
// says nothing about the program.
func (p *Program) Readable() bool { return len(p.names) > 0 }

// Has says whether a function is linked. It is named as in a stack trace: "time.LoadLocation",
// "os/exec.(*Cmd).Start"; in the last element of a package's path a dot is "%2e".
func (p *Program) Has(function string) bool {
	for name := range p.functions() {
		// The lengths are compared first: next to nothing is read.
		if name == function {
			return true
		}
	}
	return false
}

// functions are the names of all functions.
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

// Module says whether a module is among those that the program was built from: the main one, or one that
// provides a package. Whether anything of the package is linked is not said.
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

// setting is one of the build settings, "" when it is not there.
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
