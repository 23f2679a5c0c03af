package plugins

import (
	"context"
	"fmt"
	"path"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/fromscratch-go/fromscratch/rootfs/ldd"
	"github.com/fromscratch-go/fromscratch/rootfs/packages"
)

// Options say what to include. The zero value includes everything that libraries are known to open.
type Options struct {
	// Groups are the names of groups to include. [Groups] lists the known ones; the package rule adds
	// groups named after packages. nil includes all groups. "auto" in the list stands for the same. A list
	// that is empty but not nil includes nothing.
	Groups []string
	// Exclude are groups to leave out. Unknown names have no effect.
	Exclude []string
	// Whole is the sysroot including the files that package exclude hides, so that no fix suggests to
	// install a hidden file. nil means that nothing is hidden.
	Whole ldd.FS
	// Linked reports whether a Go function is linked into the program; nil if that is unknown.
	Linked func(function string) bool
	// BuildInfo is the program's build information, nil if it is not a Go program.
	BuildInfo *debug.BuildInfo
	// Packages are the sysroot's packages; if nil, they are read when needed.
	Packages *packages.DB

	named named // found in the first round of Resolve
}

// OptionError is a mistake in the Options that is found only with the closure.
type OptionError struct{ Err error }

// Error names the wrong option and the valid values.
func (e *OptionError) Error() string { return e.Err.Error() }

// Unwrap returns the mistake itself.
func (e *OptionError) Unwrap() error { return e.Err }

// auto, in Options.Groups, stands for all groups.
const auto = "auto"

// Discover returns what the libraries of a closure open while the program runs. A static program has no
// libraries, so only the rules for Go programs apply to it.
//
// Plugins have libraries too, which may have plugins again: see [Resolve].
func Discover(ctx context.Context, sys ldd.FS, c *ldd.Closure, o Options) (*Found, error) {
	d := newDiscovery(ctx, newRoots(sys, o), c, o)
	if err := d.discover(); err != nil {
		return nil, err
	}
	if err := d.finish(); err != nil {
		return nil, err
	}
	return &d.found, nil
}

// newDiscovery returns a discovery that has found nothing yet.
func newDiscovery(ctx context.Context, r roots, c *ldd.Closure, o Options) *discovery {
	return &discovery{ctx: ctx, sys: r.whole, visible: r.visible, closure: c, Options: o, seenGroups: map[string]bool{}}
}

// roots are the whole sysroot, and the sysroot without hidden files.
type roots struct{ whole, visible *sysroot }

func newRoots(sys ldd.FS, o Options) roots {
	r := roots{visible: newSysroot(sys)}
	if r.whole = r.visible; o.Whole != nil {
		r.whole = newSysroot(o.Whole)
	}
	return r
}

// discover finds everything that libraries are known to open.
func (d *discovery) discover() error {
	return d.run(d.match, d.readImporters, d.takePaths, d.applyRows, d.applyPackages, d.readNotes, d.takeNamed, d.readGo)
}

// finish adds what libraries may open, and makes the checks that need the complete result.
func (d *discovery) finish() error { return d.run(d.readNames, d.checkGroups) }

// run runs stages in order.
func (d *discovery) run(stages ...func() error) error {
	for _, stage := range stages {
		if err := d.ctx.Err(); err != nil {
			return err
		}
		if err := stage(); err != nil {
			return fmt.Errorf("looking for plugins of %q: %w", d.closure.Program().Path, err)
		}
	}
	return nil
}

// discovery is the state of a Discover. Its stages add to found; most have a file of their own.
type discovery struct {
	ctx     context.Context
	sys     *sysroot // the whole sysroot
	visible *sysroot // the sysroot without hidden files
	closure *ldd.Closure
	Options
	matches    []match
	importers  map[string][]*ldd.Object
	seenGroups map[string]bool // groups that a library belongs to
	found      Found
}

// match is a library and a row about it.
type match struct {
	*entry
	object *ldd.Object
	values map[string]string // by the names in the row's patterns
}

// libraries returns the closure without the program and its loader. It also skips the variants for newer
// CPUs, because the plain library has the same plugins.
func (d *discovery) libraries() []*ldd.Object {
	var out []*ldd.Object
	for i, o := range d.closure.Objects {
		if i > 0 && o.Path != d.closure.Loader && o.Level == "" {
			out = append(out, o)
		}
	}
	return out
}

// match finds the rows for the closure's libraries.
func (d *discovery) match() error {
	for _, o := range d.libraries() {
		name := o.Soname
		if name == "" {
			name = path.Base(o.Path)
		}
		for i := range registry {
			e := &registry[i]
			if m := e.soname.FindStringSubmatch(name); m != nil {
				values := map[string]string{"lib": path.Dir(o.Real)}
				for j, text := range m[1:] {
					values[fmt.Sprint(j+1)] = text
				}
				d.matches = append(d.matches, match{e, o, values})
			}
		}
	}
	return nil
}

// readImporters asks once for all symbols in the conditions of rows. It always asks for the same symbols,
// so that no library is read again if a later round has more rows.
func (d *discovery) readImporters() (err error) {
	if !slices.ContainsFunc(d.matches, func(m match) bool { return len(m.imported) > 0 }) {
		return nil
	}
	var symbols []string
	for _, e := range registry {
		symbols = append(symbols, e.imported...)
		for _, w := range e.wrappers {
			symbols = append(symbols, w.symbols...)
		}
	}
	slices.Sort(symbols)
	d.importers, err = d.closure.Importers(d.ctx, slices.Compact(symbols)...)
	return err
}

// selected reports whether a group is included.
func (d *discovery) selected(group string) bool {
	d.seenGroups[group] = true
	if d.excludes(group) {
		return false
	}
	return d.Groups == nil || slices.Contains(d.Groups, group) || slices.Contains(d.Groups, auto)
}

// selectFound reports whether a group that was found is included. It records a group that is excluded.
func (d *discovery) selectFound(group string) bool {
	if d.selected(group) {
		return true
	}
	if d.excludes(group) {
		d.found.exclude(group)
	}
	return false
}

// excludes reports whether a group is excluded by name.
func (d *discovery) excludes(group string) bool { return slices.Contains(d.Exclude, group) }

// isHidden reports whether an existing path is hidden.
func (d *discovery) isHidden(name string) bool { return d.visible.follow(name) == "" }

// checkGroups returns an error for unknown group names, such as misspelled ones.
func (d *discovery) checkGroups() error {
	known := append(Groups(), auto)
	for _, g := range d.Groups {
		if !slices.Contains(known, g) && !d.seenGroups[g] {
			slices.Sort(known)
			return &OptionError{fmt.Errorf("group %q is not known\nfix: name one of %s, or a package of the closure's libraries", g, strings.Join(known, ", "))}
		}
	}
	return nil
}
