package libraries

import (
	"context"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/compile"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/plan"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/record"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/report"
	"github.com/fromscratch-go/fromscratch/rootfs"
	"github.com/fromscratch-go/fromscratch/rootfs/ldd"
	"github.com/fromscratch-go/fromscratch/rootfs/packages"
	"github.com/fromscratch-go/fromscratch/rootfs/plaintext"
	"github.com/fromscratch-go/fromscratch/rootfs/plugins"
)

// Query asks which libraries a program needs in an image.
type Query struct {
	Plan    plan.Image
	Program compile.Program
	Base    *rootfs.Tree  // what is in the image except the program and its libraries
	Earlier *Kept         // the answer for the last build, if the sysroot is unchanged since; nil for none
	Parsed  *ldd.Memory   // ELF files that were read before
	Report  report.Report // receives notes and steps
}

// Found is a [Set], with what is needed to put it into a tree and to prove it there.
type Found struct {
	Set
	query    Query
	source   *source
	reads    *record.Set
	asked    map[string]bool // Go functions that were asked for, and whether they are linked
	key      string          // of what is kept; "" keeps nothing
	recalled *Kept           // the answer of the last build, if it was taken; nil if the answer was computed

	closure *ldd.Closure   // of a computed answer
	opened  *plugins.Found // likewise
	parsed  *ldd.Memory

	executables []*executable // likewise, of Set.Executables
}

// Find finds out what a program loads at its start, what these libraries open while the program runs, what those load, and so on. If
// nothing has changed that the answer depends on, it takes the answer of the last build. Notes are in the Set, and are not reported.
//
// It fails with a [report.ConfigError] for a mistake in the Config, and with an [ldd.MissingError] for a missing library.
func Find(ctx context.Context, q Query) (*Found, error) {
	if err := fitBase(q.Plan, q.Program.Path, q.Base); err != nil {
		return nil, err
	}
	f := &Found{query: q, reads: &record.Set{}, asked: map[string]bool{}, parsed: q.Parsed}
	if f.parsed == nil {
		f.parsed = &ldd.Memory{}
	}
	f.Sysroot = Sysroot(q.Plan, q.Program)
	f.source = newSource(q.Plan, f.Sysroot, f.reads)
	done := q.Report.Step(q.Plan.Label(), "libraries", "resolving in "+f.source.String())
	if f.recall() {
		done(f.Words+", as before", nil)
		return f, nil
	}
	err := f.resolve(ctx)
	if err == nil {
		err = f.findExecutables(ctx)
	}
	if err == nil {
		f.Words = f.words()
	}
	done(f.Words, err)
	if err != nil {
		return nil, err
	}
	f.Loader, f.Objects, f.Opened = f.closure.Loader, f.objects(), f.whatIsOpened()
	f.tell()
	if f.Candidates, err = f.candidates(ctx); err != nil {
		return nil, err
	}
	f.tellNamed()
	f.tellFonts()
	f.tellCharsets()
	return f, nil
}

// resolve computes the answer.
func (f *Found) resolve(ctx context.Context) (err error) {
	env, err := Environment(f.query.Plan, f.query.Base)
	if err != nil {
		return err
	}
	p := f.program()
	p.Memory = f.parsed
	f.closure, f.opened, err = plugins.Resolve(ctx, f.source.kept(), p, env, f.pluginOptions())
	if f.seeIndex(err) {
		p.Memory = f.parsed.Elsewhere()
		f.closure, f.opened, err = plugins.Resolve(ctx, f.source.kept(), p, env, f.pluginOptions())
	}
	var option *plugins.OptionError
	if errors.As(err, &option) {
		return &report.ConfigError{Err: fmt.Errorf("reading Plugins and Exclude of the Config (%s): %w", f.query.Plan.Origin, option)}
	}
	if err != nil {
		return f.blameForStart(ctx, err)
	}
	if err := f.canOpen(); err != nil {
		return err
	}
	return f.blameForPlugins(ctx)
}

// program returns the compiled program with the libraries that the Config names.
func (f *Found) program() ldd.Program {
	l, file := f.query.Plan.Libraries, f.query.Program.Path
	return ldd.Program{
		Path: filepath.ToSlash(file), File: file, Opens: l.Names, Variants: l.CPUVariants,
		Secure: f.query.Plan.Secure(f.query.Plan.Files.Capabilities),
	}
}

