package gobuild

import (
	"cmp"
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/filelock"
	"github.com/fromscratch-go/fromscratch/rootfs/linked"
)

// Binary is a compiled program.
type Binary struct {
	Path     string           // absolute
	Info     *debug.BuildInfo // as read back from the file
	Compiler Compiler         // the zero value without cgo
}

// Build compiles a program with
//
//	go build -trimpath -buildvcs=false -ldflags="-s -w" -o Output ImportPath
//
// so that the same source makes the same bytes in any folder and at any commit;
// Options change that. Build then reads the file back and checks that it is the
// requested program.
//
// Leave the file of an earlier build where it is: the go command compares its
// build ID and does not link a program again that is up to date. A failed build
// leaves it unchanged. An incomplete file never counts as up to date, and is
// never left behind.
//
// A compile error is a *CommandError. When ctx ends, the go command and its
// children are interrupted, and the error wraps the cause of ctx. On Unix they are
// in their own process group: Ctrl-C reaches them only through ctx.
func (g Go) Build(ctx context.Context, r Request) (*Binary, error) {
	c, err := g.prepare(ctx, r.Target, r.Options, &r.Main.Cgo.Enabled, r.Main.Settings)
	if err != nil {
		return nil, err
	}
	if err := r.check(c); err != nil {
		return nil, err
	}
	b := &Binary{}
	if r.Main.Cgo.Enabled {
		if b.Compiler, err = c.compiler(ctx); err != nil {
			return nil, fmt.Errorf("compiling %q, which needs cgo as %s: %w", r.Main.ImportPath, r.Main.Cgo.Why, err)
		}
		c.env = append(c.env, b.Compiler.env()...)
	}
	sum, err := headersSum(r.Main)
	if err != nil {
		return nil, err
	}
	c.withHeaders(sum)
	if b.Path, err = g.output(r.Output); err != nil {
		return nil, err
	}
	if err := removeHalf(b.Path); err != nil {
		return nil, err
	}
	if g.Runner != nil {
		err = c.compileElsewhere(ctx, b.Path, r.Main)
	} else {
		err = c.compile(ctx, b.Path, r.Main)
	}
	if err != nil {
		return nil, errors.Join(err, removeHalf(b.Path))
	}
	b.Info, err = c.readBack(r.Main, b.Path)
	return b, err
}

// check refuses an incomplete or contradictory request.
func (r Request) check(c *call) error {
	switch {
	case r.Main.ImportPath == "" || r.Output == "":
		return fmt.Errorf("compiling %q to %q: both the program and its file are needed", r.Main.ImportPath, r.Output)
	case r.Main.Cgo.Enabled && c.cgo == Off, !r.Main.Cgo.Enabled && c.cgo == On:
		return fmt.Errorf("compiling %q: cgo was decided as %t, but %s\nfix: give Build the options that Mains had", r.Main.ImportPath, r.Main.Cgo.Enabled, c.why)
	}
	return nil
}

