package builder

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/fsx"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/sysroot"
	"github.com/fromscratch-go/fromscratch/rootfs/ldd"
)

// GOROOT returns the folder of the Go toolchain that compiles: that of the image, or one that the go command has downloaded.
func (b *Builder) GOROOT(ctx context.Context, dir string) (fs.FS, error) {
	if below, ok := strings.CutPrefix(dir, inside("mod")+"/"); ok {
		return b.Downloaded(ctx, below)
	}
	return b.Below(dir), nil
}

// Sees reports whether the container sees a folder of this machine.
func (b *Builder) Sees(dir string) bool {
	return slices.ContainsFunc(b.folders, func(folder string) bool { return fsx.Within(folder, dir) })
}

// Sums reports whether a go.sum of the sources has a module. The program may name a module that this machine only has for
// another project.
func (b *Builder) Sums(m *debug.Module) bool {
	for _, folder := range b.folders {
		for _, name := range []string{"go.sum", "go.work.sum"} {
			text, err := os.ReadFile(filepath.Join(folder, name))
			if err == nil && strings.Contains("\n"+string(text), "\n"+m.Path+" "+m.Version+" h1:") {
				return true
			}
		}
	}
	return false
}

// Below returns the file system below a folder of the image. The folder's name may have links in it. For a missing folder it
// is empty.
func (b *Builder) Below(dir string) *sysroot.FS {
	if real, _, err := ldd.Follow(b.fsys, dir); err == nil {
		dir = real
	}
	return b.fsys.Sub(dir)
}

// Downloaded returns a folder of the builder's module cache, such as "example.com/dep@v1.2.3". Its files are fetched on
// demand. Its content does not change unless the image's programs change it, so the cached files are only used for the same
// image. A missing folder is [fs.ErrNotExist]. So is a name that leads out of the module cache: it may come from the image's
// go command or from a compiled program.
func (b *Builder) Downloaded(ctx context.Context, below string) (fs.FS, error) {
	if below == "." || !fs.ValidPath(below) {
		return nil, &fs.PathError{Op: "open", Path: path.Join(inside("mod"), below), Err: fs.ErrNotExist}
	}
	image, err := b.sys(ctx)
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	have := b.modules[below]
	b.mu.Unlock()
	if have != nil {
		return have, nil
	}
	dir := filepath.Join(b.owner.Cache, "modules", filepath.Base(b.cacheDir()), filepath.FromSlash(below))
	opened, err := image.Beside(context.WithoutCancel(ctx), dir, moduleSource{b, path.Join(inside("mod"), below)})
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.modules == nil {
		b.modules = map[string]*sysroot.FS{}
	}
	b.modules[below] = opened
	return opened, nil
}

// moduleSource is the source of a folder of the container that is not part of the image.
type moduleSource struct {
	builder *Builder
	dir     string
}

// List lists the names below the folder.
func (m moduleSource) List(ctx context.Context, w io.Writer) error {
	box, err := m.builder.start(ctx)
	if err != nil {
		return err
	}
	names := &counted{w: w}
	if err := m.builder.forget(box, box.List(ctx, names, m.dir)); err != nil {
		return m.builder.failed(ctx, err)
	}
	if names.n == 0 {
		return &fs.PathError{Op: "open", Path: m.dir, Err: fs.ErrNotExist}
	}
	return nil
}

// counted is a writer that counts bytes.
type counted struct {
	w io.Writer
	n int64
}

func (c *counted) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

// maxOutput limits the output of a builder's command to one stream, in bytes: it is held in memory.
const maxOutput = 256 << 20

// bound limits a stream of a command's output: too much output ends the command. nil stays nil.
func bound(w io.Writer) io.Writer {
	if w == nil {
		return nil
	}
	return &boundedOutput{counted{w: w}}
}

type boundedOutput struct{ counted }

func (b *boundedOutput) Write(p []byte) (int, error) {
	if int64(len(p)) > maxOutput-b.n {
		return 0, fmt.Errorf("it has printed more than %d bytes", maxOutput)
	}
	return b.counted.Write(p)
}

// Read reads files by their names below the folder, see [sysroot.Source].
func (m moduleSource) Read(ctx context.Context, names []string, use func(string, io.Reader) error) error {
	full := make([]string, len(names))
	for i, name := range names {
		full[i] = m.dir + name
	}
	return m.builder.Read(ctx, full, func(name string, r io.Reader) error { return use(strings.TrimPrefix(name, m.dir), r) })
}
