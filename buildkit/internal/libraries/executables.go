package libraries

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/platform"
	"github.com/fromscratch-go/fromscratch/rootfs"
	"github.com/fromscratch-go/fromscratch/rootfs/ldd"
	"github.com/fromscratch-go/fromscratch/rootfs/plaintext"
	"github.com/fromscratch-go/fromscratch/rootfs/plugins"
)

// Executable is a program among the user's files that a loader starts.
type Executable struct {
	Path   string   // in the image
	Loader string   // likewise
	Loaded []string // files that it loads, likewise; the loader is the first
}

// executable is an Executable whose libraries this build has computed.
type executable struct {
	Executable
	capabilities rootfs.Capabilities
	closure      *ldd.Closure
	opened       *plugins.Found
}

// programs returns the compiled program, and those among the user's files.
func (f *Found) programs() []*executable {
	return append([]*executable{{closure: f.closure, opened: f.opened}}, f.executables...)
}

// asData is the fix for an executable that nobody means to start in the image.
const asData = "if nobody starts it in the image, give its entry in Files a Mode without x, like 0o644"

// findExecutables resolves the programs among the user's files, as it does the compiled one. They see the user's files too, so that
// a library that lies beside its program is found there.
//
// A program that Files names, by itself or by a pattern, has to be complete. One that is somewhere in a folder is perhaps never started:
// what it lacks is a warning.
func (f *Found) findExecutables(ctx context.Context) error {
	foreign := map[string][]string{}
	for _, e := range f.query.Base.Entries() {
		head := magic(e)
		if !isELF(head) {
			continue
		}
		if arch := f.foreign(head); arch != "" {
			foreign[arch] = append(foreign[arch], e.Path)
			continue
		}
		x, err := f.executable(ctx, e)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil && f.isNamed(e.Path):
			return &misfitError{fmt.Errorf("finding what %s of Files (%s) loads: %w", e.Path, e.Reason, f.onBase(err)), asData}
		case err != nil:
			f.warn(plaintext.Sprintf("%s of Files cannot start in the image: %s\nfix: %s", e.Path, firstLine(err), asData))
		case x != nil:
			f.executables = append(f.executables, x)
			f.Set.Executables = append(f.Set.Executables, x.Executable)
		}
	}
	for _, arch := range slices.Sorted(maps.Keys(foreign)) {
		f.warn(plaintext.Sprintf("%s of Files: for %s, and the image is for %s, where it cannot start\nfix: take a file for %s; %s",
			listed(foreign[arch]), arch, f.query.Plan.Platform.Architecture, f.query.Plan.Platform.Architecture, asData))
	}
	return nil
}

// executable resolves one program. It returns nil for a static one, and for a library.
func (f *Found) executable(ctx context.Context, e rootfs.Entry) (*executable, error) {
	if file, ok := e.Source.Host(); ok {
		if loader, err := ldd.Interpreter(file); err != nil || loader == "" {
			return nil, err
		}
	}
	env, err := Environment(f.query.Plan, f.query.Base)
	if err != nil {
		return nil, err
	}
	sys := f.source.overFiles(f.query.Base, f.source.kept())
	o := f.pluginOptions()
	o.Linked, o.BuildInfo, o.Whole = nil, nil, f.source.overFiles(f.query.Base, f.source.whole())
	c, opened, err := plugins.Resolve(ctx, sys, ldd.Program{Path: e.Path, Secure: f.query.Plan.Secure(e.Capabilities), Memory: f.parsed.Elsewhere()}, env, o)
	if err != nil {
		return nil, err
	}
	if c.Flavour == ldd.Static || c.Program().Soname != "" {
		return nil, nil
	}
	x := &executable{Executable{Path: e.Path, Loader: c.Loader}, e.Capabilities, c, opened}
	for _, o := range c.Objects[1:] {
		x.Loaded = append(x.Loaded, o.Path)
	}
	return x, nil
}

// overFiles puts a file system below the user's files.
func (s *source) overFiles(files *rootfs.Tree, sys ldd.FS) ldd.FS {
	return rootfs.Overlay(files, sys, slices.Concat(s.hidden, packageFolders)...)
}

// closing describes a program for the tree.
func (f *Found) closing(x *executable) rootfs.Closing {
	c := rootfs.Closing{Closure: x.closure, Sysroot: f.source.overFiles(f.query.Base, f.source.kept())}
	for _, d := range x.opened.Files {
		c.Data = append(c.Data, rootfs.Data{Path: d.Path, Because: rootfs.Because{Why: d.Why, Of: d.Of}, Within: d.Within})
	}
	return c
}

