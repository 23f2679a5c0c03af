package deliver

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/image"
)

// Archive writes an image as one tar that docker, podman and skopeo load. The bytes depend only on the fields. Image or
// Images must be set; everything else may be zero.
type Archive struct {
	Image *image.Image
	// Images are images for several platforms, instead of Image. The archive has an index of all, from which readers of
	// OCI layouts choose.
	Images []*image.Image
	// Platform selects the one of Images for manifest.json, which engines with a graph driver read: they cannot choose.
	// If no image has the variant, it is ignored. Default: the first.
	Platform image.Platform
	// Refs are the names of the image, like "hello:latest" or "registry.example/acme/hello". Without a registry a name
	// means Docker Hub, without a tag "latest". A digest is an error. Without Refs the image is unnamed. With several,
	// "skopeo … oci-archive:FILE:TAG" must name one.
	Refs []string
	// Annotations are annotations of the image's entry in index.json. The manifest has its own.
	Annotations map[string]string
	// Omit reports whether to leave a layer out because the engine that loads the archive has it. The argument is the
	// digest of the layer's blob, which is the diff ID unless the image has other blobs, see [image.Image.WithBlobs]. nil
	// omits none. Engines with a graph driver only reuse the lowest layers up to the first difference; engines with
	// containerd's image store reuse any layer. Only that engine can use the archive.
	Omit func(blob digest.Digest) bool
}

// Write streams the archive to w. Small files come first, then each layer once, the lowest first.
//
// It fails before the first byte if a reference is invalid. It also fails if a source of a layer has changed since it was
// hashed or cannot be read, if w cannot be written, or if ctx ends. The output is then useless.
func (a Archive) Write(ctx context.Context, w io.Writer) error {
	if err := a.stream(ctx, w); err != nil {
		return fmt.Errorf("writing the archive: %w", err)
	}
	return nil
}

// stream is Write without the context in its error.
func (a Archive) stream(ctx context.Context, w io.Writer) error {
	// All arguments are checked before the first byte: an engine starts to unpack with the first part of an archive.
	images, err := a.images()
	if err != nil {
		return err
	}
	names, err := parseNames(a.Refs)
	if err != nil {
		return err
	}
	docs, err := documents(images, names, a.Annotations)
	if err != nil {
		return err
	}
	tw := tar.NewWriter(w)
	if err := writeDocuments(ctx, tw, docs); err != nil {
		return err
	}
	if err := a.writeLayers(ctx, tw, images); err != nil {
		return err
	}
	return tw.Close()
}

// images returns the images of the archive. The one for engines that cannot choose is first.
func (a Archive) images() ([]*image.Image, error) {
	switch {
	case a.Image == nil && len(a.Images) == 0, slices.Contains(a.Images, nil):
		return nil, errors.New("there is no image")
	case a.Image != nil && len(a.Images) > 0:
		return nil, errors.New("there are both one image and images for several platforms")
	case a.Image != nil:
		return []*image.Image{a.Image}, nil
	}
	own := a.own()
	return slices.Concat(a.Images[own:own+1], a.Images[:own], a.Images[own+1:]), nil
}

// own returns the index of the image for engines that cannot choose. If no image has the variant, it takes one with the
// same architecture.
func (a Archive) own() int {
	own := slices.IndexFunc(a.Images, func(img *image.Image) bool { return img.Config().Platform == a.Platform })
	if own < 0 {
		own = slices.IndexFunc(a.Images, func(img *image.Image) bool {
			p := img.Config().Platform
			return p.OS == a.Platform.OS && p.Architecture == a.Platform.Architecture
		})
	}
	return max(0, own)
}

// writeDocuments writes the small files, each folder before its first file.
func writeDocuments(ctx context.Context, tw *tar.Writer, docs []document) error {
	folders := map[string]bool{".": true}
	for _, doc := range docs {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := writeFolders(tw, path.Dir(doc.name), folders); err != nil {
			return err
		}
		if err := tw.WriteHeader(header(doc.name, int64(len(doc.content)))); err != nil {
			return err
		}
		if _, err := tw.Write(doc.content); err != nil {
			return err
		}
	}
	return nil
}

// writeFolders writes dir and the folders above it that are not yet in written.
func writeFolders(tw *tar.Writer, dir string, written map[string]bool) error {
	if written[dir] {
		return nil
	}
	written[dir] = true
	if err := writeFolders(tw, path.Dir(dir), written); err != nil {
		return err
	}
	h := header(dir+"/", 0)
	h.Typeflag, h.Mode = tar.TypeDir, 0o755
	return tw.WriteHeader(h)
}

// writeLayers writes the blobs of all layers that are neither omitted nor written already.
func (a Archive) writeLayers(ctx context.Context, tw *tar.Writer, images []*image.Image) error {
	written := map[digest.Digest]bool{}
	for _, img := range images {
		for i, b := range img.Blobs() {
			if written[b.Digest] || a.Omit != nil && a.Omit(b.Digest) {
				continue
			}
			// The size is known before the bytes, so that the layer can be streamed.
			written[b.Digest] = true
			if err := tw.WriteHeader(header(blobPath(b.Digest), b.Size)); err != nil {
				return err
			}
			if err := copyBlob(ctx, tw, img.Layers[i], b); err != nil {
				return err
			}
		}
	}
	return nil
}

// header returns the header of a file in the archive. Everything but name and size is fixed.
func header(name string, size int64) *tar.Header {
	return &tar.Header{
		Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o644, ModTime: time.Unix(0, 0),
		Format: tar.FormatPAX, // USTAR, and PAX for a layer of 8 GiB and more
	}
}
