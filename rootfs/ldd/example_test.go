package ldd_test

import (
	"context"
	"fmt"
	"log"

	"github.com/fromscratch-go/fromscratch/rootfs/ldd"
)

// A program is resolved where it was built, and again in the tree for the image.
func Example() {
	ctx := context.Background()
	p := ldd.Program{Path: "/server", File: "dist/server"}

	source, err := ldd.Resolve(ctx, ldd.DirFS("/"), p, ldd.Env{})
	if err != nil {
		log.Fatal(err)
	}
	for _, o := range source.Objects {
		fmt.Println(o.Real, "because", o.By) // copy it, and o.Links, and o.Dirs
	}
	if name, content, needed := source.LoaderConfig(); needed {
		fmt.Println(name, len(content)) // write it
	}

	image, err := ldd.Verify(ctx, ldd.DirFS("dist/rootfs"), ldd.Program{Path: "/server"}, ldd.Env{Workdir: "/data"})
	if err != nil {
		log.Fatal(err)
	}
	if err := ldd.Compare(ctx, source, image); err != nil {
		log.Fatal(err)
	}
}
