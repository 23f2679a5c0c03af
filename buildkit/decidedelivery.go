package buildkit

import (
	"fmt"
	"slices"
	"strings"

	"github.com/fromscratch-go/fromscratch/buildkit/deliver"
	"github.com/fromscratch-go/fromscratch/buildkit/gobuild"
	"github.com/fromscratch-go/fromscratch/buildkit/registry"
)

// decideDelivery decides about the further names of the image, and how it goes to a registry.
func (p *planner) decideDelivery(Inputs, gobuild.Module) error {
	c := p.config
	p.Repository = p.Reference[:strings.LastIndex(p.Reference, ":")]
	for _, tag := range c.ExtraTags {
		ref, err := deliver.Reference(p.Repository, tag)
		if err != nil {
			return fmt.Errorf("reading ExtraTags (%s): %w", c.Origin, err)
		}
		if !slices.Contains(p.references(), ref) {
			p.ExtraTags = append(p.ExtraTags, tag)
			p.decided("also named", ref, c.Origin)
		}
	}
	p.Compression = registry.Gzip
	switch known := registry.Compression(c.Compression); known {
	case "":
	case registry.Gzip, registry.Zstd:
		p.Compression = known
	default:
		return fmt.Errorf("the value of Compression is %q (%s)\nfix: set it to \"gzip\" or \"zstd\"", c.Compression, c.Origin)
	}
	p.decided("compression", string(p.Compression)+", of what is pushed", origin(c, c.Compression != "", "default"))
	return nil
}

// tags are all tags of the image, the one of its reference first.
func (p Plan) tags() []string {
	return append([]string{p.Reference[len(p.Repository)+1:]}, p.ExtraTags...)
}

// references are all names of the image, its reference first.
func (p Plan) references() []string {
	var refs []string
	for _, tag := range p.tags() {
		refs = append(refs, p.Repository+":"+tag)
	}
	return refs
}
