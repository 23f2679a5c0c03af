// Loop measures the local loop, from an edited line to an image in the engine, with the targets and with other ways. It
// prints tables in Markdown:
//
//	go run ./magefiles/bench/loop -programs hello -ways build,floor,compiled -o loop.md
//
// Run it at the root of the repository. The ways alternate: each round runs all of them, starting with the next one each
// time. Each works in its own copy of the program's module, and all share the user's build cache. The first round does
// not count. A time counts only if the image then contains the edited program.
//
// Everything that it makes in an engine is named fromscratch-bench-… and removed by that name at the end, also after
// Ctrl-C. Only BuildKit's own cache has no name. It stays until the engine's garbage collector removes it.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// exitInterrupted is 128 + SIGINT, as in shells.
const exitInterrupted = 130

func main() {
	// After the first signal, later ones do not stop the cleanup.
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
