package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/deliver"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/registry"
)

// decideDelivery decides the further names of the image, and how it is pushed.
func (p *planner) decideDelivery() error {
	c := p.config
	p.Repository = p.Reference[:strings.LastIndex(p.Reference, ":")]
	for _, tag := range Tags(c, p.getenv)[1:] {
		ref, err := deliver.Reference(p.Repository, tag)
		if err != nil {
			return fmt.Errorf("reading Tags (%s): %w", c.Origin, err)
		}
		if !slices.Contains(p.References(), ref) {
			p.ExtraTags = append(p.ExtraTags, tag)
			p.decided("also named", ref, c.Origin)
		}
	}
	p.Compression = registry.Gzip
	switch known := registry.Compression(c.Push.Compression); known {
	case "":
	case registry.Gzip, registry.Zstd:
		p.Compression = known
	default:
		return fmt.Errorf("the value of Push.Compression is %q (%s)\nfix: set it to \"gzip\" or \"zstd\"", c.Push.Compression, c.Origin)
	}
	p.decided("compression", string(p.Compression)+", of what is pushed", origin(c, c.Push.Compression != "", "default"))
	return nil
}
