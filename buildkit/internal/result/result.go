// Package result has the finished image as one value. Nothing in it changes after the build: explanations, documents and
// deliveries are functions of it.
package result

import (
	"slices"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/compile"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/image"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/libraries"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/owners"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/plan"
	"github.com/fromscratch-go/fromscratch/rootfs"
)

// Result is a finished image.
type Result struct {
	Plan      plan.Image
	Program   Program
	Libraries libraries.Set
	Files     rootfs.Spec // what is in the tree except the program and its libraries
	Tree      *rootfs.Tree
	Image     *image.Image
	Notes     []string // what a person should know, those of Libraries too
	Before    []string // possible IDs in engines of the image that the last build made; empty if unknown

	// Owners returns the packages that files of the tree come from. The first call reads them.
	Owners func() *owners.Owners
}

// Program is the compiled program.
type Program = compile.Program

// IDs returns the possible IDs of the image in engines: the digest of its configuration in those with a graph driver, and that of
// its manifest in those with the containerd image store, which may name the layers of the base as they were pulled.
func (r Result) IDs() []string {
	ids := []string{r.Image.ConfigDigest.String(), r.Image.ManifestDigest.String()}
	if img := r.OnBlobs(); img != nil {
		ids = append(ids, img.ManifestDigest.String())
	}
	return ids
}

// OnBlobs returns the image with the layers of its base as the base's manifest names them, compressed; nil if the names are
// unknown. A containerd image store that has them under these names need not be sent them.
func (r Result) OnBlobs() *image.Image {
	base := r.Plan.Base
	if base == nil || len(base.Blobs) != len(base.Image.Layers) {
		return nil
	}
	img, err := r.Image.WithBlobs(slices.Concat(base.Blobs, r.Image.Blobs()[len(base.Blobs):]))
	if err != nil {
		return nil // a blob without a type: such an image is sent in full
	}
	return img
}