// canOpen refuses libraries for a program without a loader to open them.
func (f *Found) canOpen() error {
	p := f.query.Plan
	if f.closure.Flavour != ldd.Static || len(p.Libraries.Names) == 0 {
		return nil
	}
	return &report.ConfigError{Err: fmt.Errorf("the Config (%s) has the library %q, and the program is static: it cannot open any\nfix: set Build.Cgo to \"on\", or leave Libraries out", p.Origin, p.Libraries.Names[0])}
}

// pluginOptions returns what the Config says about plugins.
func (f *Found) pluginOptions() plugins.Options {
	c := f.query.Plan.Libraries
	o := plugins.Options{Exclude: c.Exclude, Groups: c.Plugins, Whole: f.source.whole()}
	if f.hasFonts() && !slices.Contains(c.Plugins, plugins.GroupFonts) {
		o.Exclude = append(slices.Clone(o.Exclude), plugins.GroupFonts)
	}
	if slices.Equal(c.Plugins, []string{plan.PluginsNone}) {
		o.Groups = []string{}
	}
	if f.query.Program.Linked != nil {
		o.Linked, o.BuildInfo = f.has, f.query.Program.Linked.Build()
	}
	return o
}

// fontFolders are the folders where fontconfig looks for fonts, see fonts-conf(5).
var fontFolders = []string{"/usr/share/fonts/", "/usr/local/share/fonts/"}

// hasFonts reports whether the user's files have fonts.
func (f *Found) hasFonts() bool {
	return slices.ContainsFunc(f.query.Base.Entries(), func(e rootfs.Entry) bool {
		below := func(folder string) bool { return strings.HasPrefix(e.Path, folder) }
		return e.Layer == rootfs.Files && !e.Mode.IsDir() && slices.ContainsFunc(fontFolders, below)
	})
}

// has reports whether a Go function is linked into the program, and notes the answer.
func (f *Found) has(function string) bool {
	f.asked[function] = f.query.Program.Linked.Has(function)
	return f.asked[function]
}

// words describes the closure for people.
func (f *Found) words() string {
	c := f.closure
	if c.Flavour == ldd.Static {
		return "none: the program is static" + f.executableWords()
	}
	words := fmt.Sprintf("%d files of %s, loader %s", len(c.Objects)-1, f.source.words(c.Objects[1:]), c.Loader)
	if n := len(f.opened.Plugins) - len(c.Left); n > 0 {
		words += fmt.Sprintf(", with %d plugins", n)
	}
	return words + f.executableWords()
}

// executableWords counts the programs among the user's files for people.
func (f *Found) executableWords() string {
	if len(f.executables) == 0 {
		return ""
	}
	files := map[string]bool{}
	for _, x := range f.executables {
		for _, o := range x.closure.Objects[1:] {
			files[o.Real] = true
		}
	}
	return fmt.Sprintf("; %d files for %d executables of Files", len(files), len(f.executables))
}

// objects returns the files of the closure.
func (f *Found) objects() []Object {
	var list []Object
	for _, o := range f.closure.Objects {
		list = append(list, Object{
			Name: o.Name, Path: f.inImage(o.Path), Real: f.inImage(o.Real), By: f.inImage(o.By), Opened: o.Opened,
			NeededBy: slices.Index(f.closure.Objects, o.NeededBy),
		})
	}
	list[0].Real = list[0].Path // the folder that it was compiled to may have links in it
	return list
}

// whatIsOpened returns the plugins and data.
func (f *Found) whatIsOpened() []Opened {
	var list []Opened
	for _, p := range f.programs() {
		list = f.openedIn(list, p.opened)
	}
	return list
}

// openedIn appends the plugins and data that a list does not have.
func (f *Found) openedIn(list []Opened, found *plugins.Found) []Opened {
	add := func(o Opened) {
		if !slices.ContainsFunc(list, func(has Opened) bool { return has.Path == o.Path }) {
			list = append(list, o)
		}
	}
	for _, p := range found.Plugins {
		add(Opened{Path: p.Path, Group: p.Group, Of: f.inImage(p.Of), Why: f.inImage(p.Why)})
	}
	for _, d := range found.Files {
		add(Opened{Path: d.Path, Group: d.Group, Of: f.inImage(d.Of), Why: f.inImage(d.Why), Data: true})
	}
	return list
}

