package buildkit_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/fromscratch-go/fromscratch/buildkit"
	"github.com/fromscratch-go/fromscratch/buildkit/config"
)

// A Go program, without mage, writes the archives of all images of a module.
func Example_withoutMage() {
	dir := exampleModule() // "." in a program of your own
	defer os.RemoveAll(dir)

	plans, err := buildkit.Resolve(context.Background(), buildkit.Inputs{
		Dir: dir, Environ: os.Environ(),
		Configs: []buildkit.Config{{Tags: config.Tags{"1.2"}, Build: config.Build{Cgo: config.CgoOff}}},
	})
	if err != nil {
		log.Fatal(err)
	}
	err = buildkit.BuildEach(context.Background(), plans, nil, func(ctx context.Context, b *buildkit.Result) error {
		paths, err := buildkit.ArchiveAll(ctx, []*buildkit.Result{b}, b.Plan.Platform)
		if err == nil {
			fmt.Println(b.Plan.Reference, filepath.Base(paths[0]))
		}
		return err
	})
	if err != nil {
		log.Fatal(err)
	}
	// Output:
	// hello:1.2 image.tar
}
