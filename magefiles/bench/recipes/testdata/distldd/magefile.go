//go:build mage

package main

//mage:import
import "github.com/fromscratch-go/fromscratch/magefiles/targets"

var _ = targets.Configure(targets.Config{
	Build: targets.Build{Tags: []string{"libsqlite3"}},
	Env:   map[string]string{"TZ": "Europe/Berlin"},
	Ports: []string{"8080"},
})