// inImage replaces the path that the program was compiled to by its path in the image.
func (f *Found) inImage(text string) string {
	return strings.ReplaceAll(text, filepath.ToSlash(f.query.Program.Path), f.query.Plan.Program())
}

// tell adds notes about what is not in the image, and about what is there and may be useless.
func (f *Found) tell() {
	for _, p := range f.programs() {
		f.tellOf(p.closure, p.opened)
	}
	for _, name := range f.query.Plan.Libraries.Plugins {
		has := slices.ContainsFunc(f.Set.Opened, func(o Opened) bool { return o.Group == name })
		if !has && name != plan.PluginsAuto && name != plan.PluginsNone {
			f.warn(fmt.Sprintf("the group %q of Plugins (%s) adds nothing: none of the program's libraries opens any of it, or the sysroot has none",
				name, f.query.Plan.Origin))
		}
	}
}

// tellNamed adds a note for each file that is there because a program names it, and for the libraries.
func (f *Found) tellNamed() {
	for _, p := range f.programs() {
		for _, d := range p.opened.Files {
			if size := f.size(d.Path); d.Group == plugins.GroupNamed && size > 0 {
				f.note(plaintext.Sprintf("%s is added, %s: %s; Exclude leaves it out", d.Path, report.Size(size), f.inImage(d.Why)))
			}
		}
		var names []string
		files, size := 0, int64(0)
		for _, l := range p.opened.Plugins {
			if n, s := f.sizeOf(p.closure, l.Path); l.Group == plugins.GroupNamed && n > 0 {
				names, files, size = append(names, l.Path), files+n, size+s
			}
		}
		what := report.Size(size)
		if more := files - len(names); more > 0 {
			what += fmt.Sprintf(" with %d more that are needed", more)
		}
		by := f.inImage(p.closure.Program().Path)
		switch len(names) {
		case 0:
		case 1:
			f.note(plaintext.Sprintf("%s is added, %s: %s names it and opens libraries; Exclude leaves it out", names[0], what, by))
		default:
			slices.Sort(names)
			f.note(plaintext.Sprintf("%d libraries are added, %s: %s opens libraries and names %s; Exclude leaves single ones out",
				len(names), what, by, strings.Join(names, ", ")))
		}
	}
}

// sizeOf returns the number and the size of the files that come from the sysroot for a library that is opened: itself, and what it needs.
func (f *Found) sizeOf(c *ldd.Closure, name string) (files int, size int64) {
	for _, o := range c.Objects {
		if o.Opened != name {
			continue // the program's own file is none of the sysroot
		}
		if n := f.size(o.Real); n > 0 {
			files, size = files+1, size+n
		}
	}
	return files, size
}

// tellFonts adds a note for a font that is there because a library draws text.
func (f *Found) tellFonts() {
	for _, d := range f.Set.Opened {
		if d.Group != plugins.GroupFonts || slices.Contains(f.query.Plan.Libraries.Plugins, d.Group) || f.size(d.Path) == 0 {
			continue
		}
		f.Notes = append(f.Notes, plaintext.Sprintf("the font %s is added, %s, for text that %s draws; the group %q of Exclude leaves it out, and fonts among the files replace it",
			d.Path, report.Size(f.size(d.Path)), d.Of, d.Group))
	}
}

// tellCharsets adds a note about the size of the C library's character sets: all are there, because names of character sets may come
// from anywhere.
func (f *Found) tellCharsets() {
	n, size, why := 0, int64(0), ""
	for _, p := range f.Set.Opened {
		if s := f.size(p.Path); p.Group == plugins.GroupGconv && !p.Data && s > 0 {
			n, size, why = n+1, size+s, p.Why
		}
	}
	if n > 0 {
		f.Notes = append(f.Notes, plaintext.Sprintf("character sets: %d files, %s, for any that iconv_open is asked for, a %s; the group %q of Exclude leaves them out, UTF-8 and ASCII stay",
			n, report.Size(size), why, plugins.GroupGconv))
	}
}

