//go:build mage

package main

//mage:import
import "github.com/fromscratch-go/fromscratch/magefiles/targets"

// Two programs of one module are two images. They share the layer below their own.
var _ = targets.Configure(
	targets.Config{
		Main:  "./cmd/web",
		Users: []targets.User{{Name: "web", UID: 1000, GID: 1000, Home: "/srv"}},
		User:  "web",
		Files: []targets.File{{From: "site", To: "/srv/www", Owner: "web"}},
		Env:   map[string]string{"PORT": "8080"},
		Ports: []string{"8080"},
	},
	targets.Config{
		Main: "./cmd/clock",
		Env:  map[string]string{"TZ": "Europe/Berlin"},
		Cmd:  []string{"-zone", "Asia/Tokyo"}, Timezones: []string{"Asia/Tokyo"},
	},
)
