package resolve

import (
	"cmp"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fromscratch-go/fromscratch/buildkit/config"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/gobuild"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/platform"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/report"
)

// finished completes the subject of a Config with a Binary, a program that is not compiled here.
func (in Inputs) finished(m gobuild.Module, s subject) (subject, error) {
	c := s.config
	s.binary = filepath.FromSlash(c.Binary)
	if !filepath.IsAbs(s.binary) {
		s.binary = filepath.Join(m.Dir, s.binary)
	}
	s.name = cmp.Or(c.Name, filepath.Base(s.binary))
	if field := compileField(c); field != "" {
		return s, &report.ConfigError{Err: fmt.Errorf("the Config (%s) has a Binary, which is not compiled here, and sets %s\nfix: leave one of the two out", c.Origin, field)}
	}
	if s.of > 1 {
		return s, &report.ConfigError{Err: fmt.Errorf("the Binary %q (%s) is one program, and the image has %d platforms (%s)\nfix: name one platform, or have the program compiled here", c.Binary, c.Origin, s.of, s.from)}
	}
	arch, err := architectureOf(s.binary)
	if errors.Is(err, fs.ErrNotExist) && !in.Prepare && c.Before != nil {
		return s, nil // Before may make it
	}
	if err != nil {
		return s, &report.ConfigError{Err: fmt.Errorf("reading the Binary %q (%s): %w\nfix: build it first, or in Before", c.Binary, c.Origin, err)}
	}
	switch asked := c.Platform != "" || len(c.Platforms) > 0 || in.getenv("IMAGE_PLATFORM") != ""; {
	case arch == s.platform.Architecture:
	case asked:
		return s, &report.ConfigError{Err: fmt.Errorf("the Binary %q (%s) is for linux/%s, the platform is %s (%s)\nfix: build it for that platform, or leave the platform out", c.Binary, c.Origin, arch, s.platform, s.from)}
	default:
		in.Report.Note(s.name, "take", fmt.Sprintf("warning: the Binary %q is for linux/%s, and so is the image; %s (%s) cannot run it", c.Binary, arch, s.platform, s.from))
		s.platform, s.from = platform.Platform{OS: "linux", Architecture: arch}, c.Binary
	}
	return s, nil
}

// compileField returns the name of a field that is set and that only a Config for a compiled program can have; "" for none.
func compileField(c config.Config) string {
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

// architectureOf reads the architecture of a program from the header of its file, see elf(5). Its sections are not trusted.
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
	if err := checkProgram(f); err != nil {
		return "", err
	}
	var head [platform.HeaderSize]byte
	if _, err := io.ReadFull(f, head[:]); err != nil {
		return "", errors.New("it is not an ELF program for Linux")
	}
	return platform.OfELF(head)
}

// checkProgram returns an error if an ELF file is no program, or not one for Linux. A shared library has neither an interpreter
// nor DF_1_PIE, the flag of a position-independent static program. Other systems have their own numbers
// (https://gabi.xinuos.com/elf/b-osabi.html). The caller refuses a file that is not ELF.
func checkProgram(r io.ReaderAt) error {
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
