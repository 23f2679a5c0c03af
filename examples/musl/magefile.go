//go:build mage

package main

//mage:import
import "github.com/fromscratch-go/fromscratch/magefiles/targets"

// Debian has musl-gcc in the package musl-tools.
var _ = targets.Configure(targets.Config{Build: targets.Build{Env: map[string]string{"CC": "musl-gcc"}}})
