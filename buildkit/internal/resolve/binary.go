package resolve

import (
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
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
	named, err := binaryFor(c, s.platform)
	if err != nil {
		return s, &report.ConfigError{Err: err}
	}
	s.binary = filepath.FromSlash(named)
	if !filepath.IsAbs(s.binary) {
		s.binary = filepath.Join(m.Dir, s.binary)
	}
	if s.name = likelyName(c); s.name == "." {
		return s, &report.ConfigError{Err: fmt.Errorf("the files of BinaryFor (%s) have several names\nfix: set Name", c.Origin)}
	}
	if field := compileField(c); field != "" {
		return s, &report.ConfigError{Err: fmt.Errorf("the Config (%s) has a Binary, which is not compiled here, and sets %s\nfix: leave one of the two out", c.Origin, field)}
	}
	if s.of > 1 && len(c.BinaryFor) == 0 {
		return s, &report.ConfigError{Err: fmt.Errorf("the Binary %q (%s) is one program, and the image has %d platforms (%s)\nfix: name the file of each platform in BinaryFor, or one platform", named, c.Origin, s.of, s.from)}
	}
	arch, err := architectureOf(s.binary)
	if errors.Is(err, fs.ErrNotExist) && !in.Prepare && c.Build.Before != nil {
		return s, nil // Before may make it
	}
	if err != nil {
		return s, &report.ConfigError{Err: fmt.Errorf("reading the Binary %q (%s): %w\nfix: build it first, or in Build.Before", named, c.Origin, err)}
	}
	switch asked := len(c.BinaryFor) > 0 || len(c.Platforms) > 0 || in.getenv("IMAGE_PLATFORM") != ""; {
	case arch == s.platform.Architecture:
	case asked:
		return s, &report.ConfigError{Err: fmt.Errorf("the Binary %q (%s) is for linux/%s, the platform is %s (%s)\nfix: build it for that platform, or leave the platform out", named, c.Origin, arch, s.platform, s.from)}
	default:
		in.Report.Note(s.name, "take", fmt.Sprintf("warning: the Binary %q is for linux/%s, and so is the image; %s (%s) cannot run it", named, arch, s.platform, s.from))
		s.platform, s.from = platform.Platform{OS: "linux", Architecture: arch}, named
	}
	return s, nil
}

// binaryFor returns the file that a Config names for a platform; "" for none.
func binaryFor(c config.Config, p platform.Platform) (string, error) {
	named := c.Binary
	var known []string
	for _, name := range slices.Sorted(maps.Keys(c.BinaryFor)) {
		of, err := platform.Parse(name)
		if err != nil {
			return "", fmt.Errorf("reading BinaryFor (%s): %w", c.Origin, err)
		}
		if known = append(known, name); platform.Same(of, p) {
			named = c.BinaryFor[name]
		}
	}
	if named == "" {
		return "", fmt.Errorf("BinaryFor (%s) has no program for %s, only for %s\nfix: add one, or set Platforms to those that have one", c.Origin, p, strings.Join(known, " and "))
	}
	return named, nil
}

// compileField returns the name of a field that is set and that only a Config for a compiled program can have; "" for none.
func compileField(c config.Config) string {
	for _, f := range []struct {
		name string
		set  bool
	}{
		{"Main", c.Main != ""}, {"Build.Cgo", c.Build.Cgo != ""}, {"Build.Tags", len(c.Build.Tags) > 0}, {"Build.LDFlags", c.Build.LDFlags != ""},
		{"Build.Symbols", c.Build.Symbols}, {"Build.Flags", len(c.Build.Flags) > 0}, {"Build.Env", len(c.Build.Env) > 0}, {"Build.EnvFor", len(c.Build.EnvFor) > 0},
		{"Build.Container", c.Build.Container != ""},
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
