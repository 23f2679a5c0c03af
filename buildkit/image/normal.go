package image

// Normalise returns the configuration as an image keeps it, or the first thing in it that engines do not accept. A
// caller can ask so before there are layers to make an image of; [New] does the same.
func (c Config) Normalise() (Config, error) { return c.normalise() }
