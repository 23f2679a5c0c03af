//go:build mage

package main

import (
	"cmp"
	"os"

	//mage:import
	"github.com/fromscratch-go/fromscratch/magefiles/targets"
)

// The C library in the image is that of the container, whatever this machine has. EXAMPLE_CONTAINER names another one.
var _ = targets.Configure(targets.Config{
	Build: targets.Build{Container: cmp.Or(os.Getenv("EXAMPLE_CONTAINER"), "golang:1.26-bookworm")},
})
