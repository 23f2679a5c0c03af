//go:build mage

package main

import (
	"time"

	//mage:import
	"github.com/fromscratch-go/fromscratch/magefiles/targets"
)

// The version is in the program, the tag and a label. Outside of a git repository it is "dev".
const described = `{{or .Git.Describe "dev"}}`

var _ = targets.Configure(targets.Config{
	Tags:    targets.Tags{described, "latest"},
	Created: `{{or .Git.Time "1970-01-01T00:00:00Z"}}`,
	Labels:  map[string]string{"org.opencontainers.image.version": described},
	Build:   targets.Build{LDFlags: "-X main.version=" + described},
	Ports:   []string{"8080"},
	Healthcheck: &targets.Healthcheck{
		Test:     []string{"/service", "-health", "http://localhost:8080/healthz"},
		Interval: 5 * time.Second,
	},
})
