// Loop measures the local loop: from an edited line to an image in the engine, by
// the targets and by the other ways there are, and prints tables in Markdown:
//
//	go run ./magefiles/bench/loop -programs hello -ways build,floor,compiled -o loop.md
//
// It is run at the root of the repository. The ways alternate: each round has all
// of them, in an order that moves on by one. Each works in its own copy of the
// program's module; all share the user's build cache. The first round is not
// counted. A time counts only if the image then holds the program as edited.
//
// Everything that it makes in an engine is named fromscratch-bench-…, and removed
// by that name at the end, also after Ctrl-C; only what BuildKit keeps in its own
// cache has no name, and stays until the engine's own collector takes it.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// exitInterrupted is 128 + SIGINT, as shells have it.
const exitInterrupted = 130

func main() {
	// Later signals do not end the cleaning up after the first.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := start(ctx, os.Args[1:])
	switch {
	case ctx.Err() != nil:
		fmt.Fprintln(os.Stderr, "interrupted")
		os.Exit(exitInterrupted)
	case err != nil && !errors.Is(err, errHelp):
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func start(ctx context.Context, args []string) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	return run(ctx, o)
}
