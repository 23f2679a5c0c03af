package buildkit

import "github.com/fromscratch-go/fromscratch/buildkit/gobuild"

// decideSupply decides what is said about where the image comes from.
func (p *planner) decideSupply(Inputs, gobuild.Module) error {
	c := p.config
	if c.Licenses {
		p.decided("licences", "texts below "+docFolder, c.Origin)
	}
	if c.Annotate {
		p.decided("annotations", "source, revision, version", c.Origin)
	}
	return nil
}
