package buildkit

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/dist"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/fsx"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/state"
	"github.com/fromscratch-go/fromscratch/buildkit/record"
)

// Dist is the folder of one image below the module, dist/NAME, or of one platform of it, dist/NAME@linux-arm64.
type Dist = dist.Folder

// Dists finds the folders that builds of the module have made, of all images or of those that IMAGE_NAME names. It does not
// need the module to compile, nor an image to be configured still.
func Dists(ctx context.Context, in Inputs) ([]Dist, error) {
	module, err := in.gocmd().Module(ctx)
	if err != nil {
		return nil, err
	}
	return dist.Find(module.Dir, split(in.getenv("IMAGE_NAME")))
}

// clear makes the place of the program ready for the go command. That takes a
// program for up to date by its build ID; one that was changed since is removed.
func (b *Built) clear() error {
	path := b.Plan.Executable()
	m, err := state.Read(b.Plan.Dist().Memory())
	if err != nil {
		return clearPlace(path)
	}
	b.last = m.IDs
	if slices.Contains(m.Outputs.Changed(&record.Look{}), path) {
		if err := fsx.Remove(path); err != nil {
			return fsx.RemoveAll(path)
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
		return fsx.RemoveAll(path)
	}
	return errors.Join(err, os.Remove(path))
}
