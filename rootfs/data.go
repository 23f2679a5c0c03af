package rootfs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/fromscratch-go/fromscratch/rootfs/ldd"
)

// maxData limits the number of files that one [Data] adds: a link to the root of a sysroot would add the
// whole sysroot.
const maxData = 50_000

// addData adds the files that libraries read: configuration, plugin indices, tables.
func (a *assembly) addData(ctx context.Context) error { return a.copyData(ctx, a.Data) }

func (a *assembly) copyData(ctx context.Context, list []Data) error {
	for _, d := range list {
		if d.Of == "" {
			d.Of = a.Program
		}
		c := dataCopy{assembly: a, data: d, seen: map[string]bool{}}
		if err := c.add(ctx, path.Clean(d.Path)); err != nil {
			return fmt.Errorf("copying %q from the sysroot (%s): %w", d.Path, d.Why, err)
		}
	}
	return nil
}

// dataCopy is a Data that is being added to the tree.
type dataCopy struct {
	*assembly
	data Data
	seen map[string]bool // real paths that were added
}

// add adds a path: the links that lead to its target, and the target.
func (c dataCopy) add(ctx context.Context, name string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	real, links, err := ldd.Follow(c.Sysroot, name)
	if err != nil {
		return withoutPath(err)
	}
	if why := c.exclusion(real, len(links) > 0); why != "" {
		c.leaveOut(name, why)
		return nil
	}
	for _, l := range links {
		if err := c.put(Entry{Path: l.Path, Mode: fs.ModeSymlink, Link: l.Target}); err != nil {
			return err
		}
	}
	if c.seen[real] {
		return nil
	}
	c.seen[real] = true
	if len(c.seen) > maxData {
		return fmt.Errorf("it leads to more than %d files\nfix: exclude it, and add the files that the program needs to Files", maxData)
	}
	info, err := c.Sysroot.Lstat(inFS(real))
	switch {
	case err != nil:
		return withoutPath(err)
	case info.IsDir():
		return c.addFolder(ctx, real)
	case info.Mode().IsRegular():
		return c.addFile(real, info)
	}
	return nil // a socket or device: an image cannot have it, and no library needs it
}

// addFolder adds a folder with its content. It leaves out links that lead nowhere: they would lead nowhere
// in the image too. It also leaves out static libraries, which only a linker reads: Python's folder has two of 12 MB.
func (c dataCopy) addFolder(ctx context.Context, dir string) error {
	if e, ok := c.tree.Lookup(dir); dir != "/" && (!ok || !e.Mode.IsDir()) {
		if err := c.put(Entry{Path: dir, Mode: fs.ModeDir | 0o755}); err != nil {
			return err
		}
	}
	names, err := readDir(c.Sysroot, dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		if strings.HasPrefix(name, "lib") && path.Ext(name) == ".a" {
			continue
		}
		if err := c.add(ctx, path.Join(dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// addFile adds a file owned by root. Of its mode only the x bit counts.
func (c dataCopy) addFile(name string, info fs.FileInfo) error {
	e := Entry{Path: name, Mode: 0o644, Source: SysrootFile(c.Sysroot, name)}
	if info.Mode()&0o111 != 0 {
		e.Mode = 0o755
	}
	return c.put(e)
}

// exclusion returns why the file at a path without links must not be copied into an image that everybody
// can read, "" if it may be. A file that a link leads to must be in one of the places in Within.
func (c dataCopy) exclusion(real string, linked bool) string {
	if linked && c.data.Within != nil && !isWithin(real, c.data.Within) {
		return fmt.Sprintf("it links to %q, which is outside of its folders", real)
	}
	if closed := unreadablePart(c.Sysroot, real); closed != "" {
		return fmt.Sprintf("not everybody may read %q in the sysroot", closed)
	}
	return ""
}

// leaveOut reports to LeftOut that a path is left out.
func (c dataCopy) leaveOut(name, why string) {
	if c.LeftOut != nil {
		c.LeftOut(fmt.Sprintf("%q is left out: %s (%s)", name, why, c.data.Why))
	}
}

// isWithin reports whether a path is one of the places, or below one.
func isWithin(name string, places []string) bool {
	for _, place := range places {
		if name == place || place == "/" || strings.HasPrefix(name, place+"/") {
			return true
		}
	}
	return false
}

// unreadablePart returns which part of a path without links keeps other users from reading the file: the
// file itself, or a folder on the way. It returns "" if everybody may read the file.
func unreadablePart(sys ldd.FS, real string) string {
	for at, last := real, true; ; at, last = path.Dir(at), false {
		info, err := sys.Lstat(inFS(at))
		if err != nil {
			return at
		}
		need := fs.FileMode(0o004)
		switch {
		case info.IsDir() && last:
			need = 0o005
		case info.IsDir():
			need = 0o001
		}
		if info.Mode()&need != need {
			return at
		}
		if at == "/" {
			return ""
		}
	}
}

// put adds an entry, unless the image already has its own file or link there, such as its accounts or
// certificates.
func (c dataCopy) put(e Entry) error {
	if have, ok := c.tree.Lookup(e.Path); ok && have.Mode.Type() == e.Mode.Type() && !e.Mode.IsDir() {
		return nil
	}
	e.Reason, e.For = c.data.Why, c.data.Of
	return c.tree.Add(e)
}

// readDir lists the names in a folder of a sysroot, sorted.
func readDir(sys ldd.FS, dir string) (names []string, err error) {
	f, err := sys.Open(inFS(dir))
	if err != nil {
		return nil, withoutPath(err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	folder, ok := f.(fs.ReadDirFile)
	if !ok {
		return nil, fmt.Errorf("the sysroot cannot list the folder %q", dir)
	}
	entries, err := folder.ReadDir(-1)
	if err != nil {
		return nil, withoutPath(err)
	}
	set := map[string]bool{}
	for _, e := range entries {
		set[e.Name()] = true
	}
	return keys(set), nil
}
