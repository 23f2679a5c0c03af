//go:build mage

package main

//mage:import
import "github.com/fromscratch-go/fromscratch/magefiles/targets"

var _ = targets.Configure(targets.Config{
	Name:  "greet",
	Files: []targets.File{{From: "etc", To: "/etc/greet"}},
	Cmd:   []string{"-f", "/etc/greet/greet.yaml"},
	Env:   map[string]string{"TZ": "Europe/Berlin"},
	Ports: []string{"8080"},
})
