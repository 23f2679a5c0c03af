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

// Options say what is taken. The zero value takes all that is known to be opened.
type Options struct {
	// Groups are the names of groups to take; those that are known are listed by [Groups], and the
	// package rule adds some that are named like the package. nil takes all that is found, but for
	// what has to be asked for by name, "fonts". "auto" in the list stands for these, so that "auto"
	// and "fonts" take everything with a font. Empty and not nil takes none.
	Groups []string
	// Exclude are groups that are left out; words that name none mean nothing here.
	Exclude []string
	// Whole is the sysroot with what is hidden in the one that is looked at, by package exclude, so that
	// nobody is told to install that. nil is a sysroot that hides nothing.
	Whole ldd.FS
	// Linked says whether a Go function is linked into the program; nil when that is not known.
	Linked func(function string) bool
	// BuildInfo is the program's, nil for one that is not written in Go.
	BuildInfo *debug.BuildInfo
	// Packages are the sysroot's; nil reads them when they are needed.
	Packages *packages.DB
}

// OptionError is a mistake in the Options, which only the closure shows.
type OptionError struct{ Err error }

// Error says which option means nothing, and what does.
func (e *OptionError) Error() string { return e.Err.Error() }

// Unwrap returns the mistake itself.
func (e *OptionError) Unwrap() error { return e.Err }

// auto stands in Options.Groups for all groups that nobody has to ask for.
const auto = "auto"

// Discover returns what the libraries of a closure open while the program runs. A static program has no
// libraries, and only what is known about Go programs applies.
//
// Plugins have libraries too, and those may have plugins: see [Resolve].
func Discover(ctx context.Context, sys ldd.FS, c *ldd.Closure, o Options) (*Found, error) {
	d := newDiscovery(ctx, newRoots(sys, o), c, o)
	if err := d.take(); err != nil {
		return nil, err
	}
	if err := d.guess(); err != nil {
		return nil, err
	}
	return &d.found, nil
}

// newDiscovery returns a discovery that has found nothing yet.
func newDiscovery(ctx context.Context, r roots, c *ldd.Closure, o Options) *discovery {
	return &discovery{ctx: ctx, sys: r.whole, kept: r.kept, closure: c, Options: o, met: map[string]bool{}}
}

// roots are the sysroot with all that is in it, and what is not hidden of it.
type roots struct{ whole, kept *sysroot }

func newRoots(sys ldd.FS, o Options) roots {
	r := roots{kept: newSysroot(sys)}
	if r.whole = r.kept; o.Whole != nil {
		r.whole = newSysroot(o.Whole)
	}
	return r
}

// take finds all that is known to be opened.
func (d *discovery) take() error {
	return d.run(d.match, d.readImporters, d.applyRows, d.applyPackages, d.readNotes, d.readGo)
}

// guess adds what may be opened, and what can be said only when all that is taken is known.
func (d *discovery) guess() error { return d.run(d.readNames, d.checkGroups) }

// run goes through stages.
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

// discovery is a Discover at work. Its stages add to what is found, each in a file of its own.
type discovery struct {
	ctx     context.Context
	sys     *sysroot // all of it
	kept    *sysroot // what is not hidden
	closure *ldd.Closure
	Options
	matches   []match
	importers map[string][]*ldd.Object
	met       map[string]bool // groups of which there is a library
	found     Found
}

// match is a library with a row that is about it.
type match struct {
	*entry
	object *ldd.Object
	values map[string]string // of the names in the row's patterns
}

// libraries is the closure without the program and its loader, and without what newer CPUs load in the
// place of something else: its plugins are those of the other.
func (d *discovery) libraries() []*ldd.Object {
	var out []*ldd.Object
	for i, o := range d.closure.Objects {
		if i > 0 && o.Path != d.closure.Loader && o.Level == "" {
			out = append(out, o)
		}
	}
	return out
}

// match finds the rows that are about the closure's libraries.
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

// readImporters asks once for all symbols that rows want to know about. It is always for the same ones, so
// that no library is read again when a further round has further rows.
func (d *discovery) readImporters() (err error) {
	if !slices.ContainsFunc(d.matches, func(m match) bool { return len(m.imported) > 0 }) {
		return nil
	}
	var symbols []string
	for _, e := range registry {
		symbols = append(symbols, e.imported...)
	}
	slices.Sort(symbols)
	d.importers, err = d.closure.Importers(d.ctx, slices.Compact(symbols)...)
	return err
}

// wants says whether a group is taken.
func (d *discovery) wants(group string, asked bool) bool {
	d.met[group] = true
	if d.excludes(group) {
		return false
	}
	if slices.Contains(d.Groups, group) {
		return true
	}
	return !asked && (d.Groups == nil || slices.Contains(d.Groups, auto))
}

// takes says whether a group is taken of which there is something, and notes when it would be, but for
// its exclusion.
func (d *discovery) takes(group string) bool {
	if d.wants(group, false) {
		return true
	}
	if d.excludes(group) {
		d.found.exclude(group)
	}
	return false
}

// excludes says whether a group is left out by its name.
func (d *discovery) excludes(group string) bool { return slices.Contains(d.Exclude, group) }

// leftOut says whether a path that is there is hidden.
func (d *discovery) leftOut(name string) bool { return d.kept.follow(name) == "" }

// checkGroups refuses names that mean nothing, as a misspelled one does.
func (d *discovery) checkGroups() error {
	known := append(Groups(), auto)
	for _, g := range d.Groups {
		if !slices.Contains(known, g) && !d.met[g] {
			slices.Sort(known)
			return &OptionError{fmt.Errorf("group %q is not known\nfix: name one of %s, or a package of the closure's libraries", g, strings.Join(known, ", "))}
		}
	}
	return nil
}
