package rootfs

import (
	"context"
	"fmt"
	"path"

	"github.com/fromscratch-go/fromscratch/rootfs/ldd"
)

// Closing is a program for [Closed] or for Spec.Executables.
type Closing struct {
	Closure *ldd.Closure
	File    string // the program's path on the host; "" if it is in the sysroot

	// For Spec.Executables: the file system that Closure was resolved in, and data of Spec.Sysroot that the
	// program or its libraries read.
	Sysroot ldd.FS
	Data    []Data
}

// Closed returns a root file system that has nothing but programs and the files that they load. Each file
// has the same path as in the sysroot, and the links that lead to it. Copied to a folder, it is all that
// the programs need to start there.
func Closed(ctx context.Context, sys ldd.FS, programs ...Closing) (*Tree, error) {
	t := &Tree{}
	var closures []*ldd.Closure
	for _, p := range programs {
		closures = append(closures, p.Closure)
		l := libraries{tree: t, sys: sys, closure: p.Closure, program: p.Closure.Program().Path}
		// Add all links before any file: then the paths are the same as in the sysroot.
		if err := l.addPath(p.Closure.Program()); err != nil {
			return nil, err
		}
		if err := l.addLinks(ctx); err != nil {
			return nil, err
		}
	}
	for _, p := range programs {
		l := libraries{tree: t, sys: sys, closure: p.Closure, program: p.Closure.Program().Path}
		if err := l.addProgram(p.File); err != nil {
			return nil, err
		}
		if err := l.addFiles(ctx); err != nil {
			return nil, err
		}
	}
	name, content, needed, err := ldd.LoaderConfigOf(closures...)
	if err != nil || !needed {
		return t, err
	}
	return t, t.Add(Entry{Path: path.Clean(name), Mode: 0o644, Reason: "tells the loader where the libraries are", Source: Bytes(content)})
}

// addProgram adds the program itself, from a file of the host or, if file is "", of the sysroot.
func (l libraries) addProgram(file string) error {
	o := l.closure.Program()
	source := SysrootFile(l.sys, o.Real)
	if file != "" {
		source = HostFile(file)
	}
	mode, err := l.mode(o, source)
	if err != nil {
		return fmt.Errorf("adding %q: %w", o.Real, withoutPath(err))
	}
	return l.tree.Add(Entry{Path: o.Real, Mode: mode, Layer: Program, Reason: "the program", Source: source})
}
