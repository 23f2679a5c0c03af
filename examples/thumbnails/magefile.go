//go:build mage

package main

//mage:import
import _ "github.com/fromscratch-go/fromscratch/magefiles/targets"
