package rootfs

import (
	"context"
	"fmt"
	"io/fs"
	"path"

	"github.com/fromscratch-go/fromscratch/rootfs/ldd"
)

// addLibraries adds the loader and every library at the path that the loader opened it by, with all
// links on the way. Nothing is moved or renamed: a library's folder is part of what $ORIGIN, plugin
// folders and the loader's rules mean.
func (a *assembly) addLibraries(ctx context.Context) error {
	if a.Closure == nil {
		return nil
	}
	objects := a.libraryObjects()
	// All links first: then the libraries' paths are what the tree makes of them, whatever the order.
	for _, o := range objects {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := a.addWay(o); err != nil {
			return err
		}
	}
	// Two objects can be one file, when it was asked for by two names that were no links of each other.
	added := map[string]bool{}
	for _, o := range objects {
		if added[o.Real] {
			continue
		}
		added[o.Real] = true
		if err := a.addLibrary(o); err != nil {
			return err
		}
	}
	return a.addLoaderConfig()
}

// libraryObjects is the closure without the program, which has a stage of its own.
func (a *assembly) libraryObjects() []*ldd.Object {
	if a.Closure == nil || len(a.Closure.Objects) == 0 {
		return nil
	}
	return a.Closure.Objects[1:]
}

// addWay adds the links that lead to an object, and the folders that its path enters only to leave
// them by "..": the kernel wants them to be there.
func (a *assembly) addWay(o *ldd.Object) error {
	for _, l := range o.Links {
		if err := a.addLink(l.Path, l.Target, "on the way to "+o.Path); err != nil {
			return err
		}
	}
	for _, dir := range o.Dirs {
		if e, ok := a.tree.Lookup(dir); dir == "/" || ok && e.Mode.IsDir() {
			continue
		}
		err := a.tree.Add(Entry{Path: dir, Mode: fs.ModeDir | 0o755, Reason: "on the way to " + o.Path})
		if err != nil {
			return err
		}
	}
	return nil
}

// addLibrary adds the file of an object where it is in the sysroot, owned by root.
func (a *assembly) addLibrary(o *ldd.Object) error {
	source := SysrootFile(a.Sysroot, o.Real)
	mode, err := a.libraryMode(o, source)
	if err != nil {
		return fmt.Errorf("adding %q (%s): %w", o.Real, a.neededBy(o), bare(err))
	}
	return a.tree.Add(Entry{Path: o.Real, Mode: mode, Reason: a.neededBy(o), Source: source})
}

// libraryMode takes no more from the sysroot than whether the file is executable. The kernel wants the
// loader to be, execve(2); libraries need only be readable.
func (a *assembly) libraryMode(o *ldd.Object, source Source) (fs.FileMode, error) {
	info, err := source.stat()
	if err != nil {
		return 0, err
	}
	if info.Mode()&0o111 != 0 || o.Path == a.Closure.Loader {
		return 0o755, nil
	}
	return 0o644, nil
}

// neededBy says why a library is in the image.
func (a *assembly) neededBy(o *ldd.Object) string {
	by := a.Program
	if o.NeededBy != nil {
		by = o.NeededBy.Path
	}
	return fmt.Sprintf("needed by %s (%s)", by, o.By)
}

// addLoaderConfig adds an index of the libraries for the image's loader, when some of them are in
// folders that it would not search by itself: an ld.so.cache for glibc, a path file for musl.
func (a *assembly) addLoaderConfig() error {
	name, content, needed := a.Closure.LoaderConfig()
	if !needed {
		return nil
	}
	return a.tree.Add(Entry{
		Path: path.Clean(name), Mode: 0o644,
		Reason: "tells the loader where the libraries are",
		Source: Bytes(content),
	})
}
