package base

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/image"
)

// inFile finds the base in an archive or a layout on this machine.
func (f Finder) inFile(ctx context.Context, r Request, name, tag string) (b *Base, err error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, fmt.Errorf("%w\nfix: name an OCI layout as \"oci:DIR\", an archive as \"archive:FILE\", relative to the module's folder", err)
	}
	if info.IsDir() {
		return f.inLayout(ctx, r, name, tag)
	}
	archive, err := openArchive(ctx, name, f.Cache)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, archive.Close()) }()
	c, err := choose(ctx, archive, tag, r.Platform)
	if err != nil {
		return nil, err
	}
	c.From, c.id, c.paths, c.account = name, r.Reference, []string{name}, archive.account
	if b, err = f.complete(ctx, r, c); err != nil {
		return nil, err
	}
	for _, l := range b.Image.Layers {
		if l.Blob != nil {
			l.Blob = reopening(name, f.Cache, *l.Blob)
		}
	}
	return b, nil
}

func (f Finder) inLayout(ctx context.Context, r Request, dir, tag string) (*Base, error) {
	c, err := choose(ctx, layout(dir), tag, r.Platform)
	if err != nil {
		return nil, err
	}
	// Blobs are named by digest: the same index means the same image.
	c.From, c.id, c.paths = dir, r.Reference, []string{filepath.Join(dir, "index.json")}
	return f.complete(ctx, r, c)
}

// reopening returns a blob that opens its archive each time, so that the archive is not kept open until a push.
func reopening(name, temp string, blob image.Blob) *image.Blob {
	blob.Open = func(ctx context.Context) (io.ReadCloser, error) {
		archive, err := openArchive(ctx, name, temp)
		if err != nil {
			return nil, err
		}
		body, _, err := archive.open("blobs/" + blob.Digest.Algorithm().String() + "/" + blob.Digest.Encoded())
		if err != nil {
			return nil, errors.Join(err, archive.Close())
		}
		return inArchive{body, archive}, nil
	}
	return &blob
}

// inArchive is an open blob. Close closes its archive.
type inArchive struct {
	io.Reader
	archive *archive
}

func (b inArchive) Close() error { return b.archive.Close() }
