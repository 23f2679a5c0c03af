package buildkit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/fromscratch-go/fromscratch/buildkit/gobuild"
	"github.com/fromscratch-go/fromscratch/buildkit/image"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/libraries"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/result"
	"github.com/fromscratch-go/fromscratch/buildkit/record"
	"github.com/fromscratch-go/fromscratch/rootfs"
	"github.com/fromscratch-go/fromscratch/rootfs/exclude"
	"github.com/fromscratch-go/fromscratch/rootfs/ldd"
	"github.com/fromscratch-go/fromscratch/rootfs/linked"
	"github.com/fromscratch-go/fromscratch/rootfs/plugins"
)

// Built is an image that is ready to be delivered. It holds the folder in dist/
// until Close: its layers are read from there.
type Built struct {
	Plan    Plan
	Binary  *gobuild.Binary
	Closure *ldd.Closure
	Tree    *rootfs.Tree
	Image   *image.Image
	// Candidates are libraries that the program may open while it runs, and that
	// are not in the image: nothing but a name in a file speaks for them.
	Candidates []Candidate

	linked *linked.Program // nil when the program is not of Go
	asked  map[string]bool // functions that were asked for, and whether they are linked
	found  *plugins.Found  // what libraries open while the program runs
	texts  []rootfs.Entry  // licences of Go modules
	held   int64           // bytes of the texts of licences, see holdText
	notes  []string        // what a person should know
	reads  record.Set      // what was looked at in the sysroot
	parsed ldd.Memory      // what was read of the ELF files there

	without *exclude.FS // the sysroot as the Config's Exclude leaves it; nil excludes no file

	hidden   []string     // files of the base that are taken from the sysroot
	base     *rootfs.Tree // all but the program and what its libraries bring
	system   *system      // what they bring, or have brought before
	key      string       // of the system; "" keeps none
	before   *system      // of the last build, nil when it does not stand
	looked   bool         // that is known
	recalled bool         // the system is one of an earlier build

	last       []string // what engines may call the image of the last build
	remembered bool     // what the next build can make use of is kept

	report  Report
	release func() error
	closed  bool
}

