// Plain writes the archive of an image of each program of a module, without mage.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/signal"

	"github.com/fromscratch-go/fromscratch/buildkit"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	plans, err := buildkit.Resolve(ctx, buildkit.Inputs{Dir: ".", Environ: os.Environ()})
	if err != nil {
		log.Fatal(err)
	}
	err = buildkit.BuildEach(ctx, plans, nil, func(ctx context.Context, b *buildkit.Result) error {
		paths, err := buildkit.ArchiveAll(ctx, []*buildkit.Result{b}, b.Plan.Platform)
		if err == nil {
			fmt.Println(b.Plan.Reference, paths[0])
		}
		return err
	})
	if err != nil {
		log.Fatal(err)
	}
}
