package buildkit

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

	"github.com/fromscratch-go/fromscratch/buildkit/filelock"
	"github.com/fromscratch-go/fromscratch/buildkit/record"
)

// Dist is the folder of one image below the module, dist/NAME, or of one platform of
// it, dist/NAME@linux-arm64. It is made by us,
// and nothing in it is anybody else's:
//
//	rootfs/     the root file system, written out
//	image.tar   the archive, when one was asked for
//	layout/     the OCI layout, when one was asked for
//	sbom.*.json, provenance.json  what is in the image, and where it comes from
//	.gitignore  keeps the folder out of the user's commits; it is the mark of ours
//	go.mod      keeps Go files among the user's assets out of "go list ./..."
//	.lock       held by the run that writes here
type Dist string

// Name is the image's, with the platform if it has several.
func (d Dist) Name() string { return filepath.Base(string(d)) }

// Rootfs is the root file system, written out.
func (d Dist) Rootfs() string  { return filepath.Join(string(d), "rootfs") }
func (d Dist) archive() string { return filepath.Join(string(d), "image.tar") }

// distMark is the first file of a folder of ours, and its mark.
const distMark = ".gitignore"

// distFiles are the files that every folder of ours has.
var distFiles = []struct{ name, content string }{
	{distMark, "# Written by fromscratch; mage imageClean removes this folder.\n*\n"},
	{"go.mod", "// Keeps Go files in rootfs/ out of the packages of the module above.\nmodule dist\n"},
}

// claim makes the folder, or takes one that an earlier run has made, and holds it
// until release: a second run waits. A folder of that name that we did not make,
// or one behind a symlink, is refused: what the image does not name is removed
// from it.
func (d Dist) claim(ctx context.Context) (release func() error, err error) {
	l, err := d.lock(ctx)
	if err != nil {
		return nil, err
	}
	return l.Release, nil
}

// lock is claim, for those who may remove the folder.
func (d Dist) lock(ctx context.Context) (*filelock.Lock, error) {
	for {
		if err := d.check(); err != nil {
			return nil, err
		}
		if err := d.make(); err != nil {
			return nil, fmt.Errorf("making the folder of the image: %w%s", err, writable(err))
		}
		l, err := filelock.Acquire(ctx, filepath.Join(string(d), ".lock"))
		if err == nil {
			if err = d.sweep(); err == nil {
				return l, nil
			}
			err = errors.Join(err, l.Release())
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("taking the folder of the image: %w%s", err, writable(err))
		}
		// The run that held the folder has removed it: make it anew.
	}
}

// writable is what helps when a folder of ours cannot be written to, "" when that is not
// why.
func writable(err error) string {
	var at *fs.PathError
	if errors.As(err, &at) && (errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS)) {
		return fmt.Sprintf("\nfix: let this user write to %q", filepath.Dir(at.Path))
	}
	return ""
}

// sweep removes what a run that was killed has left half done.
func (d Dist) sweep() error {
	rest, err := filepath.Glob(filepath.Join(globQuote(string(d)), ".programs-*"))
	for _, dir := range rest {
		err = errors.Join(err, os.RemoveAll(dir))
	}
	return err
}

// make makes the folder with its mark.
func (d Dist) make() error {
	for _, dir := range []string{filepath.Dir(string(d)), string(d)} {
		if err := makeOpen(dir); err != nil {
			return err
		}
	}
	for _, f := range distFiles {
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
	temp, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	_, err = temp.WriteString(content)
	if err = errors.Join(err, temp.Chmod(0o644), temp.Close()); err == nil {
		err = os.Rename(temp.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temp.Name()))
	}
	return nil
}

// check says whether the folder is free or ours.
func (d Dist) check() error {
	for _, dir := range []string{filepath.Dir(string(d)), string(d), d.Rootfs()} {
		info, err := os.Lstat(dir)
		if errors.Is(err, fs.ErrNotExist) {
			break
		}
		if err != nil {
			return fmt.Errorf("looking at the folder for the image: %w", err)
		}
		if !info.IsDir() {
			return &ConfigError{Err: fmt.Errorf("writing to %q: it is not a folder (%s)\nfix: move it away", dir, info.Mode())}
		}
	}
	entries, err := os.ReadDir(string(d))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("looking at the folder for the image: %w", err)
	}
	if len(entries) > 0 && !d.ours() {
		return &ConfigError{Err: fmt.Errorf("writing to %q: it holds files that fromscratch did not write (%s)\nfix: move them away, or give the image another Name",
			d, entries[0].Name())}
	}
	return nil
}

