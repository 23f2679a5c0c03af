package image

// Normalise returns the configuration as an image keeps it, or the first thing in it that engines do not accept. A
// caller can ask so before there are layers to make an image of; [New] does the same.
func (c Config) Normalise() (Config, error) { return c.normalise() }

// String is the platform as Docker writes it: "linux/arm/v7".
func (p Platform) String() string {
	s := p.OS + "/" + p.Architecture
	if p.Variant != "" {
		s += "/" + p.Variant
	}
	return s
}
