package plugins_test

import (
	"context"
	"fmt"
	"log"

	"github.com/fromscratch-go/fromscratch/rootfs/ldd"
	"github.com/fromscratch-go/fromscratch/rootfs/plugins"
)

// Resolve a program with everything that its libraries open, with one font, and without GIO's modules.
func ExampleResolve() {
	ctx := context.Background()
	p := ldd.Program{Path: "/server", File: "dist/server"}
	o := plugins.Options{Exclude: []string{"gio"}}

	closure, found, err := plugins.Resolve(ctx, ldd.DirFS("/"), p, ldd.Env{}, o)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(closure.Objects), "objects, plugins and their libraries among them")
	for _, p := range found.Plugins {
		fmt.Println(p.Path, "because it is a", p.Why)
	}
	for _, f := range found.Files {
		fmt.Println(f.Path, "because it is", f.Why) // copy it, with the links on the way
	}
	for _, m := range found.Missing {
		fmt.Println(m.Path, "is missing; fix:", m.Fix)
	}
}