// proveExecutables resolves the programs among the user's files once more, in the tree of the image.
func (f *Found) proveExecutables(ctx context.Context, tree *rootfs.Tree) (notes []string, err error) {
	env, err := Environment(f.query.Plan, f.query.Base)
	if err != nil {
		return nil, err
	}
	for _, x := range f.executables {
		p := ldd.Program{
			Path: x.Path, Secure: f.query.Plan.Secure(x.capabilities), Memory: f.parsed.Elsewhere(),
			Opens: pluginsOf(x.closure, x.opened, true), Tries: pluginsOf(x.closure, x.opened, false),
		}
		inside, err := ldd.Verify(ctx, tree, p, env)
		if err == nil {
			err = ldd.Compare(ctx, x.closure, inside)
		}
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case err != nil && f.isNamed(x.Path):
			return nil, &misfitError{fmt.Errorf("verifying that %s of Files starts: %w", x.Path, f.onBase(err)), asData}
		case err != nil:
			notes = append(notes, "warning: "+plaintext.Sprintf("%s of Files cannot start in the image: %s\nfix: %s", x.Path, firstLine(err), asData))
			continue
		}
		for _, w := range inside.Warnings {
			if !slices.Contains(x.closure.Warnings, w) {
				notes = append(notes, "warning: "+advised(w))
			}
		}
	}
	return notes, nil
}

// scripts returns a note for each interpreter that scripts among the user's files name and the image lacks, see execve(2).
func scripts(tree *rootfs.Tree) (notes []string) {
	lacking := map[string][]string{}
	for _, e := range tree.Entries() {
		name := interpreter(magic(e))
		if name == "" {
			continue
		}
		info, err := tree.Stat(strings.TrimPrefix(path.Clean(name), "/"))
		if err != nil || !info.Mode().IsRegular() || info.Mode()&0o111 == 0 {
			lacking[name] = append(lacking[name], e.Path)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(lacking)) {
		notes = append(notes, "warning: "+plaintext.Sprintf("%s of Files: a script for %s, which is not in the image\nfix: add %s to Files, with what it needs; %s",
			listed(lacking[name]), name, name, asData))
	}
	return notes
}

// maxMagic is how much the kernel reads of a file to find out how to execute it (BINPRM_BUF_SIZE).
const maxMagic = 256

// magic returns the first bytes of an executable file of the user's, nil for anything else.
func magic(e rootfs.Entry) []byte {
	if e.Layer != rootfs.Files || !e.Mode.IsRegular() || e.Mode&0o111 == 0 {
		return nil
	}
	r, err := e.Source.Open()
	if err != nil {
		return nil // whoever copies the file reports it
	}
	defer r.Close()
	head, err := io.ReadAll(io.LimitReader(r, maxMagic))
	if err != nil {
		return nil
	}
	return head
}

// isELF reports whether a file is an ELF file, by its first bytes.
func isELF(head []byte) bool {
	return len(head) >= platform.HeaderSize && bytes.HasPrefix(head, []byte("\x7fELF"))
}

// interpreter returns the absolute path in the first line of a script, "" if there is none.
func interpreter(head []byte) string {
	line, ok := bytes.CutPrefix(head, []byte("#!"))
	if !ok {
		return ""
	}
	line, _, _ = bytes.Cut(line, []byte("\n"))
	words := strings.FieldsFunc(string(line), func(r rune) bool { return r == ' ' || r == '\t' || r == '\r' })
	if len(words) == 0 || !path.IsAbs(words[0]) || strings.ContainsRune(words[0], 0) {
		return ""
	}
	return words[0]
}

// foreign returns the architecture of an ELF file that the image's platform does not execute, else "".
func (f *Found) foreign(head []byte) string {
	want := f.query.Plan.Platform.Architecture
	arch, err := platform.OfELF([platform.HeaderSize]byte(head[:platform.HeaderSize]))
	switch {
	case want == "" || arch == want || want == "amd64" && arch == "386" || want == "arm64" && arch == "arm":
		return ""
	case err != nil:
		return "another machine"
	}
	return arch
}

// isNamed reports whether Files names a file by itself or by a pattern, and not only a folder above it.
func (f *Found) isNamed(file string) bool {
	return slices.ContainsFunc(f.query.Plan.Files.Files, func(c rootfs.File) bool {
		if path.Clean(c.To) == file {
			return true
		}
		from := path.Base(filepath.ToSlash(c.From))
		matches, err := path.Match(from, path.Base(file))
		return path.Clean(c.To) == path.Dir(file) && (from == path.Base(file) || matches && err == nil)
	})
}

// executableSums writes what the answer depends on of the programs among the user's files: all of each.
func executableSums(w io.Writer, tree *rootfs.Tree) error {
	for _, e := range tree.Entries() {
		if !isELF(magic(e)) {
			continue
		}
		r, err := e.Source.Open()
		if err != nil {
			return err
		}
		h := sha256.New()
		_, err = io.Copy(h, r)
		if err = errors.Join(err, r.Close()); err != nil {
			return err
		}
		fmt.Fprintf(w, "%s %x\n", e.Path, h.Sum(nil))
	}
	return nil
}

// listed names some files, and counts the others.
func listed(paths []string) string {
	const most = 3
	text := strings.Join(paths[:min(most, len(paths))], ", ")
	if n := len(paths) - most; n > 0 {
		text += fmt.Sprintf(" and %d more", n)
	}
	return text
}

// firstLine returns an error's text without the evidence and the fix below it.
func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}
