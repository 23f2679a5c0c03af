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

// Image is an image that is ready to be delivered. It has everything but the bytes of its layers, which [Layer.WriteTo]
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

	config      Config
	blobs       []Blob            // the layers as the manifest lists them
	annotations map[string]string // of the manifest
}

// New combines layers, the lowest first, and a configuration. It fails if engines would not accept a value of the
// configuration. It does no I/O. The same arguments give the same bytes.
func New(cfg Config, layers []*Layer) (*Image, error) {
	return newImage(cfg, layers, func(*dockerspec.DockerOCIImage) {})
}

// newImage is New, but calls inherit to change the configuration document for a base.
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

// Config returns the normalised configuration. Its slices and maps belong to the image: do not change them.
func (img *Image) Config() Config { return img.config }

// configDocument returns the configuration document of the specification, with the fields that Docker has added.
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
	// One line of history for each layer: engines count the lines that are not empty layers.
	for _, l := range layers {
		doc.RootFS.DiffIDs = append(doc.RootFS.DiffIDs, l.DiffID)
		doc.History = append(doc.History, ocispec.History{Created: &l.Created, CreatedBy: l.CreatedBy, Comment: l.Comment})
	}
	return doc
}

// set returns names as the configuration writes them, an object of empty objects, or nil if there are none.
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
