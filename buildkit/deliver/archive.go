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

	"github.com/fromscratch-go/fromscratch/buildkit/image"
)

// Archive is an image to be written as one tar that docker, podman and skopeo load. Its bytes depend on the fields
// alone. Image or Images must be set; everything else may be zero.
type Archive struct {
	Image *image.Image
	// Images are those of several platforms, instead of Image: the archive holds an index of all, and readers of OCI
	// layouts take theirs.
	Images []*image.Image
	// Platform is the one of Images that manifest.json is about, for engines with a graph driver, which cannot choose.
	// A variant that none has does not count. Default: the first.
	Platform image.Platform
	// Refs are the names of the image, like "hello:latest" or "registry.example/acme/hello": without a registry it is
	// Docker Hub's, without a tag it is latest, and a digest is an error. None makes an archive of an unnamed image. When
	// there are several, "skopeo … oci-archive:FILE:TAG" has to say which.
	Refs []string
	// Annotations are those of the image's entry in index.json; its manifest has its own.
	Annotations map[string]string
	// Omit says which layers, by the digest of their blob, stay out of the archive because the engine that loads it has
	// them. The digest is the diff ID, unless the image has other blobs, see [image.Image.WithBlobs]. Nil omits none.
	// Engines with a graph driver find only a common beginning of an image's layers, those with containerd's image store
	// find any. An archive that lacks a layer is of no use to anyone else.
	Omit func(blob digest.Digest) bool
}

// Write streams the archive to w. Small files come first, then the layers, the lowest first and each one once.
//
// It fails when a reference is not valid, before a byte is written; when a source of a layer has changed since it was
// hashed, cannot be read, w cannot be written, or ctx ends. What is in w is then worthless.
func (a Archive) Write(ctx context.Context, w io.Writer) error {
	if err := a.stream(ctx, w); err != nil {
		return fmt.Errorf("writing the archive: %w", err)
	}
	return nil
}

// stream is Write without its words around the error.
func (a Archive) stream(ctx context.Context, w io.Writer) error {
	// All that can be wrong with the arguments shows before the first byte: an engine that has seen a part of an archive
	// has already begun to unpack.
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

// images are those of the archive, the one for engines that cannot choose first.
func (a Archive) images() ([]*image.Image, error) {
	switch {
	case a.Image == nil && len(a.Images) == 0, slices.Contains(a.Images, nil):
		return nil, errors.New("there is no image")
	case a.Image != nil && len(a.Images) > 0:
		return nil, errors.New("there is one image, and there are others for several platforms")
	case a.Image != nil:
		return []*image.Image{a.Image}, nil
	}
	own := a.own()
	return slices.Concat(a.Images[own:own+1], a.Images[:own], a.Images[own+1:]), nil
}

// own is the image of Images that engines take that cannot choose: one without the variant is better than one that no
// such engine could start.
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

// writeDocuments writes the small files, and the folders before the first one in each.
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
			// The length stands before the bytes: nothing has to be kept back until the layer is complete.
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

// header is that of a file in the archive: everything that is not in its name or its bytes is fixed.
func header(name string, size int64) *tar.Header {
	return &tar.Header{
		Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o644, ModTime: time.Unix(0, 0),
		Format: tar.FormatPAX, // USTAR, and PAX for a layer of 8 GiB and more
	}
}
