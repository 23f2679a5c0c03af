//go:build mage

package main

import (
	"time"

	//mage:import
	"github.com/fromscratch-go/fromscratch/magefiles/targets"
)

var _ = targets.Configure(targets.Config{
	Ports: []string{"8080"},
	Healthcheck: &targets.Healthcheck{
		Test:     []string{"/hello", "-health", "http://localhost:8080/healthz"},
		Interval: 5 * time.Second,
	},
})
