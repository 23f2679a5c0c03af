package docker

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/distribution/reference"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/client"
)

// NameLabel is the label that marks an engine's images and containers as fromscratch's. Its value is the name of the image. An
// image without it is never removed.
const NameLabel = "io.github.fromscratch-go.image"

// Image is what an engine says about one of its images.
type Image struct {
	// ID is "sha256:" and 64 hex digits: the config's digest on graph drivers and podman, the manifest's digest (for a
	// pulled image its index's) on the containerd image store.
	ID string
	// Tags are the names that it has here ("hello:latest"); none when it is dangling.
	Tags []string
	// Digests are the manifests that registries have it by ("docker.io/library/hello@sha256:…" or "hello@sha256:…").
	Digests []string
	// DiffIDs are its layers, lowest first, as digests of the uncompressed layers.
	DiffIDs []string
	// Manifests are the digests of the image's manifests whose content is all there. Only the containerd image store has
	// them, from API 1.48 on.
	Manifests []string
	// Platform is what it runs on.
	Platform Platform
	// Labels are those of its config.
	Labels map[string]string
	// Env is the environment of its containers, "KEY=value".
	Env []string
	// Complete is false when the engine knows the image and has lost some of its content, which only the containerd
	// image store does: such an image cannot be run.
	Complete bool
}

// BrokenImageError is that an engine fails over an image that it knows, as podman does when a layer is gone ("layer not
// known"). To load the image again puts it right.
type BrokenImageError struct{ Err error }

// Error is what the engine says.
func (e *BrokenImageError) Error() string { return e.Err.Error() }

// Unwrap gives the client's error.
func (e *BrokenImageError) Unwrap() error { return e.Err }

// Shared is how many of the given layers, from the lowest up, the image has in the same order: those that an engine
// need not be sent again. Graph drivers find a layer by the chain of all below it, so no other layer can be left out.
func (i Image) Shared(diffIDs []string) int {
	n := 0
	for n < len(diffIDs) && n < len(i.DiffIDs) && diffIDs[n] == i.DiffIDs[n] {
		n++
	}
	return n
}

// Digest is that of the manifest by which the registry of a reference has the image ("sha256:…"); ok is false for an
// image that was not pulled by that name.
func (i Image) Digest(ref string) (digest string, ok bool) {
	named, err := reference.ParseNormalizedNamed(ref)
	if err != nil {
		return "", false
	}
	for _, d := range i.Digests {
		if other, err := reference.ParseNormalizedNamed(d); err == nil && other.Name() == named.Name() {
			if digested, is := other.(reference.Digested); is {
				return digested.Digest().String(), true
			}
		}
	}
	return "", false
}

// Image asks for an image by name or ID; found is false, without an error, when the engine has none. One that the engine
// fails over is a [*BrokenImageError].
func (e *Engine) Image(ctx context.Context, ref string) (img Image, found bool, err error) {
	img, found, err = e.image(ctx, ref)
	return img, found, e.Failed(fmt.Sprintf("inspecting image %q", ref), err)
}

// Has reports whether ref names an image that has one of the given IDs and is complete: whether loading it again would
// change nothing. One that the engine fails over it has not. An ID is a config or manifest digest ("sha256:…"), the
// caller gives both, because the engine's image store decides which it uses. It costs one request.
func (e *Engine) Has(ctx context.Context, ref string, ids ...string) (bool, error) {
	img, found, err := e.Image(ctx, ref)
	var broken *BrokenImageError
	if errors.As(err, &broken) {
		return false, nil
	}
	return found && img.Complete && img.Is(ids...), err
}

// Is reports whether the image has one of the IDs, which are a config's or a manifest's digest.
func (i Image) Is(ids ...string) bool {
	for _, id := range ids {
		if id != "" && canonicalID(id) == i.ID {
			return true
		}
	}
	return false
}

// canonicalID gives an ID its algorithm, which podman leaves away at some places.
func canonicalID(id string) string {
	if strings.Contains(id, ":") || id == "" {
		return id
	}
	return "sha256:" + id
}

// image is Image with the client's error as it is.
func (e *Engine) image(ctx context.Context, ref string) (Image, bool, error) {
	var options []client.ImageInspectOption
	if e.speaks("1.48") {
		options = append(options, client.ImageInspectWithManifests(true)) // tells what is available
	}
	answer, err := e.api.ImageInspect(ctx, ref, options...)
	if errdefs.IsNotFound(err) {
		return Image{}, false, nil
	}
	if errdefs.IsInternal(err) {
		return Image{}, false, &BrokenImageError{err}
	}
	if err != nil {
		return Image{}, false, err
	}
	img := Image{
		ID:       canonicalID(answer.ID),
		Tags:     answer.RepoTags,
		Digests:  answer.RepoDigests,
		DiffIDs:  answer.RootFS.Layers,
		Platform: Platform{OS: answer.Os, Architecture: answer.Architecture, Variant: answer.Variant},
		Complete: complete(answer),
	}
	for _, m := range answer.Manifests {
		if m.Kind == image.ManifestKindImage && m.Available {
			img.Manifests = append(img.Manifests, m.Descriptor.Digest.String())
		}
	}
	if answer.Config != nil {
		img.Labels, img.Env = answer.Config.Labels, answer.Config.Env
	}
	return img, true, nil
}

// complete reports whether all content is there. An engine that lists no manifests, because its API is older or
// because it has no containerd image store, loses no content. Of an index one image must be complete: its other
// platforms are not pulled.
func complete(answer image.InspectResponse) bool {
	if len(answer.Manifests) == 0 {
		return true
	}
	for _, m := range answer.Manifests {
		if m.Kind == image.ManifestKindImage && m.Available {
			return true
		}
	}
	return false
}
