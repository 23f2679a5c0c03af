//go:build mage

package main

//mage:import
import "github.com/fromscratch-go/fromscratch/magefiles/targets"

var _ = targets.Configure(targets.Config{
	Build: targets.Build{Container: "golang:1.26-bookworm"},
	Ports: []string{"8080"},
})
