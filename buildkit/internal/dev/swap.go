package dev

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/docker"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/fsx"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/report"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/state"
	protocol "github.com/fromscratch-go/fromscratch/buildkit/internal/supervisor/report"
)

// errOtherImage reports that the container cannot run the new program: it needs other libraries or files, and so another image.
var errOtherImage = errors.New("the program needs another image")

// Fits reports whether [Container.Swap] is enough for a change of files. It is if only the code of the program has changed, but not
// its imports, the set of its files, or another file of the image.
func (c *Container) Fits(changed []string) bool {
	return c.moved && len(changed) > 0 && !slices.ContainsFunc(changed, func(path string) bool { return !c.fits(path) })
}

func (c *Container) fits(path string) bool {
	src := c.plan.Main.Sources
	if filepath.Ext(path) == ".go" && slices.Contains(src.Folders, filepath.Dir(path)) {
		before, known := c.headers[path]
		now, ok := state.HeaderSum(path)
		return known && ok && before == now
	}
	if c.headers == nil {
		return false
	}
	return slices.Contains(src.Cgo, filepath.Dir(path)) || slices.ContainsFunc(src.Trees, func(tree string) bool { return fsx.Within(tree, path) })
}

// Swap compiles the program and replaces the running one. It returns after the start of the new program. If the program does not
// compile, the old one keeps running. If the program is the same and still runs, nothing happens, and swapped is false. It is false
// too if the image must be built again, and run in a new container: then outdated is true.
func (c *Container) Swap(ctx context.Context) (swapped, outdated bool, err error) {
	swapped, err = c.swap(ctx)
	if errors.Is(err, errOtherImage) || errors.Is(err, docker.ErrNotRunning) { // or somebody has removed the container
		return false, true, nil
	}
	return swapped, false, err
}

// swap is [Container.Swap], with an error for outdated.
func (c *Container) swap(ctx context.Context) (swapped bool, err error) {
	release, err := c.plan.Dist().Claim(ctx, nil)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, release()) }()
	if !fsx.Exists(c.placed()) { // imageClean has removed the folder that the container sees
		return false, errOtherImage
	}
	program, err := c.compile(ctx)
	if err != nil {
		return false, err
	}
	now, err := needsOf(program)
	if err != nil {
		return false, err
	}
	if now != c.needs {
		return false, errOtherImage
	}
	if same, err := sameContent(c.plan.Executable(), c.placed()); err != nil || same && !c.starts.ended.Load() {
		return false, err
	}
	if err := c.place(); err != nil {
		return false, err
	}
	return true, c.restart(ctx)
}

// sameContent reports whether two files have the same content. It reads until the first difference: the build ID of another
// program differs near the beginning.
func sameContent(a, b string) (same bool, err error) {
	var files [2]*os.File
	var infos [2]os.FileInfo
	for i, name := range []string{a, b} {
		if files[i], err = os.Open(name); err != nil {
			return false, err
		}
		defer files[i].Close() // only read
		if infos[i], err = files[i].Stat(); err != nil {
			return false, err
		}
	}
	if os.SameFile(infos[0], infos[1]) {
		return true, nil
	}
	if infos[0].Size() != infos[1].Size() {
		return false, nil
	}
	var parts [2][]byte
	for i := range parts {
		parts[i] = make([]byte, 64<<10)
	}
	for {
		n, err := io.ReadFull(files[0], parts[0])
		m, otherErr := io.ReadFull(files[1], parts[1])
		switch {
		case !bytes.Equal(parts[0][:n], parts[1][:m]):
			return false, nil
		case err == io.EOF, err == io.ErrUnexpectedEOF:
			return true, nil
		case err != nil || otherErr != nil:
			return false, errors.Join(err, otherErr)
		}
	}
}

// staleStarts is the number of attempts if the container still has the previous file: a virtual machine may show it for a moment.
const staleStarts = 20

// restart makes the supervisor start the placed program, and waits for the start.
func (c *Container) restart(ctx context.Context) error {
	switch {
	case c.capable:
		if err := c.container.Sync(ctx); err != nil {
			return &report.EngineError{Err: err}
		}
	case c.container.Copied != nil:
		return c.send(ctx)
	}
	for range staleStarts {
		c.starts.forget()
		if err := c.container.Feed(ctx, strings.NewReader(protocol.RestartLine)); err != nil {
			return &report.EngineError{Err: err}
		}
		err := c.awaitStart(ctx)
		if !errors.Is(err, errStale) {
			return err
		}
	}
	return &report.EngineError{Err: fmt.Errorf("starting the new program: the container still has the old one\nfix: set IMAGE_DEV_SWAP=copy")}
}

// send sends the placed program to the supervisor, which starts it when it is complete, and waits for the start. This is faster than
// a copy by the engine, which pauses the container for it.
func (c *Container) send(ctx context.Context) error {
	file, err := os.Open(c.placed())
	if err != nil {
		return fmt.Errorf("sending the program to the development container: %w", err)
	}
	defer file.Close() // only read
	info, err := file.Stat()
	if err != nil {
		return fmt.Errorf("sending the program to the development container: %w", err)
	}
	header := protocol.Program{Size: info.Size(), Modified: info.ModTime()}
	c.starts.forget()
	if err := c.container.Feed(ctx, io.MultiReader(strings.NewReader(header.Line()), file)); err != nil {
		return &report.EngineError{Err: err}
	}
	if err := c.awaitStart(ctx); !errors.Is(err, errStale) {
		return err
	}
	return &report.EngineError{Err: fmt.Errorf("starting the new program: the container has started the old one\nfix: start imageDev again")}
}
