package buildkit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/assemble"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/compile"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/gobuild"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/libraries"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/licences"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/owners"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/pack"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/packagedb"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/result"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/state"
	"github.com/fromscratch-go/fromscratch/rootfs"
	"github.com/fromscratch-go/fromscratch/rootfs/ldd"
)

// Build compiles the program, computes the libraries that it loads, assembles the root file system and writes it to dist/, proves that the
// program starts in it, and makes the image. If it fails, it leaves neither a program nor an archive of an earlier build in dist/. A mistake
// in the Config is a [*ConfigError].
//
// The caller closes the result. ctx ends the build.
func Build(ctx context.Context, p Plan, report Report) (*Result, error) {
	h, err := claim(ctx, p, report)
	if err != nil {
		return nil, err
	}
	d := draft{plan: p, report: report}
	err = d.checkAndCompile(ctx)
	var r *Result
	if err == nil {
		r, err = d.finish(ctx, h)
	}
	if err != nil {
		return nil, fmt.Errorf("building image %q: %w", p.Name, errors.Join(err, h.abandon()))
	}
	return r, nil
}

// draft is a compiled program on its way to an image.
type draft struct {
	plan    Plan
	report  Report
	binary  gobuild.Binary
	before  []string        // see [result.Result]
	earlier *libraries.Kept // of the last build's libraries; nil if it does not hold
	parsed  *ldd.Memory     // ELF files that other images of the run have read too; nil for none
}

// checkAndCompile checks the Config, and reads what the last build has kept, while the compiler runs: a mistake in the Config ends it.
func (d *draft) checkAndCompile(ctx context.Context) error {
	return whileChecking(ctx, d.check, d.compile)
}

// compile compiles the program.
func (d *draft) compile(ctx context.Context) (err error) {
	if d.before, err = compile.Clear(d.plan); err == nil {
		d.binary, err = compile.One(ctx, d.plan, d.report)
	}
	return err
}

// whileChecking compiles and checks at once. An error of the check stops the compiler. The compiler's own error only says then that it
// was interrupted, so the error of the check is returned.
func whileChecking(ctx context.Context, check, compile func(context.Context) error) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	checked := make(chan error, 1)
	go func() {
		err := check(ctx)
		if err != nil {
			stop()
		}
		checked <- err
	}()
	compiled := compile(ctx)
	if err := <-checked; err != nil && (compiled == nil || ctx.Err() != nil) {
		return err
	}
	return compiled
}

// check checks the Config, and reads the libraries that the last build has kept.
func (d *draft) check(ctx context.Context) error {
	err := assemble.Check(ctx, d.plan)
	if d.plan.Run.Key != "" {
		d.earlier = libraries.ReadKept(d.plan.Dist())
	}
	return err
}

// finish makes the image from the compiled program.
func (d *draft) finish(ctx context.Context, h *hold) (*Result, error) {
	binary, err := compile.After(ctx, d.plan, d.binary, d.report)
	if err != nil {
		return nil, err
	}
	c, err := d.content(ctx, binary)
	if err != nil {
		return nil, err
	}
	if err := assemble.Write(ctx, d.plan, c.tree, d.report); err != nil {
		return nil, err
	}
	img, err := pack.Image(ctx, d.plan, c.found.Set, c.tree, d.report)
	if err != nil {
		return nil, err
	}
	r := &Result{
		Result: result.Result{
			Plan: d.plan, Program: c.program, Libraries: c.found.Set, Files: c.files, Tree: c.tree, Image: img, Notes: c.notes, Before: d.before, Owners: c.owners,
		},
		report: d.report, hold: h,
	}
	r.keep = func() error { return c.keep(r.Result) }
	return r, nil
}

// content is what goes into an image.
type content struct {
	program compile.Program
	modules licences.Texts
	files   rootfs.Spec // everything but the program and its libraries
	found   *libraries.Found
	owners  func() *owners.Owners // see [result.Result]
	reads   []string              // of the packages; none for recalled libraries
	tree    *rootfs.Tree
	notes   []string // what a person should know
	kept    []string // notes about the libraries, for the next build that has the same
}

