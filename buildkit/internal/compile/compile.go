// Package compile makes the program of an image and puts it in its place in dist/: the go command compiles it, or it is copied from
// where the Config says. It also runs the Config's After, and reads which functions are in the program.
package compile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/fsx"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/gobuild"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/plan"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/record"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/report"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/state"
	"github.com/fromscratch-go/fromscratch/rootfs/linked"
)

// Program is the compiled program.
type Program struct {
	gobuild.Binary
	Linked *linked.Program // which Go functions are in it; nil if it is not a Go program
	c      []linked.Need   // what its C code looks for
}

// BuildInfo returns what the go command has written into the program; nil if it is not a Go program.
func (p Program) BuildInfo() *debug.BuildInfo {
	if p.Linked != nil && p.Linked.Build() != nil {
		return p.Linked.Build()
	}
	return p.Info
}

// Needs returns what the program's functions look for in a file system, those of Go and those of C, at most one need of each kind. What
// Go needs comes first.
func (p Program) Needs() []linked.Need {
	var needs []linked.Need
	if p.Linked != nil {
		needs = p.Linked.Needs()
	}
	for _, n := range p.c {
		if !slices.ContainsFunc(needs, func(have linked.Need) bool { return have.Kind == n.Kind }) {
			needs = append(needs, n)
		}
	}
	return needs
}

// NeedOfC returns why the program's C code, and no Go function, needs files of a kind; "" if it does not.
func (p Program) NeedOfC(kind linked.Kind) (why string) {
	for _, n := range p.Needs() {
		if n.Kind == kind && slices.Contains(p.c, n) {
			return n.Why
		}
	}
	return ""
}

// Clear makes the place of the program ready for the go command, and returns the possible IDs in engines of the image that the last
// build made. The go command recognizes a program that is up to date by its build ID, so a program that something else has changed
// since is removed.
func Clear(p plan.Image) (before []string, err error) {
	path := p.Executable()
	if err := clearParents(p.Dist().Rootfs(), path); err != nil {
		return nil, fmt.Errorf("clearing the place of the program: %w", err)
	}
	if m, err := state.Read(p.Dist().Memory()); err == nil {
		before = m.IDs
		if slices.Contains(m.Outputs.Changed(&record.StatCache{}), path) {
			if fsx.Remove(path) != nil {
				err = fsx.RemoveAll(path)
			}
			if err != nil {
				return before, fmt.Errorf("clearing the place of the program: %w", err)
			}
		}
	}
	if err := clearPlace(path); err != nil {
		return before, fmt.Errorf("clearing the place of the program: %w", err)
	}
	return before, nil
}

// clearParents removes what is no folder between a folder and a path below it. An earlier build may have put a link of a sysroot or a
// base there, which leads anywhere on this machine: the program must not be written, nor anything be removed, behind it.
func clearParents(root, path string) error {
	rel, err := filepath.Rel(root, filepath.Dir(path))
	if err != nil || !filepath.IsLocal(rel) {
		return nil // the program has another place, not below root
	}
	for _, name := range strings.Split(rel, string(filepath.Separator)) {
		root = filepath.Join(root, name)
		info, err := os.Lstat(root)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return err
		case !info.IsDir():
			return os.Remove(root)
		}
	}
	return nil
}

// clearPlace removes everything but a file: the go command follows links and writes into folders.
func clearPlace(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && info.Mode().IsRegular() {
		return nil
	}
	if err == nil && info.IsDir() {
		return fsx.RemoveAll(path)
	}
	return errors.Join(err, os.Remove(path))
}

// One compiles or copies the program of an image into a place that [Clear] has made ready.
func One(ctx context.Context, p plan.Image, r report.Report) (gobuild.Binary, error) {
	if p.Binary != "" {
		return take(ctx, p, r)
	}
	done := r.Step(p.Label(), "compile", fmt.Sprintf("%s for %s", p.Main.ImportPath, p.Platform))
	b, err := p.Go.Build(ctx, p.Request())
	words := "no cgo"
	if p.Main.Cgo.Enabled {
		words = "cgo: " + p.Main.Cgo.Why
	}
	done(fmt.Sprintf("%s, %s", p.Platform, words), err)
	if err != nil {
		return gobuild.Binary{}, err
	}
	return *b, nil
}

