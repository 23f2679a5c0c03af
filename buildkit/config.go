package buildkit

import "github.com/fromscratch-go/fromscratch/buildkit/config"

// Config is one image as its user describes it.
type Config = config.Config
