package again

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/image"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/platform"
)

// readLayout returns the configuration and the layers of an image in an OCI layout that fromscratch has written
// (https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md). The layers of a base, which may be compressed, cannot be
// read.
func readLayout(dir, reference string, p platform.Platform) (config []byte, layers []*image.Layer, err error) {
	l := layout(dir)
	var index ocispec.Index
	if err := l.read(filepath.Join(dir, ocispec.ImageIndexFile), &index); err != nil {
		return nil, nil, err
	}
	manifest, err := l.find(index, reference, p)
	if err != nil {
		return nil, nil, err
	}
	if config, err = os.ReadFile(l.blob(manifest.Config.Digest)); err != nil {
		return nil, nil, err
	}
	var document ocispec.Image
	if err := json.Unmarshal(config, &document); err != nil {
		return nil, nil, err
	}
	if len(document.RootFS.DiffIDs) != len(manifest.Layers) {
		return nil, nil, fmt.Errorf("it has %d layers, and its configuration %d", len(manifest.Layers), len(document.RootFS.DiffIDs))
	}
	made := []ocispec.History{} // a line for each layer
	for _, h := range document.History {
		if !h.EmptyLayer {
			made = append(made, h)
		}
	}
	for i, d := range document.RootFS.DiffIDs {
		s := image.Stored{Path: l.blob(manifest.Layers[i].Digest), DiffID: d, Size: manifest.Layers[i].Size}
		if len(made) == len(manifest.Layers) {
			s.CreatedBy = made[i].CreatedBy
		}
		layers = append(layers, image.StoredLayer(s))
	}
	return config, layers, nil
}

// errNoImage reports that a layout does not have an image.
var errNoImage = errors.New("there is no such image in the layout")

// layout is the folder of a layout.
type layout string

func (l layout) blob(d digest.Digest) string {
	return filepath.Join(string(l), ocispec.ImageBlobsDir, d.Algorithm().String(), d.Encoded())
}

func (l layout) read(path string, document any) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, document)
}

// find returns the manifest of an image, which may be in an index of all its platforms.
func (l layout) find(index ocispec.Index, reference string, p platform.Platform) (m ocispec.Manifest, err error) {
	for _, d := range index.Manifests {
		if reference != "" && d.Annotations[ocispec.AnnotationRefName] != reference && d.Annotations["io.containerd.image.name"] != reference {
			continue
		}
		if d.MediaType == ocispec.MediaTypeImageIndex {
			var below ocispec.Index
			if err := l.read(l.blob(d.Digest), &below); err != nil {
				return m, err
			}
			return l.find(below, "", p)
		}
		if d.Platform == nil || platform.Same(platform.Platform{OS: d.Platform.OS, Architecture: d.Platform.Architecture, Variant: d.Platform.Variant}, p) {
			err := l.read(l.blob(d.Digest), &m)
			return m, err
		}
	}
	return m, errNoImage
}
