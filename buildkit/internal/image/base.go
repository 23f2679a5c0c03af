package image

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Base is the image that another image builds on: its configuration and its layers, the lowest first. It is made by
// [ParseBase].
type Base struct {
	Layers []*Layer

	document dockerspec.DockerOCIImage
}

// ParseBase reads an image's configuration document. layers has one layer for each diff ID of the document. It may be
// nil if the base is not used to make an image.
func ParseBase(config []byte, layers []*Layer) (*Base, error) {
	b := &Base{Layers: layers}
	if err := json.Unmarshal(config, &b.document); err != nil {
		return nil, fmt.Errorf("reading the configuration of the base image: %w", err)
	}
	if len(b.document.RootFS.DiffIDs) == 0 {
		return nil, errors.New("reading the configuration of the base image: it has no layers")
	}
	for _, d := range b.document.RootFS.DiffIDs {
		if err := d.Validate(); err != nil {
			return nil, fmt.Errorf("reading the configuration of the base image: the diff ID %.100q: %w", d, err)
		}
	}
	return b, nil
}

// Platform returns the platform that the base runs on.
func (b *Base) Platform() Platform {
	p := b.document.Platform
	return Platform{OS: p.OS, Architecture: p.Architecture, Variant: p.Variant}
}

// Document returns the base's configuration. It belongs to the base: do not change it.
func (b *Base) Document() *dockerspec.DockerOCIImage { return &b.document }

// Inherit returns c with what an image takes over from its base, as with a Dockerfile's FROM: variables and labels that
// c lacks, the ports and volumes of both, the stop signal if c has none, and Entrypoint and Cmd if c has neither. User
// and Workdir stay those of c. [NewOn] adds the health check and what concerns the platform. An empty variant becomes
// the base's, unless the base is for an arm below v7.
func (b *Base) Inherit(c Config) Config {
	base := b.document.Config
	c.Env = slices.Clone(c.Env)
	for _, pair := range base.Env {
		name, _, ok := strings.Cut(pair, "=")
		has := slices.ContainsFunc(c.Env, func(own string) bool { return nameOf(own) == name })
		if ok && name != "" && !has {
			c.Env = append(c.Env, pair)
		}
	}
	labels := maps.Clone(base.Labels)
	if labels == nil {
		labels = map[string]string{}
	}
	maps.Copy(labels, c.Labels)
	if c.Labels = labels; len(labels) == 0 {
		c.Labels = nil
	}
	c.Ports = slices.Concat(c.Ports, slices.Sorted(maps.Keys(base.ExposedPorts)))
	c.Volumes = slices.Concat(c.Volumes, slices.Sorted(maps.Keys(base.Volumes)))
	if c.StopSignal == "" {
		c.StopSignal = base.StopSignal
	}
	if len(c.Entrypoint)+len(c.Cmd) == 0 {
		c.Entrypoint, c.Cmd = base.Entrypoint, base.Cmd
	}
	// On arm, an empty variant means v7. Such a program on a base for v6 does not become an image for v6.
	if below := c.Platform.Architecture == "arm" && b.document.Variant < "v7"; c.Platform.Variant == "" && !below {
		c.Platform.Variant = b.document.Variant
	}
	return c
}

// NewOn is [New] with the layers on top of those of a base. The configuration should come from [Base.Inherit]. The
// image also gets the base's history, the version and features of its operating system, and its health check if cfg has
// none. A nil base means no base.
func NewOn(base *Base, cfg Config, layers []*Layer) (*Image, error) {
	if base == nil {
		return New(cfg, layers)
	}
	if len(base.Layers) != len(base.document.RootFS.DiffIDs) {
		return nil, fmt.Errorf("making an image: the base has %d layers and names %d", len(base.Layers), len(base.document.RootFS.DiffIDs))
	}
	return newImage(cfg, slices.Concat(base.Layers, layers), func(doc *dockerspec.DockerOCIImage) {
		doc.OSVersion, doc.OSFeatures = base.document.OSVersion, base.document.OSFeatures
		if doc.Config.Healthcheck == nil {
			doc.Config.Healthcheck = base.document.Config.Healthcheck
		}
		doc.History = append(base.history(), doc.History[len(base.Layers):]...)
	})
}

// history returns the base's history if it fits the layers, as engines require. If not, it has one line for each layer.
func (b *Base) history() []ocispec.History {
	layers := 0
	for _, h := range b.document.History {
		if !h.EmptyLayer {
			layers++
		}
	}
	if layers == len(b.Layers) {
		return slices.Clone(b.document.History)
	}
	epoch := time.Unix(0, 0).UTC()
	lines := make([]ocispec.History, len(b.Layers))
	for i := range lines {
		lines[i] = ocispec.History{Created: &epoch, Comment: "base image"}
	}
	return lines
}

// Lines returns, for each layer of the base, the command in the history that made it, or "" if the history has none.
func (b *Base) Lines() []string {
	lines := make([]string, len(b.document.RootFS.DiffIDs))
	i := 0
	for _, h := range b.document.History {
		if !h.EmptyLayer && i < len(lines) {
			lines[i] = h.CreatedBy
			i++
		}
	}
	return lines
}
