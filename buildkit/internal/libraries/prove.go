package libraries

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/fromscratch-go/fromscratch/rootfs"
	"github.com/fromscratch-go/fromscratch/rootfs/ldd"
	"github.com/fromscratch-go/fromscratch/rootfs/plaintext"
	"github.com/fromscratch-go/fromscratch/rootfs/plugins"
)

// Prove resolves the program once more, in the tree of the image and by the rules that hold there. A different result is an error: the
// program would not start, or would load other files. The same holds for what the program opens later, but a symbol that a plugin lacks
// is only a note, because perhaps nobody calls it. Prove also makes sure that the image's user may read what is loaded.
//
// The notes in kept hold for every build with the same libraries, those in passing only for this one. An error may
// come with notes.
func (f *Found) Prove(ctx context.Context, tree *rootfs.Tree) (kept, passing []string, err error) {
	p := f.query.Plan
	done := f.query.Report.Step(p.Label(), "verify", "resolving inside of the image")
	words := "every library and symbol version is found inside of the image"
	if f.Loader == "" && len(f.Set.Executables) == 0 {
		words = "a static program needs nothing"
	}
	if f.recalled != nil && f.Loader != "" {
		words = "the libraries are those that were verified before"
	} else {
		kept, err = f.proveLibraries(ctx, tree)
	}
	if err == nil && f.recalled == nil {
		var more []string
		more, err = f.proveExecutables(ctx, tree)
		kept = append(kept, more...)
	}
	if err == nil {
		err = f.proveAccess(tree)
		var links error
		passing, links = proveLinks(tree)
		passing = append(passing, scripts(tree)...)
		err = errors.Join(err, links)
	}
	done(words, err)
	if err != nil {
		return kept, passing, fmt.Errorf("verifying that %s starts in the image: %w", p.Program(), err)
	}
	return kept, passing, nil
}

func (f *Found) proveLibraries(ctx context.Context, tree *rootfs.Tree) (notes []string, err error) {
	p := f.program()
	p.Path, p.File, p.Memory = f.query.Plan.Program(), "", f.parsed.Elsewhere()
	if f.recalled == nil {
		p.Opens, p.Tries = append(slices.Clone(p.Opens), pluginsOf(f.closure, f.opened, true)...), pluginsOf(f.closure, f.opened, false)
	}
	env, err := Environment(f.query.Plan, f.query.Base)
	if err != nil {
		return nil, err
	}
	inside, err := ldd.Verify(ctx, tree, p, env)
	if err != nil {
		return nil, f.onBase(err)
	}
	if f.recalled != nil {
		return nil, nil // the program is static: there is nothing to compare
	}
	// Only the image shows some things, such as a symbol that a plugin lacks.
	for _, w := range inside.Warnings {
		if !slices.ContainsFunc(f.closure.Warnings, func(before string) bool { return f.inImage(before) == w }) {
			notes = append(notes, "warning: "+advised(w))
		}
	}
	return notes, ldd.Compare(ctx, f.closure, inside)
}

// advised adds what to do to a warning about a symbol that only a plugin lacks.
func advised(warning string) string {
	if !strings.HasPrefix(warning, "symbol ") || !strings.Contains(warning, " is defined nowhere") {
		return warning
	}
	return warning + "\nfix: nothing, if the program does not open that file, or if it works without; else add the library that defines the symbol to Libraries, or leave the file out by Exclude"
}

// pluginsOf returns the plugins in the image that a program does not work without, or the other ones.
func pluginsOf(c *ldd.Closure, opened *plugins.Found, required bool) []string {
	var names []string
	for _, p := range opened.Plugins {
		left := slices.ContainsFunc(c.Left, func(l ldd.Left) bool { return l.Name == p.Path })
		if p.Required == required && !left {
			names = append(names, p.Path)
		}
	}
	return names
}

// proveAccess makes sure that the image's user may read all that is loaded. A loader reports a library that it may not read as missing.
func (f *Found) proveAccess(tree *rootfs.Tree) error {
	user, err := f.query.Plan.Files.ImageUser()
	if err != nil {
		return err
	}
	errs := []error{tree.Executable(user, f.query.Plan.Program())}
	for _, path := range f.Loaded() {
		if path == f.Loader {
			errs = append(errs, tree.Executable(user, path))
		} else {
			errs = append(errs, tree.Readable(user, path))
		}
	}
	for _, x := range f.Set.Executables {
		if !f.isNamed(x.Path) {
			continue
		}
		errs = append(errs, tree.Executable(user, x.Loader))
		for _, path := range x.Loaded[min(1, len(x.Loaded)):] {
			errs = append(errs, tree.Readable(user, path))
		}
	}
	return errors.Join(errs...)
}

// proveLinks makes sure that every link has a target. For a link among the user's files it returns a note instead of an error, because
// its target may be mounted.
func proveLinks(tree *rootfs.Tree) (notes []string, err error) {
	var errs []error
	for _, e := range tree.Dangling() {
		text := plaintext.Sprintf("the link %s -> %s (%s) leads to nothing in the image", e.Path, e.Link, e.Reason)
		if e.Layer == rootfs.Files {
			notes = append(notes, "warning: "+text)
			continue
		}
		errs = append(errs, errors.New(text))
	}
	return notes, errors.Join(errs...)
}
