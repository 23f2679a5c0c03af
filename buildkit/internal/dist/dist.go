// Package dist names, holds and removes what builds write below a module: dist/NAME of each image.
package dist

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/filelock"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/fsx"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/report"
)

// Folder is the folder of one image below the module, dist/NAME, or of one platform of it, dist/NAME@linux-arm64. fromscratch
// makes it, and nothing in it belongs to anybody else:
//
//	rootfs/     the root file system, written out
//	image.tar   the archive, when one was asked for
//	layout/     the OCI layout, when one was asked for
//	sbom.*.json, provenance.json  what is in the image, and where it comes from
//	dev/        what a development container sees
//	memory, system, layers  what the next build need not do again
//	loading     a load into an engine has not ended
//	.gitignore  keeps the folder out of the user's commits; it marks the folder as fromscratch's
//	go.mod      keeps Go files among the user's assets out of "go list ./..."
//	.lock       held by the run that writes here
type Folder string

// Of returns the folder of an image, by its name, below a module.
func Of(module, name string) Folder { return Folder(filepath.Join(module, "dist", name)) }

// Name is the image's name, with the platform if it has several.
func (d Folder) Name() string { return filepath.Base(string(d)) }

func (d Folder) at(name string) string { return filepath.Join(string(d), name) }

// Rootfs is the folder of the root file system, written out.
func (d Folder) Rootfs() string { return d.at("rootfs") }

// Archive is the file of the archive.
func (d Folder) Archive() string { return d.at("image.tar") }

// Layout is the folder of the OCI layout.
func (d Folder) Layout() string { return d.at("layout") }

// Memory is the file that says what the last build has read.
func (d Folder) Memory() string { return d.at("memory") }

// System is the file of the libraries that the last build has found.
func (d Folder) System() string { return d.at("system") }

// Layers is the file of what is known about layers.
func (d Folder) Layers() string { return d.at("layers") }

// Loading is the file that marks a load that leaves layers out. As long as it is there, the engine's image of that name may lack
// them: engines with the containerd image store and an API below 1.48 do not say so.
func (d Folder) Loading() string { return d.at("loading") }

// MarkLoading makes the file Loading.
func (d Folder) MarkLoading() error {
	return writeOnce(d.Loading(), "An engine is being sent an image without the layers that it has.\n")
}

// Mark is the file that marks the folder as fromscratch's.
func (d Folder) Mark() string { return d.at(mark) }

// Dev is the folder that a development container sees.
func (d Folder) Dev() string { return d.at("dev") }

// SPDX is the file of the bill of materials in SPDX.
func (d Folder) SPDX() string { return d.at("sbom.spdx.json") }

// CycloneDX is the file of the bill of materials in CycloneDX.
func (d Folder) CycloneDX() string { return d.at("sbom.cdx.json") }

// Provenance is the file that says where the image comes from.
func (d Folder) Provenance() string { return d.at("provenance.json") }

// Documents are the files that describe the image.
func (d Folder) Documents() []string { return []string{d.SPDX(), d.CycloneDX(), d.Provenance()} }

// RemoveDocuments removes the files that describe the image, as far as they are there.
func (d Folder) RemoveDocuments() error {
	var errs []error
	for _, path := range d.Documents() {
		errs = append(errs, fsx.Remove(path))
	}
	return errors.Join(errs...)
}

// Forget removes what the last build has kept: it does not describe the folder any more.
func (d Folder) Forget() error { return fsx.Remove(d.Memory()) }

// Replace writes a file of the folder, whole or not at all, see [fsx.WriteFile]. It replaces a folder of that name: nobody else
// makes one here.
func Replace(path, content string) error {
	err := fsx.WriteFile(path, content)
	if err != nil && fsx.IsFolder(path) {
		err = errors.Join(fsx.RemoveAll(path), fsx.WriteFile(path, content))
	}
	return err
}

// mark is the name of the first file of each folder. Its content marks the folder as made by fromscratch.
const mark = ".gitignore"

// files are the files that every folder has.
var files = []struct{ name, content string }{
	{mark, "# Written by fromscratch; mage imageClean removes this folder.\n*\n"},
	{"go.mod", "// Keeps Go files in rootfs/ out of the packages of the module above.\nmodule dist\n"},
}

// patience is how long a run waits for another one before it says so.
const patience = time.Second

