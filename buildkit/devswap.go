package buildkit

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
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit/docker"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/fsx"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/state"
	"github.com/fromscratch-go/fromscratch/buildkit/supervisor/report"
)

// ErrOtherImage is that a program does not fit into the container any more: it asks
// for other libraries or files, and needs an image of its own.
var ErrOtherImage = errors.New("the program needs another image")

// Fits tells whether a change of files can be met by [Dev.Swap]: the program's code has
// changed, and not what it imports or is made of, nor another file of the image.
func (d *Dev) Fits(changed []string) bool {
	if !d.moved || len(changed) == 0 {
		return false
	}
	for _, path := range changed {
		if !d.fits(path) {
			return false
		}
	}
	return true
}

func (d *Dev) fits(path string) bool {
	src := d.plan.Main.Sources
	if filepath.Ext(path) == ".go" && slices.Contains(src.Folders, filepath.Dir(path)) {
		before, known := d.headers[path]
		now, ok := state.HeaderSum(path)
		return known && ok && before == now
	}
	if d.headers == nil {
		return false
	}
	return slices.Contains(src.Cgo, filepath.Dir(path)) || slices.ContainsFunc(src.Trees, func(tree string) bool { return fsx.Within(tree, path) })
}

// Swap compiles the program, and runs it in the place of the old one. It returns when
// the new one has started. When it does not compile the old one runs on, and when it is
// the same, unless that has ended: swapped is false then. The error is [ErrOtherImage]
// when the image has to be built anew.
func (d *Dev) Swap(ctx context.Context, report Report) (swapped bool, err error) {
	release, err := d.plan.Dist().Claim(ctx)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, release()) }()
	if !fsx.Exists(d.placed()) { // imageClean has removed what the container sees
		return false, ErrOtherImage
	}
	b := &Built{Plan: d.plan, report: report}
	for _, stage := range []func(context.Context) error{b.compile, b.after, b.functions} {
		if err := stage(ctx); err != nil {
			return false, err
		}
	}
	now, err := programOf(b.Binary.Path, b.linked)
	if err != nil {
		return false, err
	}
	if now != d.program {
		return false, ErrOtherImage
	}
	if same, err := sameContent(d.plan.Executable(), d.placed()); err != nil || same && !d.ended.Load() {
		return false, err
	}
	if err := d.place(); err != nil {
		return false, err
	}
	return true, d.restart(ctx)
}

// sameContent compares two files, as far as they are the same: another program has another
// build ID at its beginning.
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

// startTime is how long a program may take to be started, which takes milliseconds,
// before something else must be wrong.
const startTime = 30 * time.Second

// stale is how often a start of the file before is put up with: a virtual machine may
// show an old one for a moment.
const stale = 20

// restart has the supervisor start the file that is in place now, and waits for that.
func (d *Dev) restart(ctx context.Context) error {
	if d.container.Copied != nil {
		return d.send(ctx)
	}
	for range stale {
		d.forgetEvents()
		if err := d.container.Feed(ctx, strings.NewReader(report.RestartLine)); err != nil {
			return &EngineError{Err: err}
		}
		err := d.started(ctx)
		if !errors.Is(err, errStale) {
			return err
		}
	}
	return &EngineError{Err: fmt.Errorf("starting the new program: the container still has the old one\nfix: set IMAGE_DEV_SWAP=copy")}
}

// send gives the supervisor the program, which it starts when it has all of it. That is
// faster than to copy it by the engine, which holds the container meanwhile.
func (d *Dev) send(ctx context.Context) (err error) {
	file, err := os.Open(d.placed())
	if err != nil {
		return fmt.Errorf("sending the program to the development container: %w", err)
	}
	defer file.Close() // only read
	info, err := file.Stat()
	if err != nil {
		return fmt.Errorf("sending the program to the development container: %w", err)
	}
	header := report.Program{Size: info.Size(), Modified: info.ModTime()}
	d.forgetEvents()
	if err := d.container.Feed(ctx, io.MultiReader(strings.NewReader(header.Line()), file)); err != nil {
		return &EngineError{Err: err}
	}
	if err := d.started(ctx); !errors.Is(err, errStale) {
		return err
	}
	return &EngineError{Err: fmt.Errorf("starting the new program: the container has started the old one\nfix: start imageDev again")}
}

// forgetEvents passes over what was told before something is asked for.
func (d *Dev) forgetEvents() {
	for {
		select {
		case e := <-d.events:
			d.run = max(d.run, e.Run)
		default:
			return
		}
	}
}

// errStale is that the file before was started once more.
var errStale = errors.New("the program that was started is the one before")

// started waits until the supervisor has told of a new start.
func (d *Dev) started(ctx context.Context) error {
	late := time.NewTimer(startTime)
	defer late.Stop()
	for {
		select {
		case e := <-d.events:
			if e.Run <= d.run && e.Kind != report.Failed {
				continue // of the run before
			}
			switch e.Kind {
			case report.Started:
				d.run = e.Run
				return d.fresh(e)
			case report.Failed:
				d.run = e.Run
				return fmt.Errorf("starting the new program: %s", e.Reason)
			}
		case <-d.container.Ended():
			return &EngineError{Err: fmt.Errorf("starting the new program: %w", docker.ErrNotRunning)}
		case <-late.C:
			return &EngineError{Err: fmt.Errorf("starting the new program: the container said nothing for %s\nfix: start imageDev again", startTime)}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// fresh tells whether what was started is the file that is in place. A copy has its time in
// microseconds at best.
func (d *Dev) fresh(e report.Event) error {
	if !d.moved {
		return nil
	}
	info, err := os.Stat(d.placed())
	if err == nil && !info.ModTime().Truncate(time.Microsecond).Equal(e.Modified.Truncate(time.Microsecond)) {
		err = errStale
	}
	return err
}
