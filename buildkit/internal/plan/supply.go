package plan

// decideSupply decides what to publish about the image's origin.
func (p *planner) decideSupply() error {
	c := p.config
	if c.Licenses {
		p.decided("licences", "texts below "+DocFolder, c.Origin)
	}
	if c.Annotate {
		p.decided("annotations", "source, revision, version", c.Origin)
	}
	return nil
}

// DocFolder is the folder where distributions put the documents of packages
// (https://refspecs.linuxfoundation.org/FHS_3.0/fhs/ch04s11.html).
const DocFolder = "/usr/share/doc"