// content finds out what goes into the image, assembles it, and proves that the program starts in it. With an error it returns what it
// has found.
func (d *draft) content(ctx context.Context, binary gobuild.Binary) (c content, err error) {
	p := d.plan
	if c.program, err = compile.Read(binary); err != nil {
		return c, err
	}
	if p.Supply.Licences {
		if c.modules, err = licences.OfModules(ctx, p, c.program.BuildInfo()); err != nil {
			return c, err
		}
		d.tell(&c.notes, "licences", c.modules.Notes)
	}
	probe, err := compile.Probe(ctx, p)
	if err != nil {
		return c, err
	}
	c.files = assemble.Spec(p, c.program, append(probe, c.modules.Entries...))
	base, err := rootfs.Assemble(ctx, c.files)
	if err != nil {
		return c, err
	}
	c.found, err = libraries.Find(ctx, libraries.Query{
		Plan: p, Program: c.program, Base: base, Earlier: d.earlier, Parsed: d.parsed, Report: d.report,
	})
	if err != nil {
		return c, err
	}
	d.tell(&c.notes, "libraries", c.found.Notes)
	if err := d.assemble(ctx, &c); err != nil {
		return c, err
	}
	proven, passing, err := c.found.Prove(ctx, c.tree)
	d.tell(&c.notes, "verify", append(proven, passing...))
	c.kept = append(c.kept, proven...)
	// Kept notes come first: then their order does not depend on whether the libraries are those of an earlier build.
	d.tell(&c.notes, "functions", slices.Concat(
		assemble.ZonesOfC(p, c.program, c.tree), assemble.NoPrograms(p, c.program, c.tree), assemble.RawSockets(p, c.program),
		assemble.Capabilities(p, c.tree)))
	if err != nil {
		return c, err
	}
	return c, assemble.Commands(p, c.tree)
}

// assemble makes the tree.
func (d *draft) assemble(ctx context.Context, c *content) (err error) {
	spec := c.files
	spec.Program, spec.Binary = d.plan.Files.Program, c.program.Path
	leftOut := c.found.Fill(&spec)
	if c.tree, err = rootfs.Assemble(ctx, spec); err != nil {
		return err
	}
	d.tell(&c.notes, "rootfs", leftOut())
	further := append(c.found.Large(c.tree), c.found.Idle()...)
	d.tell(&c.notes, "libraries", further)
	c.kept = append(append(append(c.kept, c.found.Notes...), leftOut()...), further...)
	c.owners = sync.OnceValue(func() *owners.Owners { return owners.Open(d.plan, c.found.Sysroot, c.found.Packages()) })
	if c.found.Recalled() {
		return nil
	}
	// Only now it is known which packages the files are from.
	if d.plan.Supply.Licences {
		texts, err := licences.AddOfPackages(ctx, c.owners(), c.tree, c.found.Whole(), c.modules.Size)
		if err != nil {
			return err
		}
		d.tell(&c.notes, "licences", texts.Notes)
		c.kept, c.reads = append(c.kept, texts.Notes...), texts.Reads
	}
	added, err := packagedb.Add(ctx, packagedb.Image{Plan: d.plan, Libraries: c.found.Set, Tree: c.tree, Owners: c.owners, Sysroot: c.found.Whole()})
	d.tell(&c.notes, "packages", added.Notes)
	c.kept, c.reads = append(c.kept, added.Notes...), append(c.reads, added.Reads...)
	return err
}

// tell reports the notes of a step, and adds them to a list.
func (d *draft) tell(list *[]string, step string, notes []string) {
	for _, n := range notes {
		*list = append(*list, n)
		d.report.Note(d.plan.Label(), step, n)
	}
}

// keep stores what the next build can make use of.
func (c content) keep(r result.Result) error {
	p := r.Plan
	if p.Run.Key == "" {
		return nil
	}
	if p.Main.Sources.Doubt == "" {
		if err := c.found.Keep(c.tree, c.kept, c.reads); err != nil {
			return errors.Join(fmt.Errorf("keeping what the build has read: %w", err), p.Dist().Forget())
		}
	}
	return state.Keep(p, r.Image.Config(), r.IDs(), slices.Concat(c.found.Reads(), c.reads, c.modules.Reads))
}
