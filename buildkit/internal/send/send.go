// Package send brings finished images to where they are used: into an engine, a kind cluster, a registry, an OCI layout or an
// archive. Its functions take an [Image], and return the name or the path that the image has there. They send only what the other
// side lacks.
//
// Images of one name are the platforms of one image. A registry, a layout and an archive get them together, as an index. Archives
// and layouts are in dist/, which the build holds; [RemoveStale] removes those of an earlier build.
package send

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/fromscratch-go/fromscratch/buildkit/config"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/deliver"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/fsx"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/image"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/platform"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/registry"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/report"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/result"
)

// Image is a finished image, and what is published about it. Engines and kind clusters get the image alone: for them the functions
// may be nil.
type Image struct {
	result.Result
	Report report.Report

	Annotations    func(context.Context) (map[string]string, error)                                      // of the manifest
	Documents      func(ctx context.Context, manifest digest.Digest) ([]registry.Attachment, error)      // about the manifest
	Provenance     func(ctx context.Context, manifestOrIndex digest.Digest) (registry.Attachment, error) // of what has the digest
	WriteDocuments func(context.Context) error                                                           // to the image's folder in dist/
}

// archive returns the image as an engine gets it under a reference.
func (i Image) archive(ref string) deliver.Archive {
	return deliver.Archive{Image: i.Image, Refs: []string{ref}}
}

// forgetLayers removes what is known about the layers: it may be the reason why a delivery failed.
func (i Image) forgetLayers() error { return fsx.Remove(i.Plan.Dist().Layers()) }

// diffIDs returns the digests of uncompressed layers.
func diffIDs(layers []*image.Layer) []string {
	var ids []string
	for _, l := range layers {
		ids = append(ids, l.DiffID.String())
	}
	return ids
}

// platforms are the images of one name.
type platforms []Image

// eachName calls do for all images of one name together, in the order in which the names come first, and returns the results.
func eachName[T any](images []Image, do func(platforms) (T, error)) ([]T, error) {
	var groups []platforms
	for _, img := range images {
		i := slices.IndexFunc(groups, func(g platforms) bool { return g[0].Plan.Name == img.Plan.Name })
		if i < 0 {
			groups, i = append(groups, nil), len(groups)
		}
		groups[i] = append(groups[i], img)
	}
	var all []T
	for _, g := range groups {
		one, err := do(g)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, nil
}

func (g platforms) images() []*image.Image {
	var images []*image.Image
	for _, img := range g {
		images = append(images, img.Image)
	}
	return images
}

// list returns the platforms of the images.
func (g platforms) list() []platform.Platform {
	var list []platform.Platform
	for _, img := range g {
		list = append(list, img.Image.Config().Platform)
	}
	return list
}

// forgetLayers is [Image.forgetLayers] for all.
func (g platforms) forgetLayers() error {
	var errs []error
	for _, img := range g {
		errs = append(errs, img.forgetLayers())
	}
	return errors.Join(errs...)
}

// annotated returns the images with annotations in their manifests; with AnnotationsNone there are none. Only registries and layouts get these
// images: they do not know an image by its manifest before they have it.
func (g platforms) annotated(ctx context.Context) ([]*image.Image, error) {
	images := g.images()
	for i, img := range g {
		if img.Plan.Supply.Annotations == config.AnnotationsNone {
			continue
		}
		annotations, err := img.Annotations(ctx)
		if err != nil {
			return nil, err
		}
		if images[i], err = images[i].WithAnnotations(annotations); err != nil {
			return nil, err
		}
	}
	return images, nil
}

// archived returns the annotations of the entry in an archive: those that all platforms have in common. The manifests of an archive
// have none, because an engine with the containerd image store knows the loaded image by its manifest. The base's digest is left
// out: an engine that the base came from may not know it, and the archive is the same from every machine.
func (g platforms) archived(ctx context.Context) (map[string]string, error) {
	var all map[string]string
	for _, img := range g {
		if img.Plan.Supply.Annotations == config.AnnotationsNone {
			return nil, nil
		}
		own, err := img.Annotations(ctx)
		if err != nil {
			return nil, err
		}
		if all == nil {
			all = own
		}
		maps.DeleteFunc(all, func(key, value string) bool { return own[key] != value || key == ocispec.AnnotationBaseImageDigest })
	}
	return all, nil
}
