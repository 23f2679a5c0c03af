//go:build mage

package main

//mage:import
import "github.com/fromscratch-go/fromscratch/magefiles/targets"

// The tag makes go-sqlite3 use the system's libsqlite3 (Debian: libsqlite3-dev)
// instead of the copy that it brings.
var _ = targets.Configure(targets.Config{
	Build:   targets.Build{Tags: []string{"libsqlite3"}},
	Volumes: []string{"/data"},
})
