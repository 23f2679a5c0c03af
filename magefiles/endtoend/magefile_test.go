package endtoend_test

// magefileWith returns a magefile with one Config, which has the fields.
func magefileWith(fields string) string {
	return `//go:build mage

package main

import (
	"context"
	"fmt"
	"os"

	//mage:import
	"github.com/fromscratch-go/fromscratch/magefiles/targets"
)

var (
	_ context.Context
	_ = fmt.Sprint
	_ = os.Stderr
)

var _ = targets.Configure(targets.Config{` + fields + "})\n"
}
