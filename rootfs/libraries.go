package rootfs

import (
	"context"
	"fmt"
	"io/fs"
	"path"

	"github.com/fromscratch-go/fromscratch/rootfs/ldd"
	"github.com/fromscratch-go/fromscratch/rootfs/plaintext"
)

// addLibraries adds the loader and every library at the path that the loader opened it by, with all
// links on the way. Nothing is moved or renamed: a library's folder is part of what $ORIGIN, plugin
// folders and the loader's rules mean.
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
	return a.addLoaderConfig(a.Closure.LoaderConfig())
}

// libraryObjects is the closure without the program, which has a stage of its own.
func (a *assembly) libraryObjects() []*ldd.Object {
	if a.Closure == nil || len(a.Closure.Objects) == 0 {
		return nil
	}
	return a.Closure.Objects[1:]
}

// addLoaderConfig adds an index of the libraries for the image's loader, when some of them are in
// folders that it would not search by itself: an ld.so.cache for glibc, a path file for musl.
func (a *assembly) addLoaderConfig(name string, content []byte, needed bool) error {
	// Where the base's own was seen, the libraries were found through it.
	if !needed || a.baseHas(path.Clean(name)) && !hides(a.Sysroot, path.Clean(name)) {
		return nil
	}
	return a.tree.Add(Entry{
		Path: path.Clean(name), Mode: 0o644,
		Reason: "tells the loader where the libraries are", For: a.Closure.Loader,
		Source: Bytes(content),
	})
}

// libraries are those of one closure on their way into a tree.
type libraries struct {
	tree    *Tree
	sys     ldd.FS
	closure *ldd.Closure
	program string // path in the image
	opened  map[string]Because
}

// objects is the closure without the program.
func (l libraries) objects() []*ldd.Object { return l.closure.Objects[1:] }

// addLinks adds all links. They come first: then the libraries' paths are what the tree makes of them,
// whatever the order.
func (l libraries) addLinks(ctx context.Context) error {
	for _, o := range l.objects() {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := l.addWay(o); err != nil {
			return err
		}
	}
	return nil
}

// addFiles adds the files of the objects. Two objects can be one file, when it was asked for by two names
// that were no links of each other.
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

// addWay adds the links that lead to an object, and the folders that its path enters only to leave
// them by "..": the kernel wants them to be there.
func (l libraries) addWay(o *ldd.Object) error {
	reason := "on the way to " + o.Path
	for _, link := range o.Links {
		err := l.tree.Add(Entry{Path: link.Path, Mode: fs.ModeSymlink, Link: link.Target, Reason: reason, For: o.Real})
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

// addFile adds the file of an object where it is in the sysroot, owned by root.
func (l libraries) addFile(o *ldd.Object) error {
	source := SysrootFile(l.sys, o.Real)
	why := l.because(o)
	mode, err := l.mode(o, source)
	if err != nil {
		return fmt.Errorf("adding %q (%s): %w", o.Real, why.Why, bare(err))
	}
	return l.tree.Add(Entry{Path: o.Real, Mode: mode, Reason: why.Why, For: why.Of, Source: source})
}

// mode takes no more from the sysroot than whether the file is executable. The kernel wants the loader to
// be, execve(2); libraries need only be readable.
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

// because says why a library is in the image: somebody opens it while the program runs, or a file that is
// loaded names it.
func (l libraries) because(o *ldd.Object) Because {
	by := l.program
	switch {
	case o.NeededBy == nil:
	case o.NeededBy != l.closure.Program():
		by = o.NeededBy.Path
	case by == "":
		by = o.NeededBy.Path // an image without the program
	}
	if why, ok := l.opened[o.Name]; ok && o.Opened == o.Name {
		if why.Of == "" {
			why.Of = l.program
		}
		return why
	}
	return Because{Why: plaintext.Sprintf("needed by %s (%s)", by, o.By), Of: by}
}