// take copies a program that was built elsewhere to its place in dist/, where After may change it.
func take(ctx context.Context, p plan.Image, r report.Report) (gobuild.Binary, error) {
	done := r.Step(p.Label(), "take", p.Subject())
	err := copyFile(ctx, p.Binary, p.Executable())
	done(fmt.Sprintf("%s, %s", p.Platform, p.Subject()), err)
	if err != nil {
		return gobuild.Binary{}, fmt.Errorf("taking the program %q: %w", p.Binary, err)
	}
	return gobuild.Binary{Path: p.Executable()}, nil
}

// copyFile copies a file, whole or not at all, and executable.
func copyFile(ctx context.Context, from, to string) (err error) {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	return fsx.Create(to, 0o755, func(f *os.File) error {
		_, err := io.Copy(f, fsx.Reader(ctx, in))
		return err
	})
}

// All compiles or copies the programs of several images, in their order, with as few go commands as possible.
func All(ctx context.Context, plans []plan.Image, r report.Report) ([]gobuild.Binary, error) {
	all := make([]gobuild.Binary, len(plans))
	groups := map[string][]int{}
	var order []string
	for i, p := range plans {
		if p.Binary != "" {
			var err error
			if all[i], err = take(ctx, p, r); err != nil {
				return nil, fmt.Errorf("building image %q: %w", p.Name, err)
			}
			continue
		}
		key := compiler(p)
		if groups[key] == nil {
			order = append(order, key)
		}
		groups[key] = append(groups[key], i)
	}
	for _, key := range order {
		binaries, err := together(ctx, pick(plans, groups[key]), r)
		if err != nil {
			return nil, err
		}
		for i, b := range binaries {
			all[groups[key][i]] = *b
		}
	}
	return all, nil
}

// compiler returns a key that images share if one go command can compile them.
func compiler(p plan.Image) string {
	if p.Builder == nil {
		return "here"
	}
	return fmt.Sprintf("%p %d", p.Builder, p.Index)
}

func pick(plans []plan.Image, indexes []int) []plan.Image {
	var picked []plan.Image
	for _, i := range indexes {
		picked = append(picked, plans[i])
	}
	return picked
}

// together compiles programs with one go command, as far as their flags allow.
func together(ctx context.Context, plans []plan.Image, r report.Report) ([]*gobuild.Binary, error) {
	var requests []gobuild.Request
	var platforms []string
	for _, p := range plans {
		requests = append(requests, p.Request())
		if name := p.Platform.String(); !slices.Contains(platforms, name) {
			platforms = append(platforms, name)
		}
	}
	first := plans[0]
	done := r.Step(first.Name, "compile", fmt.Sprintf("%d programs", len(plans)))
	binaries, err := first.Go.BuildAll(ctx, string(first.Dist()), requests)
	words := "1 program"
	if len(plans) > 1 {
		words = fmt.Sprintf("%d programs", len(plans))
	}
	done(words+" for "+strings.Join(platforms, ", "), err)
	if err != nil {
		return nil, fmt.Errorf("building the images of %s: %w", filepath.Base(first.Root), err)
	}
	return binaries, nil
}

// After runs the Config's After, which may change the program.
func After(ctx context.Context, p plan.Image, b gobuild.Binary, r report.Report) (gobuild.Binary, error) {
	if p.Hooks.After == nil {
		return b, nil
	}
	done := r.Step(p.Label(), "after", "running After of "+p.Origin)
	err := p.Hooks.After(ctx, p.BuildInfo(b.Path))
	done("After of "+p.Origin, err)
	if err != nil {
		return b, fmt.Errorf("running After of %s: %w", p.Origin, err)
	}
	return b, nil
}

// Again compiles a program again, in silence, with all that belongs to it.
func Again(ctx context.Context, p plan.Image) (Program, error) {
	if _, err := Clear(p); err != nil {
		return Program{}, err
	}
	binary, err := One(ctx, p, nil)
	if err == nil {
		binary, err = After(ctx, p, binary, nil)
	}
	if err != nil {
		return Program{}, err
	}
	return Read(binary)
}

// Read reads which functions are in a program: they tell what it looks for in a file system.
func Read(b gobuild.Binary) (Program, error) {
	functions, err := linked.Read(b.Path)
	if err != nil && !errors.Is(err, linked.ErrNotGo) {
		return Program{}, fmt.Errorf("reading the functions of %q: %w", b.Path, err)
	}
	return Program{Binary: b, Linked: functions, c: cNeeds(b.Path)}, nil
}
