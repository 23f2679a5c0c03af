package buildkit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/fromscratch-go/fromscratch/buildkit/gobuild"
	"github.com/fromscratch-go/fromscratch/buildkit/image"
	"github.com/fromscratch-go/fromscratch/rootfs"
	"github.com/fromscratch-go/fromscratch/rootfs/ldd"
)

// Built is an image that is ready to be delivered. It holds the folder in dist/
// until Close: its layers are read from there.
type Built struct {
	Plan    Plan
	Binary  *gobuild.Binary
	Closure *ldd.Closure
	Tree    *rootfs.Tree
	Image   *image.Image

	report  Report
	release func() error
}

// Build compiles the program, computes the libraries that it loads, assembles the
// root file system and writes it to dist/, proves that the program starts in it,
// and describes the image. When it fails, dist/ has no program and no archive of
// an earlier build left either, and what is wrong in the Config is a
// [*ConfigError].
//
// ctx ends it; the caller closes what it returns.
func (p Plan) Build(ctx context.Context, report Report) (*Built, error) {
	release, err := p.Dist().claim(ctx)
	if err != nil {
		return nil, fmt.Errorf("building image %q: %w", p.Name, err)
	}
	b := &Built{Plan: p, report: report, release: release}
	if err := b.build(ctx); err != nil {
		return nil, fmt.Errorf("building image %q: %w", p.Name, errors.Join(err, p.Dist().discard(p.Name), release()))
	}
	return b, nil
}

