package rootfs

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"slices"

	"github.com/fromscratch-go/fromscratch/rootfs/ldd"
	"github.com/fromscratch-go/fromscratch/rootfs/plaintext"
)

// addLibraries adds the loader and every library at the path where the loader opened it, with all links on
// the way. Nothing is moved or renamed, because $ORIGIN, plugin folders and the loader's rules depend on a
// library's folder.
func (a *assembly) addLibraries(ctx context.Context) error {
	if a.Closure == nil {
		return nil
	}
	l := libraries{tree: &a.tree, sys: a.Sysroot, closure: a.Closure, program: a.Program, opened: a.Opened}
	if err := l.addLinks(ctx); err != nil {
		return err
	}
	if err := l.addFiles(ctx); err != nil {
		return err
	}
	if len(a.Executables) > 0 {
		return nil // they share the loader's file, see addExecutables
	}
	return a.addLoaderConfig(a.Closure.LoaderConfig())
}

// addExecutables adds what the programs among the user's files load and read. It comes after these files, so
// that a library that the user has put there stays the user's.
func (a *assembly) addExecutables(ctx context.Context) error {
	for _, e := range a.Executables {
		l := libraries{tree: &a.tree, sys: e.Sysroot, closure: e.Closure, program: e.Closure.Program().Path, opened: a.Opened, keeps: true}
		if err := l.addLinks(ctx); err != nil {
			return err
		}
		if err := l.addFiles(ctx); err != nil {
			return err
		}
		if err := a.copyData(ctx, e.Data); err != nil {
			return err
		}
	}
	return a.addLoaderConfigs()
}

// addLoaderConfigs adds one index of libraries for the programs of glibc and one for those of musl.
func (a *assembly) addLoaderConfigs() error {
	var all []*ldd.Closure
	if a.Closure != nil && len(a.Executables) > 0 {
		all = append(all, a.Closure)
	}
	for _, e := range a.Executables {
		all = append(all, e.Closure)
	}
	for _, flavour := range []ldd.Flavour{ldd.Glibc, ldd.Musl} {
		others := func(c *ldd.Closure) bool { return c.Flavour != flavour }
		name, content, needed, err := ldd.LoaderConfigOf(slices.DeleteFunc(slices.Clone(all), others)...)
		if err != nil {
			return err
		}
		if err := a.addLoaderConfig(name, content, needed); err != nil {
			return err
		}
	}
	return nil
}

// libraryObjects returns the closure without the program, which has its own stage.
func (a *assembly) libraryObjects() []*ldd.Object {
	if a.Closure == nil || len(a.Closure.Objects) == 0 {
		return nil
	}
	return a.Closure.Objects[1:]
}

// addLoaderConfig adds an index of the libraries for the image's loader if some are in folders that it
// would not search by default: an ld.so.cache for glibc, a path file for musl.
func (a *assembly) addLoaderConfig(name string, content []byte, needed bool) error {
	// If the base's index is visible, the libraries were found through it.
	if !needed || a.baseHas(path.Clean(name)) && !hides(a.Sysroot, path.Clean(name)) {
		return nil
	}
	return a.tree.Add(Entry{
		Path: path.Clean(name), Mode: 0o644,
		Reason: "tells the loader where the libraries are", For: a.loader(),
		Source: Bytes(content),
	})
}

// loader returns the loader of the program, or of the first program among Files if that is static.
func (a *assembly) loader() string {
	if a.Closure != nil && a.Closure.Loader != "" {
		return a.Closure.Loader
	}
	for _, e := range a.Executables {
		return e.Closure.Loader
	}
	return ""
}

// libraries adds the libraries of one closure to a tree.
type libraries struct {
	tree    *Tree
	sys     ldd.FS
	closure *ldd.Closure
	program string // path in the image
	opened  map[string]Because
	keeps   bool // leaves what the tree has at a path
}

// add adds an entry, unless the tree keeps what it has there.
func (l libraries) add(e Entry) error {
	if _, ok := l.tree.Lookup(e.Path); ok && l.keeps {
		return nil
	}
	return l.tree.Add(e)
}

// objects returns the closure without the program.
func (l libraries) objects() []*ldd.Object { return l.closure.Objects[1:] }

// addLinks adds all links. They come before the files, so that the order of the libraries does not matter.
func (l libraries) addLinks(ctx context.Context) error {
	for _, o := range l.objects() {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := l.addPath(o); err != nil {
			return err
		}
	}
	return nil
}

// addFiles adds the files of the objects. Two objects can be one file, if it was requested by two names
// that are not links to each other.
func (l libraries) addFiles(ctx context.Context) error {
	added := map[string]bool{}
	for _, o := range l.objects() {
		if err := ctx.Err(); err != nil {
			return err
		}
		if added[o.Real] {
			continue
		}
		added[o.Real] = true
		if err := l.addFile(o); err != nil {
			return err
		}
	}
	return nil
}

// addPath adds the links that lead to an object, and the folders that its path enters only to leave them by
// "..": the kernel requires them to exist.
func (l libraries) addPath(o *ldd.Object) error {
	reason := "on the way to " + o.Path
	for _, link := range o.Links {
		err := l.add(Entry{Path: link.Path, Mode: fs.ModeSymlink, Link: link.Target, Reason: reason, For: o.Real})
		if err != nil {
			return err
		}
	}
	for _, dir := range o.Dirs {
		if e, ok := l.tree.Lookup(dir); dir == "/" || ok && e.Mode.IsDir() {
			continue
		}
		if err := l.tree.Add(Entry{Path: dir, Mode: fs.ModeDir | 0o755, Reason: reason, For: o.Real}); err != nil {
			return err
		}
	}
	return nil
}

// addFile adds the file of an object at its path in the sysroot, owned by root.
func (l libraries) addFile(o *ldd.Object) error {
	source := SysrootFile(l.sys, o.Real)
	why := l.because(o)
	mode, err := l.mode(o, source)
	if err != nil {
		return fmt.Errorf("adding %q (%s): %w", o.Real, why.Why, withoutPath(err))
	}
	return l.add(Entry{Path: o.Real, Mode: mode, Reason: why.Why, For: why.Of, Source: source})
}

// mode returns the mode of a library. From the sysroot it takes only whether the file is executable. The
// kernel requires an executable loader, execve(2); libraries need only be readable.
func (l libraries) mode(o *ldd.Object, source Source) (fs.FileMode, error) {
	info, err := source.stat()
	if err != nil {
		return 0, err
	}
	if info.Mode()&0o111 != 0 || o.Path == l.closure.Loader {
		return 0o755, nil
	}
	return 0o644, nil
}

// because says why a library is in the image: a loaded file needs it, or the program opens it while it
// runs.
func (l libraries) because(o *ldd.Object) Because {
	by := l.program
	switch {
	case o.NeededBy == nil:
	case o.NeededBy != l.closure.Program():
		by = o.NeededBy.Path
	case by == "":
		by = o.NeededBy.Path // an image without a program
	}
	if why, ok := l.opened[o.Name]; ok && o.Opened == o.Name {
		if why.Of == "" {
			why.Of = l.program
		}
		return why
	}
	return Because{Why: plaintext.Sprintf("needed by %s (%s)", by, o.By), Of: by}
}