// clear makes the place of the program ready for the go command. That takes a
// program for up to date by its build ID; one that was changed since is removed.
func (b *Built) clear() error {
	path := b.Plan.binary()
	m, err := readMemory(b.Plan.Dist().memory())
	if err != nil {
		return clearPlace(path)
	}
	b.last = m.IDs
	if slices.Contains(m.outputs.Changed(&record.Look{}), path) {
		if err := remove(path); err != nil {
			return removeAll(path)
		}
	}
	return clearPlace(path)
}

// clearPlace makes sure that the go command, which follows links and writes into
// folders, writes the program to its place and nowhere else.
func clearPlace(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && info.Mode().IsRegular() {
		return nil
	}
	if err == nil && info.IsDir() {
		return removeAll(path)
	}
	return errors.Join(err, os.Remove(path))
}

// discard removes what an earlier build has left for delivery, so that a build
// that fails does not look like one that went well.
func (d Dist) discard(program string) error {
	var errs []error
	for _, path := range append(d.documents(), d.archive(), filepath.Join(d.Rootfs(), program)) {
		errs = append(errs, remove(path))
	}
	return errors.Join(append(errs, removeFolder(d.layout()))...)
}

// discardGroup removes what was made of all platforms together, this one among them.
// Documents there are of an image of one platform.
func (p Plan) discardGroup() error {
	ctx, cancel := context.WithTimeoutCause(context.Background(), groupTimeout, errGroupHeld)
	defer cancel()
	err := p.inGroup(ctx, func(d Dist) error {
		return errors.Join(removeDocuments(d), remove(d.archive()), removeFolder(d.layout()))
	})
	if errors.Is(err, errGroupHeld) {
		return nil // another run writes there what it has built itself
	}
	return err
}

// removeFolder removes a folder that may not be there.
func removeFolder(dir string) error {
	if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return removeAll(dir)
}

// Dists finds the folders that builds of the module have made, of all images or of
// those that IMAGE_NAME names. It does not need the module to compile, nor an image
// to be configured still.
func Dists(ctx context.Context, in Inputs) ([]Dist, error) {
	module, err := in.gocmd().Module(ctx)
	if err != nil {
		return nil, err
	}
	parent := filepath.Join(module.Dir, "dist")
	entries, err := os.ReadDir(parent)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("looking for what was built: %w", err)
	}
	names := split(in.getenv("IMAGE_NAME"))
	var found []Dist
	for _, e := range entries {
		d := Dist(filepath.Join(parent, e.Name()))
		name, _, _ := strings.Cut(e.Name(), "@") // and a platform, or what an earlier removal has left
		if e.IsDir() && (d.ours() || d.isRest()) && (len(names) == 0 || slices.Contains(names, name)) {
			found = append(found, d)
		}
	}
	return found, nil
}

// ours says whether the folder has our mark.
func (d Dist) ours() bool {
	mark, err := os.ReadFile(filepath.Join(string(d), distMark))
	return err == nil && string(mark) == distFiles[0].content
}

// isRest tells of a folder whose removal was killed; its mark may be gone.
func (d Dist) isRest() bool { return strings.Contains(d.Name(), filelock.Aside) }

// Remove removes the folder if it is ours, and dist/ itself if nothing is left.
func (d Dist) Remove(ctx context.Context) (removed bool, err error) {
	if _, err := os.Lstat(string(d)); errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if d.isRest() {
		if err := removeAll(string(d)); err != nil {
			return false, fmt.Errorf("removing what is left of a folder: %w", err)
		}
		return true, nil
	}
	l, err := d.lock(ctx)
	if err != nil {
		return false, err
	}
	if err := l.RemoveFolder(string(d), removeAll); err != nil {
		return false, fmt.Errorf("removing the folder of the image: %w", err)
	}
	if err := os.Remove(filepath.Dir(string(d))); err != nil && !notEmpty(filepath.Dir(string(d))) {
		return true, fmt.Errorf("removing the empty folder: %w", err)
	}
	return true, nil
}

// removeAll is os.RemoveAll for a tree that may hold folders without the write
// bit, as images do.
func removeAll(dir string) error {
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // somebody else removes it, too
		}
		if err != nil || !e.IsDir() {
			return err
		}
		return os.Chmod(path, 0o755)
	})
	return errors.Join(err, os.RemoveAll(dir))
}

func notEmpty(dir string) bool {
	entries, err := os.ReadDir(dir)
	return err == nil && len(entries) > 0
}
