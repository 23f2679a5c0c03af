package image

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Image is an image that is ready to be delivered: everything but the bytes of its layers, which [Layer.WriteTo]
// streams. It is made by [New] and does not change.
type Image struct {
	// RawConfig is the image's configuration (application/vnd.oci.image.config.v1+json) and ConfigDigest its digest:
	// the image's ID in an engine with a graph driver, and in podman.
	RawConfig    []byte
	ConfigDigest digest.Digest
	// RawManifest is the image's manifest (application/vnd.oci.image.manifest.v1+json) and ManifestDigest its digest:
	// the image's ID in an engine with containerd's image store, and in a registry.
	RawManifest    []byte
	ManifestDigest digest.Digest
	// Layers are the layers of the image, the lowest first.
	Layers []*Layer

	config Config
	blobs  []Blob // that the manifest names as the layers
}

// New puts layers, the lowest first, and a configuration together. It fails when a value of the configuration is not
// one that engines accept, and does no I/O. The same arguments give the same bytes.
func New(cfg Config, layers []*Layer) (*Image, error) {
	return newImage(cfg, layers, func(*dockerspec.DockerOCIImage) {})
}

// newImage is New with a word of the base on the configuration document.
func newImage(cfg Config, layers []*Layer, inherit func(*dockerspec.DockerOCIImage)) (*Image, error) {
	if len(layers) == 0 || slices.Contains(layers, nil) {
		return nil, errors.New("making an image: a layer is missing")
	}
	cfg, err := cfg.normalise()
	if err != nil {
		return nil, err
	}
	// The manifest has the digest of the configuration, so the configuration comes first.
	img := &Image{Layers: slices.Clone(layers), config: cfg}
	doc := configDocument(cfg, layers)
	inherit(&doc)
	if img.RawConfig, err = json.Marshal(doc); err != nil {
		return nil, fmt.Errorf("encoding the image's configuration: %w", err)
	}
	img.ConfigDigest = digest.FromBytes(img.RawConfig)
	for _, l := range layers {
		img.blobs = append(img.blobs, l.blob())
	}
	return img, img.describe()
}

// Config returns the configuration as it is kept. Its slices and maps belong to the image: do not change them.
func (img *Image) Config() Config { return img.config }

// configDocument is the configuration in the words of the specification, with the fields that Docker has added.
// https://github.com/opencontainers/image-spec/blob/v1.1.1/config.md
// https://github.com/moby/docker-image-spec/blob/v1.3.1/spec.md
func configDocument(cfg Config, layers []*Layer) dockerspec.DockerOCIImage {
	doc := dockerspec.DockerOCIImage{
		Image: ocispec.Image{
			Created:  &cfg.Created,
			Platform: ocispec.Platform{OS: cfg.Platform.OS, Architecture: cfg.Platform.Architecture, Variant: cfg.Platform.Variant},
			RootFS:   ocispec.RootFS{Type: "layers"},
		},
		Config: dockerspec.DockerOCIImageConfig{
			ImageConfig: ocispec.ImageConfig{
				User: cfg.User, ExposedPorts: set(cfg.Ports), Env: cfg.Env, Entrypoint: cfg.Entrypoint, Cmd: cfg.Cmd,
				Volumes: set(cfg.Volumes), WorkingDir: cfg.Workdir, Labels: cfg.Labels, StopSignal: cfg.StopSignal,
			},
			DockerOCIImageConfigExt: dockerspec.DockerOCIImageConfigExt{Healthcheck: cfg.Healthcheck.document()},
		},
	}
	// One line of history for each layer and none without: engines count the lines that are not empty layers.
	for _, l := range layers {
		doc.RootFS.DiffIDs = append(doc.RootFS.DiffIDs, l.DiffID)
		doc.History = append(doc.History, ocispec.History{Created: &l.Created, CreatedBy: l.CreatedBy, Comment: l.Comment})
	}
	return doc
}

// set is how the configuration writes a list of names: an object of empty objects, or nothing at all.
func set(names []string) map[string]struct{} {
	if len(names) == 0 {
		return nil
	}
	members := make(map[string]struct{}, len(names))
	for _, name := range names {
		members[name] = struct{}{}
	}
	return members
}
