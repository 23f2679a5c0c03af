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

// Base is the image that another one is put on: its configuration and its layers, the lowest first. It is made by
// [ParseBase].
type Base struct {
	Layers []*Layer

	document dockerspec.DockerOCIImage
}

// ParseBase reads an image's configuration document. The layers, one for each diff ID of it, may be nil as long as no
// image is made.
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

// Platform is what the base runs on.
func (b *Base) Platform() Platform {
	p := b.document.Platform
	return Platform{OS: p.OS, Architecture: p.Architecture, Variant: p.Variant}
}

// Document is the base's configuration. It belongs to the base: do not change it.
func (b *Base) Document() *dockerspec.DockerOCIImage { return &b.document }

// Inherit adds to a configuration what an image takes over from its base, as a Dockerfile's FROM does: variables and
// labels that the image has not itself, ports and volumes of both, the stop signal when there is none, and Entrypoint
// and Cmd when the image has neither. User and Workdir are the image's. The health check and what concerns the platform
// come with [NewOn]. A variant that is not said is the base's, unless that is for less.
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
	// On arm none is v7: what is put on a base for less is not for less itself.
	if below := c.Platform.Architecture == "arm" && b.document.Variant < "v7"; c.Platform.Variant == "" && !below {
		c.Platform.Variant = b.document.Variant
	}
	return c
}

// NewOn is [New] with the layers put on those of a base. The configuration should come from [Base.Inherit]. The base's
// history stands before that of the layers, its health check where the configuration has none, and the version and
// features of its operating system. nil is no base.
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

// history is the base's own, or where that does not fit the layers, as engines want it to, a line for each of them.
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

// Lines are what the base's history says of each of its layers, "" of one that it says nothing of.
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
