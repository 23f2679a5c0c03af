//go:build mage

package main

//mage:import
import "github.com/fromscratch-go/fromscratch/magefiles/targets"

// Each service is a module of the workspace, and an image. They are compiled together, and share the layer below their own.
var _ = targets.Configure(
	targets.Config{Main: "./mail"},
	targets.Config{Main: "./stock"},
	targets.Config{Main: "./orders"},
)
