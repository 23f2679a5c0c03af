package targets_test

// magefileWith is a magefile whose only Config has the fields.
func magefileWith(fields string) string {
	return `//go:build mage

package main

import (
	"context"
	"fmt"

	//mage:import
	"github.com/fromscratch-go/fromscratch/magefiles/targets"
)

var (
	_ context.Context
	_ = fmt.Sprint
)

var _ = targets.Configure(targets.Config{` + fields + "})\n"
}