// output returns the absolute path of the file, after making its folder.
func (g Go) output(name string) (string, error) {
	if !filepath.IsAbs(name) {
		name = filepath.Join(g.Dir, name)
	}
	path, err := filepath.Abs(name)
	if err != nil {
		return "", fmt.Errorf("locating %q: %w", name, err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", fmt.Errorf("making the folder of %q: %w", path, err)
	}
	return path, nil
}

// compile runs go build with its own temporary folder: an interrupted go command
// does not clean up, and the linker's files are large. The output is a file, or a
// folder for the programs of several packages.
func (c *call) compile(ctx context.Context, output string, mains ...Main) (err error) {
	if c.g.Runner != nil {
		_, err := c.g.run(ctx, c.building(output, mains))
		return err
	}
	temp, err := filelock.MakeTemp(cmp.Or(c.vars["GOTMPDIR"], getenv(c.env, "TMPDIR"), os.TempDir()), "fromscratch-go-build")
	if err != nil {
		return fmt.Errorf("making a folder for the go command: %w", err)
	}
	defer func() { err = errors.Join(err, temp.Remove()) }()
	work := temp.Path
	run := c.building(output, mains)
	run.env = append(slices.Clip(run.env), "GOTMPDIR="+work, "TMPDIR="+work)
	run.group = true
	_, err = c.g.run(ctx, run)
	return err
}

// compileElsewhere compiles a program with the Runner and fetches it.
func (c *call) compileElsewhere(ctx context.Context, output string, m Main) error {
	there := c.g.scratch(output)
	if err := c.compile(ctx, there, m); err != nil {
		return err
	}
	return c.g.fetch(ctx, there, output)
}

// building returns the go command that compiles programs to a file or folder.
func (c *call) building(output string, mains []Main) command {
	var paths []string
	for _, m := range mains {
		paths = append(paths, m.ImportPath)
	}
	args := slices.Concat(c.buildArgs(mains[0].Cgo), []string{"-o", output, "--"}, paths)
	return c.command(fmt.Sprintf("compiling %s for %s", quoted(paths), c.target), args)
}

// buildID returns the linker flag that keeps the source's folder out of the program.
//
// -trimpath keeps it out of code and debug data. But the build ID of a program
// hashes the flags of the build, and with cgo these contain folders:
// -L${SRCDIR}/lib of any package, -Iinclude of the main. Two checkouts would only
// differ in that ID. So it is left out; gcc still writes its own ID, a hash of the
// content. The price is that the go command links each time, as it recognises an
// up-to-date file by its ID.
func buildID(d CgoDecision) string {
	if d.Enabled && d.Placed {
		return "-buildid="
	}
	return ""
}

// setMode gives a file its permissions, if it has others.
func setMode(path string, mode os.FileMode) error {
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() == mode {
		return err
	}
	return os.Chmod(path, mode)
}

// removeHalf removes an incomplete program. The go command copies a program if the
// output is on another file system. If it is killed then, the rest begins with a
// valid build ID and would pass for up to date.
func removeHalf(path string) error {
	if whole, err := isWhole(path); err != nil || whole {
		return err
	}
	if err := os.Remove(path); err != nil {
		return fmt.Errorf("removing an incomplete program: %w", err)
	}
	return nil
}

// isWhole reports whether a program has all bytes that its ELF headers name. A
// missing or empty file counts as whole. Any other file is an error: the go command
// might overwrite it (1.24 overwrites a text, and all write into a folder).
func isWhole(path string) (bool, error) {
	file, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return true, nil
	} else if err != nil {
		return false, fmt.Errorf("looking at an earlier program: %w", err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil || info.Mode().IsRegular() && info.Size() == 0 {
		return true, err
	}
	magic := make([]byte, len(elf.ELFMAG))
	if n, _ := file.ReadAt(magic, 0); !info.Mode().IsRegular() || !strings.HasPrefix(elf.ELFMAG, string(magic[:n])) {
		return false, fmt.Errorf("writing the program to %q: the existing file is no program\nfix: remove %q", path, path)
	}
	size := uint64(info.Size())
	program, err := elf.NewFile(file)
	if err != nil {
		return false, nil
	}
	for _, p := range program.Progs {
		if p.Off+p.Filesz > size {
			return false, nil
		}
	}
	for _, s := range program.Sections {
		if s.Type != elf.SHT_NOBITS && s.Offset+s.FileSize > size {
			return false, nil
		}
	}
	return true, nil
}

// readBuild reads the build info of a program.
func readBuild(path string) (*debug.BuildInfo, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() // only read
	return linked.ReadBuild(f)
}

// readBack reads the build info and compares it with the request: with a stray
// flag the go command can succeed without building this program.
func (c *call) readBack(m Main, path string) (*debug.BuildInfo, error) {
	// The go command leaves the mode to the umask.
	if err := setMode(path, 0o755); err != nil {
		return nil, fmt.Errorf("setting the mode of the program: %w", err)
	}
	info, err := readBuild(path)
	if err != nil {
		return nil, fmt.Errorf("reading the build info of %q, compiled from %q: %w\nfix: name a package main, and leave -buildmode at exe or pie", path, m.ImportPath, err)
	}
	settings := map[string]string{"path": info.Path}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	if mode := settings["-buildmode"]; mode != "exe" && mode != "pie" {
		return nil, fmt.Errorf("compiling %q: -buildmode=%s makes no program\nfix: remove -buildmode from Build.Flags", m.ImportPath, mode)
	}
	for _, want := range [][2]string{{"path", m.ImportPath}, {"GOOS", "linux"}, {"GOARCH", c.target.Architecture}, {"CGO_ENABLED", zeroOne(m.Cgo.Enabled)}} {
		if got := settings[want[0]]; got != want[1] {
			return nil, fmt.Errorf("checking %q, compiled from %q: its build info has %s %q instead of %q\nfix: look for what changes it in Build.Flags and GOFLAGS (%q)", path, m.ImportPath, want[0], got, want[1], c.vars["GOFLAGS"])
		}
	}
	return info, nil
}
