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

	"github.com/fromscratch-go/fromscratch/buildkit/image"
)

// Layout is an image to be written into an OCI layout, a folder that skopeo, podman, umoci and others read. Dir and
// Images must be set.
// https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md
//
// Layers are written as they are, uncompressed, but for those with a [image.Layer.Blob].
type Layout struct {
	// Dir is the folder. One that is not there, or empty, becomes a layout; in one that is a layout, the images of
	// others stay.
	Dir string
	// Images is one image, or those of several platforms, which become an index.
	Images []*image.Image
	// Refs are the names of the image, like "hello:latest" or "registry.example/acme/hello:1". In the layout an image is
	// found by the name as Docker shows it, with the tag: "skopeo … oci:DIR:hello:latest". An image that has one of the
	// names so far loses it. None makes an unnamed image.
	Refs []string
	// Alone takes all images out of the layout that we have written before. Those of others stay.
	Alone bool
}

// Write writes the image, and takes its names from an image that had them. The blobs of such an image go when we have
// written it, and nothing else in the layout needs them; what others have written stays in every case.
//
// The layout is as it was, or has all of the image: index.json is replaced last, in one piece, and after an error or
// the end of ctx nothing stays of what was written. A blob that is there and right is not written again. A second run
// in the same folder waits.
//
// It fails when the folder holds something else than a layout, a reference is not valid, a source of a layer has
// changed since it was hashed, or the folder cannot be written. The error names it.
func (l Layout) Write(ctx context.Context) error {
	if err := l.write(ctx); err != nil {
		return fmt.Errorf("writing the layout %q: %w%s", l.Dir, err, fixFor(err, filepath.Join(l.Dir, ocispec.ImageIndexFile)))
	}
	return nil
}

// write is Write without its words around the error.
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

// origins are the images with the blobs that are known of their layers.
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

// layoutDir is a layout that this process alone writes to.
type layoutDir struct {
	path    string
	index   *layoutFile
	made    []string // files and folders that were not there, in the order of making
	release func() error
}

// openLayout takes hold of the folder, which is a layout then, and reads its index.
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

// maxTries is how often a folder is made anew that others remove, before that is an error.
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
		// A run that went wrong has removed the folder that it had made: make it anew.
	}
}

// begin makes a layout of an empty folder, and removes what a run that was killed has left half done.
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

// check refuses a folder with files in it that are not of a layout.
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
			return fmt.Errorf("there are files in the folder (%q), and it is not an OCI layout\nfix: name a folder that is empty, or not there", e.Name())
		}
	}
	return nil
}

// close gives the folder free; of a run that went wrong it removes what that has made.
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