// Claim makes the folder, or takes one that an earlier run has made, and holds it until release; a second run waits. It
// calls waits, if that is not nil, when the wait is not a short one.
// A folder that fromscratch did not make, or one behind a symlink, is a [*report.ConfigError]: a build removes from its
// folder what the image does not name.
func (d Folder) Claim(ctx context.Context, waits func()) (release func() error, err error) {
	l, err := d.lock(ctx, waits)
	if err != nil {
		return nil, err
	}
	return l.Release, nil
}

// lock is Claim for callers that may remove the folder.
func (d Folder) lock(ctx context.Context, waits func()) (*filelock.Lock, error) {
	for {
		if err := d.Check(); err != nil {
			return nil, err
		}
		if err := d.Make(); err != nil {
			return nil, fmt.Errorf("making the folder of the image: %w%s", err, writable(err))
		}
		l, err := d.acquire(ctx, waits)
		if err == nil {
			if err = d.sweep(); err == nil {
				return l, nil
			}
			err = errors.Join(err, l.Release())
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("taking the folder of the image: %w%s", err, writable(err))
		}
		// The run that held the folder has removed it: make it again.
	}
}

// acquire waits for the lock.
func (d Folder) acquire(ctx context.Context, waits func()) (*filelock.Lock, error) {
	if waits != nil {
		short, stop := context.WithTimeout(ctx, patience)
		l, err := filelock.Acquire(short, d.at(".lock"))
		timeout := short.Err() != nil
		stop()
		if err == nil || ctx.Err() != nil || !timeout {
			return l, err
		}
		waits()
	}
	return filelock.Acquire(ctx, d.at(".lock"))
}

// writable returns the fix for a folder that this user cannot write to, "" for any other error.
func writable(err error) string {
	var at *fs.PathError
	if errors.As(err, &at) && (errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS)) {
		return fmt.Sprintf("\nfix: let this user write to %q", filepath.Dir(at.Path))
	}
	return ""
}

// sweep removes what a killed run has left behind.
func (d Folder) sweep() error {
	var errs []error
	for _, pattern := range []string{".programs-*", "." + mark + "-*"} {
		rest, err := filepath.Glob(filepath.Join(fsx.QuoteGlob(string(d)), pattern))
		errs = append(errs, err)
		for _, dir := range rest {
			errs = append(errs, os.RemoveAll(dir))
		}
	}
	return errors.Join(errs...)
}

// Make makes the folder with its mark, unless it is there.
func (d Folder) Make() error {
	for _, dir := range []string{filepath.Dir(string(d)), string(d)} {
		if err := makeOpen(dir); err != nil {
			return err
		}
	}
	for _, f := range files {
		if err := writeOnce(filepath.Join(string(d), f.name), f.content); err != nil {
			return err
		}
	}
	return nil
}

// makeOpen makes a folder that is not there, with those above it. Whatever the umask, others can read it and not write.
func makeOpen(dir string) error {
	if info, err := os.Stat(dir); err == nil && info.IsDir() {
		return nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return os.Chmod(dir, 0o755)
}

// writeOnce writes a file that is not there yet, whole or not at all.
func writeOnce(path, content string) error {
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	err := fsx.WriteFile(path, content)
	if fsx.Exists(path) {
		return nil // another run has made it, and may have removed this run's temporary file
	}
	return err
}

// Check fails with a [*report.ConfigError] if the folder is neither free nor made by fromscratch.
func (d Folder) Check() error {
	for _, dir := range []string{filepath.Dir(string(d)), string(d), d.Rootfs()} {
		info, err := os.Lstat(dir)
		if errors.Is(err, fs.ErrNotExist) {
			break
		}
		if err != nil {
			return fmt.Errorf("looking at the folder for the image: %w", err)
		}
		if !info.IsDir() {
			return &report.ConfigError{Err: fmt.Errorf("writing to %q: it is not a folder (%s)\nfix: move it away", dir, info.Mode())}
		}
	}
	entries, err := os.ReadDir(string(d))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("looking at the folder for the image: %w", err)
	}
	entries = slices.DeleteFunc(entries, func(e fs.DirEntry) bool { return isMarkInMaking(e.Name()) })
	if len(entries) > 0 && !d.Ours() {
		return &report.ConfigError{Err: fmt.Errorf("writing to %q: it holds files that fromscratch did not write (%s)\nfix: move them away, or give the image another Name",
			d, entries[0].Name())}
	}
	return nil
}

