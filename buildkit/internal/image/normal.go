package image

// Normalise returns the configuration as an image keeps it, or an error for the first value that engines do not accept.
// [New] does the same; a caller that has no layers yet can check the configuration with it.
func (c Config) Normalise() (Config, error) { return c.normalise() }
