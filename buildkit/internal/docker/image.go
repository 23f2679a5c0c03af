package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/distribution/reference"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/client"
)

// NameLabel marks an engine's images and containers as fromscratch's. Its value is the name of the image. An image without
// it is never removed.
const NameLabel = "io.github.fromscratch-go.image"

// Image describes an image that an engine has.
type Image struct {
	// ID is "sha256:" and 64 hex digits: the config's digest on graph drivers and podman, the manifest's digest (for a
	// pulled image its index's) on the containerd image store.
	ID string
	// Tags are its names in the engine ("hello:latest"). A dangling image has none.
	Tags []string
	// Digests name its manifests in registries ("docker.io/library/hello@sha256:…" or "hello@sha256:…").
	Digests []string
	// DiffIDs are the digests of its uncompressed layers, lowest first.
	DiffIDs []string
	// Manifests are the digests of its manifests with complete content. Only the containerd image store lists them, from
	// API 1.48 on.
	Manifests []string
	// Platform is the platform that it is for.
	Platform Platform
	// Labels are the labels of its config.
	Labels map[string]string
	// Env is the environment of its containers, "KEY=value".
	Env []string
	// Complete is false if the engine lacks some of the image's content. Such an image can't run. Only the containerd image
	// store loses content.
	Complete bool
}

// BrokenImageError reports that an engine fails to inspect an image that it has. podman does if a layer is gone ("layer not
// known"). Loading the image again repairs it.
type BrokenImageError struct{ Err error }

// Error returns the engine's message.
func (e *BrokenImageError) Error() string { return e.Err.Error() }

// Unwrap returns the client's error.
func (e *BrokenImageError) Unwrap() error { return e.Err }

// Shared returns how many of the given layers, counted from the lowest, the image has at the same places. An archive may
// leave these out. It may leave out no others, because graph drivers find a layer by the chain of all layers below it.
func (i Image) Shared(diffIDs []string) int {
	n := 0
	for n < len(diffIDs) && n < len(i.DiffIDs) && diffIDs[n] == i.DiffIDs[n] {
		n++
	}
	return n
}

// Digest returns the digest of the image's manifest in the registry of a reference ("sha256:…"). ok is false if the image
// was not pulled by that name.
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

// Image inspects an image, named by name or ID. If the engine doesn't have it, found is false and err is nil. If the engine
// fails to inspect it, the error is a [*BrokenImageError].
func (e *Engine) Image(ctx context.Context, ref string) (img Image, found bool, err error) {
	img, found, err = e.image(ctx, ref)
	return img, found, e.Failed(fmt.Sprintf("inspecting image %q", ref), err)
}

// Has reports whether ref names a complete image with one of the IDs: loading it again would change nothing. Has is false
// for an image that the engine fails to inspect. The IDs are the config's and the manifest's digest ("sha256:…"): the
// engine's image store decides which of them it uses. Has makes one request.
func (e *Engine) Has(ctx context.Context, ref string, ids ...string) (bool, error) {
	img, found, err := e.Image(ctx, ref)
	var broken *BrokenImageError
	if errors.As(err, &broken) {
		return false, nil
	}
	return found && img.Complete && img.Is(ids...), err
}

// Is reports whether the image's ID is one of ids, which are digests of a config or a manifest.
func (i Image) Is(ids ...string) bool {
	for _, id := range ids {
		if id != "" && canonicalID(id) == i.ID {
			return true
		}
	}
	return false
}

// canonicalID adds the algorithm to an ID. podman leaves it out in some answers.
func canonicalID(id string) string {
	if strings.Contains(id, ":") || id == "" {
		return id
	}
	return "sha256:" + id
}

// image is Image with the client's own error.
func (e *Engine) image(ctx context.Context, ref string) (Image, bool, error) {
	var options []client.ImageInspectOption
	if e.speaks("1.48") {
		options = append(options, client.ImageInspectWithManifests(true)) // they say which content is there
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

// complete reports whether all content of an image is there. Without a list of manifests it is: the engine's API is older,
// or it has no containerd image store and loses no content. Of an index one image must be complete: a pull leaves out
// other platforms.
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

// Save writes an image, named by name or ID, to w as an archive, as "docker save" does. If Save fails or ctx ends, the
// archive is incomplete.
func (e *Engine) Save(ctx context.Context, ref string, w io.Writer) error {
	return e.Failed(fmt.Sprintf("saving image %q", ref), e.save(ctx, ref, w))
}

func (e *Engine) save(ctx context.Context, ref string, w io.Writer) error {
	body, err := e.api.ImageSave(ctx, []string{ref})
	if err != nil {
		return err
	}
	_, err = io.Copy(callersWriter{w}, body)
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return errors.Join(err, body.Close())
}
