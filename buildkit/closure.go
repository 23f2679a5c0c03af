package buildkit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/libraries"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/plan"
	"github.com/fromscratch-go/fromscratch/rootfs"
	"github.com/fromscratch-go/fromscratch/rootfs/ldd"
	"github.com/fromscratch-go/fromscratch/rootfs/plaintext"
	"github.com/fromscratch-go/fromscratch/rootfs/plugins"
)

// sysroot is where the libraries of the program are: in the Config's folder, else
// where those of its C compiler are, else on this machine, or in the builder.
func (b *Built) sysroot() string {
	return cmp.Or(b.Plan.Libraries.Sysroot, b.Binary.Compiler.Sysroot, "/")
}

// where names the sysroot for people.
func (b *Built) where() string {
	switch p := b.Plan; {
	case p.Builder == nil:
		return b.sysroot()
	case b.sysroot() == "/":
		return p.Builder.Ref
	default:
		return p.Builder.Ref + " " + b.sysroot()
	}
}

// findLibraries finds out what the program loads, at its start and later, or takes over
// what the last build has found out.
func (b *Built) findLibraries(ctx context.Context) (err error) {
	if b.Plan.BaseErr != nil {
		return b.Plan.BaseErr
	}
	if b.base, err = rootfs.Assemble(ctx, b.baseSpec()); err != nil {
		return err
	}
	if err := b.fitBase(); err != nil {
		return err
	}
	done := b.report.Step(b.Plan.Label(), "libraries", "resolving in "+b.where())
	if b.recalled = b.recallSystem(); b.recalled {
		done(b.system.Words+", as before", nil)
		b.Candidates = b.system.Candidates
		for _, n := range b.system.Notes {
			b.note("libraries", n)
		}
		return nil
	}
	err = b.resolve(ctx)
	done(b.closureWords(), err)
	if err != nil {
		return err
	}
	b.system = b.newSystem()
	b.tellLibraries()
	return b.guess(ctx)
}

// newSystem is what there is to say about the closure.
func (b *Built) newSystem() *system {
	s := &system{Loader: b.Closure.Loader, Words: b.closureWords()}
	for _, o := range b.Closure.Objects[1:] {
		s.Loaded = append(s.Loaded, o.Path)
	}
	for _, o := range b.Closure.Objects {
		s.Objects = append(s.Objects, libraries.Object{
			Name: o.Name, Path: b.inImage(o.Path), Real: b.inImage(o.Real), By: b.inImage(o.By), Opened: o.Opened,
			NeededBy: slices.Index(b.Closure.Objects, o.NeededBy),
		})
	}
	for _, p := range b.found.Plugins {
		s.Opened = append(s.Opened, libraries.Opened{Path: p.Path, Group: p.Group, Of: b.inImage(p.Of), Why: b.inImage(p.Why)})
	}
	for _, f := range b.found.Files {
		s.Opened = append(s.Opened, libraries.Opened{Path: f.Path, Group: f.Group, Of: b.inImage(f.Of), Why: b.inImage(f.Why), Data: true})
	}
	return s
}

// resolve computes what is loaded at the start, what that opens while the program
// runs, what this opens in turn, and so on.
func (b *Built) resolve(ctx context.Context) (err error) {
	env, err := b.environment()
	if err != nil {
		return err
	}
	p := b.program()
	p.Memory = &b.parsed
	b.Closure, b.found, err = plugins.Resolve(ctx, b.kept(), p, env, b.pluginOptions())
	if b.seeIndex(err) {
		p.Memory = b.parsed.Elsewhere()
		b.Closure, b.found, err = plugins.Resolve(ctx, b.kept(), p, env, b.pluginOptions())
	}
	var option *plugins.OptionError
	if errors.As(err, &option) {
		return &ConfigError{Err: fmt.Errorf("reading Plugins and Exclude of the Config (%s): %w", b.Plan.Origin, option)}
	}
	if err != nil {
		return b.blameForStart(ctx, err)
	}
	if err := b.canOpen(); err != nil {
		return err
	}
	return b.blameForPlugins(ctx)
}

