package buildkit

import (
	"cmp"
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fromscratch-go/fromscratch/buildkit/gobuild"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/fsx"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/platform"
)

// elsewhere is the subject of a Config with a Binary: a program that the go
// command does not build here.
func (in Inputs) elsewhere(m gobuild.Module, s subject) (subject, error) {
	c := s.config
	s.binary = filepath.FromSlash(c.Binary)
	if !filepath.IsAbs(s.binary) {
		s.binary = filepath.Join(m.Dir, s.binary)
	}
	s.name = cmp.Or(c.Name, filepath.Base(s.binary))
	if words := compileWords(c); words != "" {
		return s, &ConfigError{Err: fmt.Errorf("the Config (%s) has a Binary, which is not compiled here, and sets %s\nfix: leave one of the two out", c.Origin, words)}
	}
	if s.of > 1 {
		return s, &ConfigError{Err: fmt.Errorf("the Binary %q (%s) is one program, and the image has %d platforms (%s)\nfix: name one platform, or have the program compiled here", c.Binary, c.Origin, s.of, s.from)}
	}
	arch, err := architectureOf(s.binary)
	if errors.Is(err, fs.ErrNotExist) && !in.Prepare && c.Before != nil {
		return s, nil // Before may make it
	}
	if err != nil {
		return s, &ConfigError{Err: fmt.Errorf("reading the Binary %q (%s): %w\nfix: build it first, or in Before", c.Binary, c.Origin, err)}
	}
	switch asked := c.Platform != "" || len(c.Platforms) > 0 || in.getenv("IMAGE_PLATFORM") != ""; {
	case arch == s.platform.Architecture:
	case asked:
		return s, &ConfigError{Err: fmt.Errorf("the Binary %q (%s) is for linux/%s, the platform is %s (%s)\nfix: build it for that platform, or leave the platform out", c.Binary, c.Origin, arch, s.platform, s.from)}
	default:
		in.Report.Note(s.name, "take", fmt.Sprintf("warning: the Binary %q is for linux/%s, and so is the image; %s (%s) cannot run it", c.Binary, arch, s.platform, s.from))
		s.platform, s.from = Platform{OS: "linux", Architecture: arch}, c.Binary
	}
	return s, nil
}

// compileWords names a field of the Config that only a compiled program can have.
func compileWords(c Config) string {
	for _, f := range []struct {
		name string
		set  bool
	}{
		{"Main", c.Main != ""}, {"Cgo", c.Cgo != ""}, {"Tags", len(c.Tags) > 0}, {"LDFlags", c.LDFlags != ""},
		{"Symbols", c.Symbols}, {"Flags", len(c.Flags) > 0}, {"GoEnv", len(c.GoEnv) > 0}, {"PlatformEnv", len(c.PlatformEnv) > 0},
		{"Builder", c.Builder != ""},
	} {
		if f.set {
			return f.name
		}
	}
	return ""
}

// architectureOf reads what a program is for from the first bytes of its file,
// elf(5): no more is needed here, and sections may lie.
func architectureOf(name string) (arch string, err error) {
	info, err := os.Stat(name)
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() {
		return "", fmt.Errorf("it is not a file (%s)", info.Mode())
	}
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := isProgram(f); err != nil {
		return "", err
	}
	var head [platform.HeaderSize]byte
	if _, err := io.ReadFull(f, head[:]); err != nil {
		return "", errors.New("it is not an ELF program for Linux")
	}
	return platform.OfELF(head)
}

// isProgram refuses ELF files that are none, or none of Linux: a library has neither an
// interpreter nor the mark of a static program that can be anywhere, DF_1_PIE; the
// systems that are not Linux have numbers of their own
// (https://gabi.xinuos.com/elf/b-osabi.html). A file that is not ELF is told later.
func isProgram(r io.ReaderAt) error {
	f, err := elf.NewFile(r)
	if err != nil {
		return nil
	}
	if f.OSABI != elf.ELFOSABI_NONE && f.OSABI != elf.ELFOSABI_LINUX {
		return fmt.Errorf("it is a program for %s, not for Linux", strings.TrimPrefix(f.OSABI.String(), "ELFOSABI_"))
	}
	if f.Type == elf.ET_EXEC {
		return nil
	}
	if f.Type != elf.ET_DYN {
		return fmt.Errorf("it is no program, but an ELF file of type %s", f.Type)
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return nil
		}
	}
	flags, err := f.DynValue(elf.DT_FLAGS_1)
	if err != nil || !slices.ContainsFunc(flags, func(v uint64) bool { return elf.DynFlag1(v)&elf.DF_1_PIE != 0 }) {
		return errors.New("it is a shared library, not a program")
	}
	return nil
}

// take copies a program that was built elsewhere to its place in dist/, where
// After may change it.
func (b *Built) take(ctx context.Context) (err error) {
	p := b.Plan
	done := b.report.Step(p.Label(), "take", p.Subject())
	b.Binary = &gobuild.Binary{Path: p.Executable()}
	err = copyFile(ctx, p.Binary, p.Executable())
	done(fmt.Sprintf("%s, %s", p.Platform, p.Subject()), err)
	if err != nil {
		return fmt.Errorf("taking the program %q: %w", p.Binary, err)
	}
	return nil
}

// copyFile copies a file, whole or not at all, and executable.
func copyFile(ctx context.Context, from, to string) (err error) {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	return fsx.Create(to, 0o755, func(f *os.File) error {
		_, err := io.Copy(f, fsx.Reader(ctx, in))
		return err
	})
}
