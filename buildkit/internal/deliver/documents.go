package deliver

import (
	"encoding/json"
	"fmt"
	"maps"
	"path"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/image"
)

// containerdName is the annotation with the full name of an image for containerd's image store. podman prefers it too.
// https://github.com/containerd/containerd/blob/v2.0.0/core/images/annotations.go
const containerdName = "io.containerd.image.name"

// dockerManifestFile is the table of contents that engines with a graph driver read.
const dockerManifestFile = "manifest.json"

// dockerManifest is one image in manifest.json.
// https://github.com/moby/docker-image-spec/blob/v1.3.1/spec.md#combined-image-json--filesystem-changeset-format
type dockerManifest struct {
	Config   string
	RepoTags []string
	Layers   []string
}

// document is a small file of the archive.
type document struct {
	name    string
	content []byte
}

// documents returns all files except layers in the order of the archive, in which readers of a stream need them.
// manifest.json is about the first image.
func documents(images []*image.Image, names []name, annotations map[string]string) ([]document, error) {
	root, blobs, err := rootOf(images)
	if err != nil {
		return nil, err
	}
	var docs []document
	for _, made := range []struct {
		name  string
		value any
	}{
		{ocispec.ImageLayoutFile, ocispec.ImageLayout{Version: ocispec.ImageLayoutVersion}},
		{ocispec.ImageIndexFile, layoutIndex(root, names, annotations)},
		{dockerManifestFile, []dockerManifest{dockerEntry(images[0], names)}},
	} {
		content, err := json.Marshal(made.value)
		if err != nil {
			return nil, fmt.Errorf("encoding %q: %w", made.name, err)
		}
		docs = append(docs, document{made.name, content})
	}
	return append(docs, blobs...), nil
}

// rootOf returns the descriptor that names lead to, which is the manifest of a single image or the index of several, and
// the small blobs: the index, the manifests and the configurations, each once.
func rootOf(images []*image.Image) (root ocispec.Descriptor, blobs []document, err error) {
	root = images[0].Descriptor()
	if len(images) > 1 {
		index, err := image.NewIndex(images)
		if err != nil {
			return root, nil, err
		}
		root, images = index.Descriptor(), index.Images
		blobs = append(blobs, document{blobPath(index.Digest), index.Raw})
	}
	for _, img := range images {
		blobs = append(blobs, document{blobPath(img.ManifestDigest), img.RawManifest}, document{blobPath(img.ConfigDigest), img.RawConfig})
	}
	return root, blobs, nil
}

// layoutIndex returns an index.json with an entry for each name, or one entry without a name. Each has the annotations.
// https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md#indexjson-file
func layoutIndex(root ocispec.Descriptor, names []name, annotations map[string]string) ocispec.Index {
	index := ocispec.Index{
		Versioned: specs.Versioned{SchemaVersion: 2}, // the value that the specification fixes
		MediaType: ocispec.MediaTypeImageIndex,
	}
	// An annotation holds one name, so each name has its own descriptor, as in the archives of "docker save".
	for _, n := range names {
		root.Annotations = maps.Clone(annotations)
		if root.Annotations == nil {
			root.Annotations = map[string]string{}
		}
		root.Annotations[containerdName], root.Annotations[ocispec.AnnotationRefName] = n.full, n.tag
		index.Manifests = append(index.Manifests, root)
	}
	if len(names) == 0 {
		root.Annotations = maps.Clone(annotations)
		index.Manifests = append(index.Manifests, root)
	}
	return index
}

// dockerEntry returns the entry of an image in manifest.json, with the blobs of the layout as its files. It has full names:
// Docker shortens them itself, but podman would read "hello" as "localhost/hello" here and as "docker.io/library/hello" in
// the index.
func dockerEntry(img *image.Image, names []name) dockerManifest {
	entry := dockerManifest{Config: blobPath(img.ConfigDigest)}
	for _, n := range names {
		entry.RepoTags = append(entry.RepoTags, n.full)
	}
	for _, b := range img.Blobs() {
		entry.Layers = append(entry.Layers, blobPath(b.Digest))
	}
	return entry
}

// blobPath returns the path of a blob in a layout: blobs/<algorithm>/<hex>.
func blobPath(d digest.Digest) string {
	return path.Join(ocispec.ImageBlobsDir, d.Algorithm().String(), d.Encoded())
}