// program is the compiled program with the libraries that its user names.
func (b *Built) program() ldd.Program {
	l := b.Plan.Libraries
	return ldd.Program{Path: filepath.ToSlash(b.Binary.Path), File: b.Binary.Path, Opens: l.Names, Variants: l.CPUVariants}
}

// canOpen refuses libraries for a program that has no loader to open them.
func (b *Built) canOpen() error {
	p := b.Plan
	if b.Closure.Flavour != ldd.Static || len(p.Libraries.Names) == 0 {
		return nil
	}
	return &ConfigError{Err: fmt.Errorf("the Config (%s) has the library %q, and the program is static: it cannot open any\nfix: set Cgo to \"on\", or leave Libraries out", p.Origin, p.Libraries.Names[0])}
}

// pluginOptions are the words of the Config in those of the room for plugins.
func (b *Built) pluginOptions() plugins.Options {
	c := b.Plan.Libraries
	o := plugins.Options{Exclude: c.Exclude, Groups: c.Plugins, Whole: b.sys()}
	if slices.Equal(c.Plugins, []string{plan.PluginsNone}) {
		o.Groups = []string{}
	}
	if b.linked != nil {
		o.Linked, o.BuildInfo = b.hasFunction, b.linked.Build()
	}
	return o
}

func (b *Built) closureWords() string {
	c := b.Closure
	if c == nil || c.Flavour == ldd.Static {
		return "none: the program is static"
	}
	words := fmt.Sprintf("%d files of %s, loader %s", len(c.Objects)-1, b.librariesFrom(), c.Loader)
	if b.found == nil {
		return words
	}
	if n := len(b.found.Plugins) - len(c.Left); n > 0 {
		words += fmt.Sprintf(", with %d plugins", n)
	}
	return words
}

// environment is what the loader sees in the image. The build machine's own
// LD_LIBRARY_PATH, LD_PRELOAD and /etc/ld.so.preload do not count: they would not
// hold in the image. That of the user's files or of the base does.
func (b *Built) environment() (ldd.Env, error) {
	file, err := ldd.ReadPreload(b.base)
	return ldd.Env{
		LibraryPath: b.Plan.Env("LD_LIBRARY_PATH"), Preload: b.Plan.Env("LD_PRELOAD"), PreloadFile: file, Workdir: b.Plan.Config.Workdir,
	}, err
}

// tellLibraries says what is not in the image, and what is there only perhaps for
// nothing.
func (b *Built) tellLibraries() {
	before := len(b.notes)
	defer func() { b.system.Notes = slices.Clone(b.notes[before:]) }()
	for _, o := range b.Closure.Optional {
		if _, ours := b.base.Lookup(o.Soname); ours && path.IsAbs(o.Soname) {
			continue // preloaded from the user's files, as the image will show
		}
		b.note("libraries", "warning: "+o.Error())
	}
	for _, w := range b.Closure.Warnings {
		b.note("libraries", "warning: "+w)
	}
	for _, l := range b.Closure.Left {
		b.note("libraries", plaintext.Sprintf("warning: the plugin %s is left out: %s", l.Name, l.Err))
	}
	for _, m := range b.found.Missing {
		b.note("libraries", plaintext.Sprintf("warning: %s is missing: %s\nfix: %s", m.Path, m.Why, m.Fix))
	}
	for _, r := range b.found.Refused {
		b.note("libraries", plaintext.Sprintf("warning: %s cannot work in the image: %s\nfix: %s", r.Name, r.Why, r.Fix))
	}
	b.tellGroups()
	for _, c := range b.found.Candidates {
		b.Candidates = append(b.Candidates, Candidate{Name: c.Name, Path: c.Path, Of: b.inImage(c.Of), Why: b.inImage(c.Why)})
	}
}

