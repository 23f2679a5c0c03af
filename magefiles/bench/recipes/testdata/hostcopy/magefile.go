//go:build mage

package main

//mage:import
import "github.com/fromscratch-go/fromscratch/magefiles/targets"

var _ = targets.Configure(targets.Config{Ports: []string{"8080"}})