// Build compiles the program, computes the libraries that it loads, assembles the
// root file system and writes it to dist/, proves that the program starts in it,
// and describes the image. When it fails, dist/ has no program and no archive of
// an earlier build left either, and what is wrong in the Config is a
// [*ConfigError].
//
// ctx ends it; the caller closes what it returns.
func Build(ctx context.Context, p Plan, report Report) (*Built, error) {
	release, err := p.Dist().Claim(ctx)
	if err != nil {
		return nil, fmt.Errorf("building image %q: %w", p.Name, err)
	}
	b := &Built{Plan: p, report: report, release: release}
	err = b.checkAndCompile(ctx)
	if err == nil {
		err = b.finish(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("building image %q: %w", p.Name, errors.Join(err, b.abandon()))
	}
	return b, nil
}

// result is the image as a value.
func (b *Built) result() result.Result {
	r := result.Result{
		Plan: b.Plan, Program: result.Program{Linked: b.linked}, Files: b.baseSpec(), Tree: b.Tree, Image: b.Image, Notes: b.notes, Before: b.last,
		Libraries: libraries.Set{Candidates: b.Candidates},
	}
	if b.Binary != nil {
		r.Program.Binary, r.Libraries.Sysroot = *b.Binary, b.sysroot()
	}
	if s := b.system; s != nil {
		r.Libraries.Loader, r.Libraries.Words, r.Libraries.Notes = s.Loader, s.Words, s.Notes
		r.Libraries.Objects, r.Libraries.Opened = s.Objects, s.Opened
	}
	return r
}

// abandon removes what a build that failed would leave, and what an earlier one has
// left for delivery, and gives the folder free.
func (b *Built) abandon() error {
	if b.closed {
		return nil
	}
	b.closed = true
	return errors.Join(b.Plan.Dist().Discard(b.Plan.Name), b.Plan.DiscardGroup(), b.release())
}

// finish is the recipe from the compiled program on.
func (b *Built) finish(ctx context.Context) error {
	for _, stage := range []func(context.Context) error{
		b.after,
		b.functions,
		b.goLicences,
		b.findLibraries,
		b.assemble,
		b.commands,
		b.prove,
		b.writeRootfs,
		b.describe,
	} {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		if err := stage(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Note tells a person something that has become of a step.
func (b *Built) Note(step, text string) { b.report.Note(b.Plan.Label(), step, text) }

// note tells a person something, now and in the explanation.
func (b *Built) note(step, text string) {
	b.notes = append(b.notes, text)
	b.report.Note(b.Plan.Label(), step, text)
}

// Close keeps what the next build can make use of, and gives the folder in dist/
// free. It can be called twice.
func (b *Built) Close() error {
	if b.closed {
		return nil
	}
	b.closed = true
	return errors.Join(b.rememberOnce(), b.release())
}

// checkAndCompile does both at once, and looks at the system of the last build: the
// compiler takes its time, and a mistake in the Config ends it.
func (b *Built) checkAndCompile(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	checked := make(chan error, 1)
	go func() {
		err := b.check(ctx)
		if err != nil {
			stop()
		}
		b.lookAtSystem()
		checked <- err
	}()
	compiled := b.compile(ctx)
	// Of a mistake in the Config the compiler knows only that it was interrupted.
	if err := <-checked; err != nil && (compiled == nil || ctx.Err() != nil) {
		return err
	}
	return compiled
}

// check assembles everything but the program and its libraries, so that a mistake in
// the Config is told without waiting for the compiler.
func (b *Built) check(ctx context.Context) error {
	if b.Plan.BaseErr != nil {
		return b.Plan.BaseErr
	}
	spec := b.Plan.Files
	spec.Program = ""
	tree, err := rootfs.Assemble(ctx, spec)
	if err == nil { // the base may have something else in the program's place
		err = tree.Add(rootfs.Entry{Path: b.Plan.Files.Program, Mode: 0o755, Layer: rootfs.Program, Reason: "the program", Source: rootfs.Bytes(nil)})
	}
	if err != nil {
		if ctx.Err() != nil {
			return err
		}
		return &ConfigError{Err: fmt.Errorf("assembling the files of the Config (%s): %w", b.Plan.Origin, err)}
	}
	return nil
}

// compile runs the go command; the program goes straight to its place in dist/.
func (b *Built) compile(ctx context.Context) (err error) {
	p := b.Plan
	if err := b.clear(); err != nil {
		return fmt.Errorf("clearing the place of the program: %w", err)
	}
	if p.Binary != "" {
		return b.take(ctx)
	}
	done := b.report.Step(p.Label(), "compile", fmt.Sprintf("%s for %s", p.Main.ImportPath, p.Platform))
	b.Binary, err = p.Go.Build(ctx, b.request())
	done(fmt.Sprintf("%s, %s", p.Platform, cgoWords(p.Main.Cgo)), err)
	return err
}

// request is what the go command is to do.
func (b *Built) request() gobuild.Request {
	p := b.Plan
	return gobuild.Request{Main: p.Main, Output: p.Executable(), Target: p.Platform, Options: p.Compile}
}

func cgoWords(d gobuild.CgoDecision) string {
	if d.Enabled {
		return "cgo: " + d.Why
	}
	return "no cgo"
}

// after runs the user's function.
func (b *Built) after(ctx context.Context) error {
	hook := b.Plan.Hooks.After
	if hook == nil {
		return nil
	}
	done := b.report.Step(b.Plan.Label(), "after", "running After of "+b.Plan.Origin)
	err := hook(ctx, b.Binary.Path)
	done("After of "+b.Plan.Origin, err)
	if err != nil {
		return fmt.Errorf("running After of %s: %w", b.Plan.Origin, err)
	}
	return nil
}

// commands checks that what the engine is to start can be started: the entrypoint
// and the health check, which execve(2) takes as they are.
func (b *Built) commands(context.Context) error {
	for _, c := range []struct {
		field string
		words []string
	}{{"Entrypoint", b.Plan.Config.Entrypoint}, {"Healthcheck", healthTest(b.Plan.Config.Healthcheck)}} {
		if len(c.words) == 0 {
			continue
		}
		if err := b.executable(c.words[0]); err != nil {
			return &ConfigError{Err: fmt.Errorf("starting %q, as the %s of the Config (%s) says: %w\nfix: name %s or an executable of %s",
				c.words[0], c.field, b.Plan.Origin, err, b.Plan.Program(), b.Plan.Executables())}
		}
	}
	return nil
}

// defaultPath is where an engine looks for a command by name when the image does
// not say (DefaultPathEnvUnix in moby's oci package).
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// executable looks for a command in the tree as the engine will in the container.
func (b *Built) executable(name string) error {
	dirs := strings.Split(cmp.Or(b.Plan.Env("PATH"), defaultPath), ":")
	if strings.Contains(name, "/") {
		dirs = []string{b.Plan.Config.Workdir}
		if path.IsAbs(name) {
			dirs = []string{"/"}
		}
	}
	why := errors.New("it is not in the image")
	for _, dir := range dirs {
		info, err := b.Tree.Stat(strings.TrimPrefix(path.Join(dir, name), "/"))
		switch {
		case err != nil:
		case info.Mode().IsRegular() && info.Mode()&0o111 != 0:
			return nil
		default:
			why = fmt.Errorf("it is no executable file (%s)", info.Mode())
		}
	}
	return why
}

func healthTest(h *image.Healthcheck) []string {
	if h == nil {
		return nil
	}
	return h.Test
}

// writeRootfs writes the tree to dist/.
func (b *Built) writeRootfs(ctx context.Context) error {
	done := b.report.Step(b.Plan.Label(), "rootfs", "writing "+b.Plan.Show(b.Plan.Dist().Rootfs()))
	err := b.Tree.WriteDir(ctx, b.Plan.Dist().Rootfs())
	files, size := 0, int64(0)
	for _, e := range b.Tree.Entries() {
		if e.Mode.IsRegular() {
			files, size = files+1, size+e.Size
		}
	}
	done(fmt.Sprintf("%d files, %s in %s%s", files, Size(size), b.Plan.Show(b.Plan.Dist().Rootfs()), b.Plan.AboveBase()), err)
	return err
}
