package ldd

import (
	debugelf "debug/elf"
	"fmt"
	"maps"
	"strings"

	"github.com/fromscratch-go/fromscratch/rootfs/ldd/elf"
)

// audit loads the audit libraries that the program names in DT_AUDIT and DT_DEPAUDIT, see rtld-audit(7)
// (load_auditors in glibc's elf/rtld.c, since 2.32; in an image for an older glibc they do no harm). Each has a
// namespace of its own, in which only the loader is loaded already. If the loader cannot load one, it prints a
// message and continues.
func (g *glibc) audit() error {
	for _, tag := range []debugelf.DynTag{debugelf.DT_AUDIT, debugelf.DT_DEPAUDIT} {
		for _, name := range strings.Split(g.main.dyn.Audit[tag], ":") {
			if name == "" {
				continue
			}
			if err := g.auditor(name, tag); err != nil {
				g.closure.Left = append(g.closure.Left, Left{name, err})
			}
			if err := g.stopped(); err != nil {
				return err
			}
		}
	}
	return nil
}

// auditor loads one audit library.
func (g *glibc) auditor(name string, tag debugelf.DynTag) error {
	q := g.fork()
	q.missing, q.undo, q.opening = nil, nil, name
	n := newGlibc(q, g.cpu, g.excluded)
	delete(q.names, g.main.Soname)
	// The loader asks for it and has no search path. The program's path is used, its RUNPATH like an RPATH.
	caller := &loaded{Object: q.main.Object, dyn: &elf.Dynamic{Rpath: g.main.dyn.Rpath}, origin: g.main.origin}
	if g.main.dyn.HasRunpath {
		caller.dyn.Rpath = g.main.dyn.Runpath
	}
	o, err := n.openFor(name, caller, fmt.Sprintf("%s of the program", strings.TrimPrefix(tag.String(), "DT_")))
	n.recordEntry(o)
	g.left = append(g.left, n.left...)
	if err == nil && len(q.missing) > 0 {
		err = &MissingError{g.main.Path, q.missing}
	}
	if err != nil {
		return err
	}
	for i, o := range q.objects {
		if same := g.closure.objectAt(o.Real); same != nil {
			same.addPath(o.Links, o.Dirs)
			continue
		}
		o.NeededBy = g.closure.objectAt(o.NeededBy.Real)
		g.add(q.objects[i])
	}
	maps.Copy(g.closure.entries, q.closure.entries)
	g.closure.lookups, g.closure.needsConf = q.closure.lookups, q.closure.needsConf
	g.closure.Optional, g.closure.Warnings = q.closure.Optional, q.closure.Warnings
	return nil
}
