package plan

import (
	"fmt"

	"github.com/fromscratch-go/fromscratch/buildkit/config"
)

// decideSupply decides what to publish about the image's origin.
func (p *planner) decideSupply() error {
	c := p.config
	if c.Licenses {
		p.decided("licences", "texts below "+DocFolder, c.Origin)
	}
	switch c.Packages {
	case "", config.PackagesAuto:
		p.Supply.Packages = true
	case config.PackagesNone:
		p.decided("packages", config.PackagesNone, c.Origin)
	default:
		return fmt.Errorf("the value of Packages is %q (%s)\nfix: set it to \"auto\" or \"none\"", c.Packages, c.Origin)
	}
	if c.Push.NoAttestations {
		p.decided("attestations", "none", c.Origin)
	}
	switch c.Push.Annotations {
	case "", config.AnnotationsAuto:
		p.Supply.Annotations = config.AnnotationsAuto
		return nil
	case config.AnnotationsGit:
		p.decided("annotations", "source, revision, version", c.Origin)
	case config.AnnotationsNone:
		p.decided("annotations", "none", c.Origin)
	default:
		return fmt.Errorf("the value of Push.Annotations is %q (%s)\nfix: set it to \"auto\", \"git\" or \"none\"", c.Push.Annotations, c.Origin)
	}
	p.Supply.Annotations = c.Push.Annotations
	return nil
}

// DocFolder is the folder where distributions put the documents of packages
// (https://refspecs.linuxfoundation.org/FHS_3.0/fhs/ch04s11.html).
const DocFolder = "/usr/share/doc"