// inImage names the program as it is in the image, not where it was compiled to.
func (b *Built) inImage(text string) string {
	return strings.ReplaceAll(text, filepath.ToSlash(b.Binary.Path), b.Plan.Program())
}

// tellGroups says which groups were asked for by name and have nothing here.
func (b *Built) tellGroups() {
	groups := b.groups()
	for _, name := range b.Plan.Libraries.Plugins {
		has := slices.ContainsFunc(groups, func(g group) bool { return g.name == name })
		if !has && name != plan.PluginsAuto && name != plan.PluginsNone {
			b.note("libraries", fmt.Sprintf("warning: the group %q of Plugins (%s) adds nothing: none of the program's libraries opens any of it, or the sysroot has none", name, b.Plan.Origin))
		}
	}
}

// prove resolves the program once more, now inside of the tree and by the rules
// that hold there, and compares: what is not the same would not start, or start
// as another program. What the program opens later is held to the same; a symbol
// that a plugin lacks is a warning, since nobody may call it.
func (b *Built) prove(ctx context.Context) (err error) {
	done := b.report.Step(b.Plan.Label(), "verify", "resolving inside of the image")
	words := "every library and symbol version is found inside of the image"
	if b.system.Loader == "" {
		words = "a static program needs nothing"
	}
	if b.recalled && b.system.Loader != "" {
		words = "the libraries are those that were verified before"
	} else {
		err = b.proveLibraries(ctx)
	}
	if err == nil {
		err = b.proveAccess()
	}
	done(words, err)
	if err != nil {
		return fmt.Errorf("verifying that %s starts in the image: %w", b.Plan.Program(), err)
	}
	return nil
}

func (b *Built) proveLibraries(ctx context.Context) error {
	p := b.program()
	p.Path, p.File, p.Memory = b.Plan.Program(), "", b.parsed.Elsewhere()
	if !b.recalled {
		p.Opens, p.Tries = append(slices.Clone(p.Opens), b.opened(true)...), b.opened(false)
	}
	env, err := b.environment()
	if err != nil {
		return err
	}
	inside, err := ldd.Verify(ctx, b.Tree, p, env)
	if err != nil {
		return b.onBase(err)
	}
	if b.recalled {
		return nil // static: there is nothing to compare
	}
	b.tellInside(inside.Warnings)
	return ldd.Compare(ctx, b.Closure, inside)
}

// tellInside says what only the image shows, such as a symbol that a plugin lacks.
func (b *Built) tellInside(warnings []string) {
	for _, w := range warnings {
		known := slices.ContainsFunc(b.Closure.Warnings, func(before string) bool { return b.inImage(before) == w })
		if !known {
			b.note("verify", "warning: "+w)
			b.system.Notes = append(b.system.Notes, "warning: "+w)
		}
	}
}

// opened are the plugins that the image has: those that it needs, or the others.
func (b *Built) opened(required bool) []string {
	var names []string
	for _, p := range b.found.Plugins {
		left := slices.ContainsFunc(b.Closure.Left, func(l ldd.Left) bool { return l.Name == p.Path })
		if p.Required == required && !left {
			names = append(names, p.Path)
		}
	}
	return names
}

// proveAccess makes sure that the image's user may read all that is loaded, and
// that no link of the system's leads to nothing. The loaders call a library
// missing that they may not read.
func (b *Built) proveAccess() error {
	user, err := b.Plan.Files.ImageUser()
	if err != nil {
		return err
	}
	errs := []error{b.Tree.Executable(user, b.Plan.Program())}
	for _, path := range b.system.Loaded {
		if path == b.system.Loader {
			errs = append(errs, b.Tree.Executable(user, path))
		} else {
			errs = append(errs, b.Tree.Readable(user, path))
		}
	}
	return errors.Join(append(errs, b.proveLinks())...)
}