// isMarkInMaking reports whether a file is a temporary file of the mark, see [fsx.Create]: of a run that is making the folder
// now, or was killed then.
func isMarkInMaking(name string) bool { return strings.HasPrefix(name, "."+mark+"-") }

// Discard removes the program, the archive, the layout and the documents of an earlier build, so that nobody takes them for the
// result of a build that failed.
func (d Folder) Discard(program string) error {
	var errs []error
	for _, path := range append(d.Documents(), d.Archive(), filepath.Join(d.Rootfs(), program)) {
		errs = append(errs, fsx.Remove(path))
	}
	return errors.Join(append(errs, fsx.Remove(d.Layout()))...)
}

// Find returns the folders that builds of a module have made: of the images with these names, or of all. The module need not
// compile, and the images need not be configured any more.
func Find(module string, names []string) ([]Folder, error) {
	parent := filepath.Join(module, "dist")
	entries, err := os.ReadDir(parent)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("looking for what was built: %w", err)
	}
	var found []Folder
	for _, e := range entries {
		d := Folder(filepath.Join(parent, e.Name()))
		name, _, _ := strings.Cut(e.Name(), "@") // a platform may follow, or the mark of a killed removal
		if e.IsDir() && (d.Ours() || d.isRest()) && (len(names) == 0 || slices.Contains(names, name)) {
			found = append(found, d)
		}
	}
	return found, nil
}

// Ours reports whether fromscratch made the folder: its mark is there.
func (d Folder) Ours() bool {
	mark, err := os.ReadFile(filepath.Join(string(d), mark))
	return err == nil && string(mark) == files[0].content
}

// isRest reports whether this is what a killed removal has left; its mark may be gone.
func (d Folder) isRest() bool { return strings.Contains(d.Name(), filelock.Aside) }

// Remove removes the folder if fromscratch made it, and dist/ itself if nothing is left in it. It waits for a run that holds the
// folder.
func (d Folder) Remove(ctx context.Context) (removed bool, err error) {
	if _, err := os.Lstat(string(d)); errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if d.isRest() {
		if err := fsx.RemoveAll(string(d)); err != nil {
			return false, fmt.Errorf("removing what is left of a folder: %w", err)
		}
		return true, nil
	}
	l, err := d.lock(ctx, nil)
	if err != nil {
		return false, err
	}
	if err := l.RemoveFolder(string(d), fsx.RemoveAll); err != nil {
		return false, fmt.Errorf("removing the folder of the image: %w", err)
	}
	if err := os.Remove(filepath.Dir(string(d))); err != nil && !notEmpty(filepath.Dir(string(d))) {
		return true, fmt.Errorf("removing the empty folder: %w", err)
	}
	return true, nil
}

func notEmpty(dir string) bool {
	entries, err := os.ReadDir(dir)
	return err == nil && len(entries) > 0
}

// InUse calls do while this process holds the folder. It does nothing if there is no such folder made by fromscratch.
func (d Folder) InUse(ctx context.Context, do func(Folder) error) error {
	if !d.Ours() {
		return nil
	}
	l, err := filelock.Acquire(ctx, d.at(".lock"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil // another run has removed it
	}
	if err != nil {
		return fmt.Errorf("taking the folder of all platforms: %w%s", err, writable(err))
	}
	return errors.Join(do(d), l.Release())
}

// groupTimeout is how long a failed build waits for the folder of all platforms: the user may have interrupted it.
const groupTimeout = 2 * time.Second

// errGroupHeld reports that another run held the folder all that time.
var errGroupHeld = errors.New("another run works in the folder of all platforms")

// DiscardGroup is [Folder.Discard] for the folder of all platforms together. It waits at most two seconds for another run, then
// leaves the folder alone: that run will write its own results there.
func (d Folder) DiscardGroup() error {
	ctx, cancel := context.WithTimeoutCause(context.Background(), groupTimeout, errGroupHeld)
	defer cancel()
	err := d.InUse(ctx, func(d Folder) error {
		return errors.Join(d.RemoveDocuments(), fsx.Remove(d.Archive()), fsx.Remove(d.Layout()))
	})
	if errors.Is(err, errGroupHeld) {
		return nil
	}
	return err
}
