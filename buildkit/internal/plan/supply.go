package plan

// decideSupply decides what is said about where the image comes from.
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

// DocFolder is where distributions have what belongs to a package and no program needs
// (https://refspecs.linuxfoundation.org/FHS_3.0/fhs/ch04s11.html).
const DocFolder = "/usr/share/doc"