// size returns the size in bytes of a file that comes from the sysroot, 0 if the base of the image has it.
func (f *Found) size(name string) int64 {
	sys := f.source.kept()
	real, _, err := ldd.Follow(sys, name)
	if err != nil {
		return 0
	}
	if b := f.query.Plan.Base; b != nil {
		if _, err := b.FS.Lstat(strings.TrimPrefix(real, "/")); err == nil {
			return 0
		}
	}
	info, err := sys.Lstat(strings.TrimPrefix(real, "/"))
	if err != nil {
		return 0
	}
	return info.Size()
}

// tellOf adds the notes about one program.
func (f *Found) tellOf(c *ldd.Closure, opened *plugins.Found) {
	for _, o := range c.Optional {
		if _, ours := f.query.Base.Lookup(o.Soname); ours && path.IsAbs(o.Soname) {
			continue // preloaded from the user's files; the proof in the image will tell
		}
		f.warn(o.Error())
	}
	for _, w := range c.Warnings {
		f.warn(w)
	}
	for _, l := range c.Left {
		f.warn(plaintext.Sprintf("the plugin %s is left out: %s", l.Name, l.Err))
	}
	for _, m := range opened.Missing {
		f.warn(plaintext.Sprintf("%s is missing: %s\nfix: %s", m.Path, m.Why, m.Fix))
	}
	for _, r := range opened.Refused {
		f.warn(plaintext.Sprintf("%s cannot work in the image: %s\nfix: %s", r.Name, r.Why, r.Fix))
	}
}

// warn adds a warning.
func (f *Found) warn(text string) { f.note("warning: " + text) }

// note adds a note, once: two programs may lack, or bring, the same.
func (f *Found) note(text string) {
	if !slices.Contains(f.Notes, text) {
		f.Notes = append(f.Notes, text)
	}
}

// Fill adds the libraries, and what is opened while the program runs, to a spec of the tree. The function that it returns gives
// notes about data that the assembled tree has left out.
func (f *Found) Fill(spec *rootfs.Spec) (leftOut func() []string) {
	spec.Sysroot = f.source.kept()
	if f.recalled != nil {
		spec.Known = f.recalled.entries(f.source.whole(), f.source.overFiles(f.query.Base, f.source.whole()))
		return func() []string { return nil }
	}
	spec.Closure, spec.Opened = f.closure, map[string]rootfs.Because{}
	for _, p := range f.opened.Plugins {
		spec.Opened[p.Path] = rootfs.Because{Why: f.inImage(p.Why), Of: f.inImage(p.Of)}
	}
	for _, x := range f.executables {
		spec.Executables = append(spec.Executables, f.closing(x))
		for _, p := range x.opened.Plugins {
			if _, ok := spec.Opened[p.Path]; !ok {
				spec.Opened[p.Path] = rootfs.Because{Why: p.Why, Of: p.Of}
			}
		}
	}
	for _, l := range f.query.Plan.Libraries.Names {
		spec.Opened[l] = rootfs.Because{Why: "configured at " + f.query.Plan.Origin}
	}
	for _, d := range f.opened.Files {
		spec.Data = append(spec.Data, rootfs.Data{Path: d.Path, Because: rootfs.Because{Why: f.inImage(d.Why), Of: f.inImage(d.Of)}, Within: d.Within})
	}
	var notes []string
	spec.LeftOut = func(text string) {
		if text = "warning: " + f.inImage(text); !slices.Contains(notes, text) {
			notes = append(notes, text)
		}
	}
	return func() []string { return notes }
}

// Packages returns the packages of the sysroot if they were read: nobody has to read them again. It is nil if they were not, and on a
// base, whose files hide those of the sysroot.
func (f *Found) Packages() *packages.DB {
	if f.opened == nil || f.query.Plan.Base != nil {
		return nil
	}
	return f.opened.Packages
}

// Whole returns the file system that the libraries are from: the base, and the sysroot for what the base lacks.
func (f *Found) Whole() ldd.FS { return f.source.whole() }

// Recalled reports whether the answer was taken from the last build. Its tree already has the licences of packages then.
func (f *Found) Recalled() bool { return f.recalled != nil }

// Reads returns the paths of this machine that the answer depends on.
func (f *Found) Reads() []string { return f.reads.Paths() }
