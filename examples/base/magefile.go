//go:build mage

package main

import (
	"cmp"
	"os"

	//mage:import
	"github.com/fromscratch-go/fromscratch/magefiles/targets"
)

// The program starts a shell, so it needs an image that has one. EXAMPLE_BASE names another base.
var _ = targets.Configure(targets.Config{Base: cmp.Or(os.Getenv("EXAMPLE_BASE"), "alpine:3.20")})
