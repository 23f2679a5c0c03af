package deliver

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/image"
)

// Layout writes an image into an OCI layout, a folder that skopeo, podman, umoci and others read. Dir and Images must be
// set.
// https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md
//
// Layers are written uncompressed, except those with an [image.Layer.Blob], which are written as that blob.
type Layout struct {
	// Dir is the folder. A missing or empty folder becomes a layout. In an existing layout, images from other tools stay.
	Dir string
	// Images is one image, or images for several platforms, which get an index.
	Images []*image.Image
	// Refs are the names of the image, like "hello:latest" or "registry.example/acme/hello:1". Tools find it by the name
	// that Docker shows, with the tag: "skopeo … oci:DIR:hello:latest". An image that had one of the names loses it.
	// Without Refs the image is unnamed.
	Refs []string
	// Alone removes all other images that fromscratch has written to the layout. Images from other tools stay.
	Alone bool
}

// Write writes the image and gives it its names. An image that had a name loses it; if it was written by fromscratch, its
// blobs are removed unless the layout still needs them. Blobs from other tools always stay.
//
// Write adds the image completely or not at all: it replaces index.json last, in one step. After an error, or when ctx
// ends, it removes what it has written. It does not write a correct blob again. A second run in the same folder waits.
//
// It fails if the folder has files but is no layout, if a reference is invalid, if a source of a layer has changed since it
// was hashed, or if the folder cannot be written. The error names the folder.
func (l Layout) Write(ctx context.Context) error {
	if err := l.write(ctx); err != nil {
		return fmt.Errorf("writing the layout %q: %w%s", l.Dir, err, fixFor(err, filepath.Join(l.Dir, ocispec.ImageIndexFile)))
	}
	return nil
}

// write is Write without the context in its error.
func (l Layout) write(ctx context.Context) (err error) {
	names, err := parseNames(l.Refs)
	if err != nil {
		return err
	}
	images, err := l.origins()
	if err != nil {
		return err
	}
	root, small, err := rootOf(images)
	if err != nil {
		return err
	}
	d, err := openLayout(ctx, l.Dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(d.close(err == nil), err) }()
	if err := d.writeBlobs(ctx, small, images); err != nil {
		return err
	}
	gone := d.index.enter(root, names, l.Alone)
	if err := d.writeIndex(ctx); err != nil {
		return err
	}
	return d.drop(gone)
}

// origins returns the images with the known blobs of their layers.
func (l Layout) origins() ([]*image.Image, error) {
	if len(l.Images) == 0 || slices.Contains(l.Images, nil) {
		return nil, errors.New("there is no image")
	}
	var images []*image.Image
	for _, img := range l.Images {
		img, err := img.WithOrigins()
		if err != nil {
			return nil, err
		}
		images = append(images, img)
	}
	return images, nil
}

// layoutDir is a layout that this process has locked.
type layoutDir struct {
	path    string
	index   *layoutFile
	made    []string // new files and folders, in the order in which they were made
	release func() error
}

// openLayout locks the folder, makes it a layout if it is not one, and reads its index.
func openLayout(ctx context.Context, path string) (*layoutDir, error) {
	d, err := holdFolder(ctx, path)
	if err != nil {
		return nil, err
	}
	if err = d.begin(); err == nil {
		d.index, err = readLayoutFile(filepath.Join(path, ocispec.ImageIndexFile))
	}
	if err != nil {
		return nil, errors.Join(d.close(false), err)
	}
	return d, nil
}

// maxTries is how often to make a folder that other runs remove, before that is an error.
const maxTries = 20

// holdFolder makes the folder and locks it.
func holdFolder(ctx context.Context, path string) (d *layoutDir, err error) {
	for try := 0; ; try++ {
		d = &layoutDir{path: path}
		err = d.makeFolder(path)
		if err == nil {
			d.release, err = lockFolder(ctx, path)
		}
		if err == nil {
			return d, nil
		}
		err = errors.Join(d.undo(), err)
		if !errors.Is(err, os.ErrNotExist) || try == maxTries {
			return nil, err
		}
		// Another run has failed and removed the folder: make it again.
	}
}

// begin makes the layout's folders, and removes temporary files of killed runs.
func (d *layoutDir) begin() error {
	if err := d.check(); err != nil {
		return err
	}
	for _, dir := range []string{ocispec.ImageBlobsDir, filepath.Join(ocispec.ImageBlobsDir, digest.SHA256.String())} {
		if err := d.makeFolder(filepath.Join(d.path, dir)); err != nil {
			return err
		}
	}
	var errs []error
	for _, dir := range []string{d.path, filepath.Join(d.path, ocispec.ImageBlobsDir, digest.SHA256.String())} {
		errs = append(errs, sweep(dir))
	}
	return errors.Join(errs...)
}

// check refuses a folder that has files but is no layout.
func (d *layoutDir) check() error {
	mark := filepath.Join(d.path, ocispec.ImageLayoutFile)
	text, err := readSmall(mark, maxManifest)
	if err == nil {
		return checkVersion(text)
	}
	if !errors.Is(err, os.ErrNotExist) {
		return cause(err)
	}
	entries, err := os.ReadDir(d.path)
	if err != nil {
		return cause(err)
	}
	for _, e := range entries {
		if e.Name() != lockName && !isTemporary(e.Name()) {
			return fmt.Errorf("the folder has files (%q) and is not an OCI layout\nfix: name an empty or new folder", e.Name())
		}
	}
	return nil
}

// close unlocks the folder. After a failure it also removes what this run has made.
func (d *layoutDir) close(good bool) error {
	var err error
	if !good {
		err = d.undoFiles()
	}
	err = errors.Join(err, d.release())
	if !good {
		err = errors.Join(err, d.undoFolders())
	}
	return err
}