// build is the recipe.
func (b *Built) build(ctx context.Context) error {
	for _, stage := range []func(context.Context) error{
		b.check,
		b.compile,
		b.after,
		b.closure,
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

// Close gives the folder in dist/ free. It can be called twice.
func (b *Built) Close() error {
	if err := b.release(); !errors.Is(err, os.ErrClosed) {
		return err
	}
	return nil
}

// check assembles everything but the program, so that a mistake in the Config is
// told before the compiler runs.
func (b *Built) check(ctx context.Context) error {
	spec := b.Plan.Files
	spec.Program = ""
	if _, err := rootfs.Assemble(ctx, spec); err != nil {
		if ctx.Err() != nil {
			return err
		}
		return &ConfigError{fmt.Errorf("assembling the files of the Config (%s): %w", b.Plan.config.Origin, err)}
	}
	return nil
}

// compile runs the go command; the program goes straight to its place in dist/.
func (b *Built) compile(ctx context.Context) (err error) {
	p := b.Plan
	if err := p.Dist().clear(p.Name); err != nil {
		return fmt.Errorf("clearing the place of the program: %w", err)
	}
	done := b.report.step(p.Name, "compile", fmt.Sprintf("%s for %s", p.Main.ImportPath, p.Platform))
	b.Binary, err = p.gocmd.Build(ctx, gobuild.Request{
		Main: p.Main, Output: p.binary(), Target: target(p.Platform), Options: p.Compile,
	})
	done(fmt.Sprintf("%s, %s", p.Platform, cgoWords(p.Main.Cgo)), err)
	return err
}

func cgoWords(d gobuild.CgoDecision) string {
	if d.Enabled {
		return "cgo: " + d.Why
	}
	return "no cgo"
}

// after runs the user's function.
func (b *Built) after(ctx context.Context) error {
	hook := b.Plan.config.After
	if hook == nil {
		return nil
	}
	done := b.report.step(b.Plan.Name, "after", "running After of "+b.Plan.config.Origin)
	err := hook(ctx, b.Binary.Path)
	done("After of "+b.Plan.config.Origin, err)
	if err != nil {
		return fmt.Errorf("running After of %s: %w", b.Plan.config.Origin, err)
	}
	return nil
}

// sysroot is where the libraries of the program are: in the Config's folder, else
// where those of its C compiler are, else on this machine.
func (b *Built) sysroot() string {
	return cmp.Or(b.Plan.config.Sysroot, b.Binary.Compiler.Sysroot, "/")
}

// closure computes the libraries that the program loads.
func (b *Built) closure(ctx context.Context) (err error) {
	done := b.report.step(b.Plan.Name, "libraries", "resolving in "+b.sysroot())
	file, err := filepath.Abs(b.Binary.Path)
	if err == nil {
		b.Closure, err = ldd.Resolve(ctx, ldd.DirFS(b.sysroot()), ldd.Program{Path: filepath.ToSlash(file), File: file}, b.environment())
	}
	done(closureWords(b.Closure, b.sysroot()), err)
	if err == nil {
		for _, o := range b.Closure.Optional {
			b.report.note(b.Plan.Name, "libraries", "warning: "+o.Error())
		}
	}
	return err
}

func closureWords(c *ldd.Closure, sysroot string) string {
	if c == nil || c.Flavour == ldd.Static {
		return "none: the program is static"
	}
	return fmt.Sprintf("%d files of %s, loader %s", len(c.Objects)-1, sysroot, c.Loader)
}

// environment is what the loader sees in the image. The build machine's own
// LD_LIBRARY_PATH does not count: it would not hold in the image.
func (b *Built) environment() ldd.Env {
	return ldd.Env{LibraryPath: b.Plan.config.Env["LD_LIBRARY_PATH"], Workdir: b.Plan.Image.Workdir}
}

// assemble makes the tree of the image.
func (b *Built) assemble(ctx context.Context) (err error) {
	spec := b.Plan.Files
	spec.Binary, spec.Closure, spec.Sysroot = b.Binary.Path, b.Closure, ldd.DirFS(b.sysroot())
	b.Tree, err = rootfs.Assemble(ctx, spec)
	return err
}

// commands checks that what the engine is to start can be started: the entrypoint
// and the health check, which execve(2) takes as they are.
func (b *Built) commands(context.Context) error {
	for _, c := range []struct {
		field string
		words []string
	}{{"Entrypoint", b.Plan.Image.Entrypoint}, {"Healthcheck", healthTest(b.Plan.Image.Healthcheck)}} {
		if len(c.words) == 0 {
			continue
		}
		if err := b.executable(c.words[0]); err != nil {
			return &ConfigError{fmt.Errorf("starting %q, as the %s of the Config (%s) says: %w\nfix: name %s or an executable of Files; there is no shell",
				c.words[0], c.field, b.Plan.config.Origin, err, b.Plan.program())}
		}
	}
	return nil
}

// defaultPath is where an engine looks for a command by name when the image does
// not say (DefaultPathEnvUnix in moby's oci package).
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// executable looks for a command in the tree as the engine will in the container.
func (b *Built) executable(name string) error {
	dirs := strings.Split(cmp.Or(b.Plan.config.Env["PATH"], defaultPath), ":")
	if strings.Contains(name, "/") {
		dirs = []string{b.Plan.Image.Workdir}
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

// prove resolves the program once more, now inside of the tree and by the rules
// that hold there, and compares: what is not the same would not start, or start
// as another program.
func (b *Built) prove(ctx context.Context) error {
	if b.Closure.Flavour == ldd.Static {
		return nil
	}
	done := b.report.step(b.Plan.Name, "verify", "resolving inside of the image")
	inside, err := ldd.Verify(ctx, b.Tree, ldd.Program{Path: b.Plan.program()}, b.environment())
	if err == nil {
		err = ldd.Compare(ctx, b.Closure, inside)
	}
	done("every library and symbol version is found inside of the image", err)
	if err != nil {
		return fmt.Errorf("verifying that %s starts in the image: %w", b.Plan.program(), err)
	}
	return nil
}

// writeRootfs writes the tree to dist/.
func (b *Built) writeRootfs(ctx context.Context) error {
	done := b.report.step(b.Plan.Name, "rootfs", "writing "+b.Plan.Show(b.Plan.Dist().Rootfs()))
	err := b.Tree.WriteDir(ctx, b.Plan.Dist().Rootfs())
	files, size := 0, int64(0)
	for _, e := range b.Tree.Entries() {
		if e.Mode.IsRegular() {
			files, size = files+1, size+e.Size
		}
	}
	done(fmt.Sprintf("%d files, %s in %s", files, bytes(size), b.Plan.Show(b.Plan.Dist().Rootfs())), err)
	return err
}
