// Fromscratch is the worker: it does the work of the mage targets. Package targets, in a
// magefile, compiles and starts it, and sends it the target's name and Configs in the
// format of package dialogue. It prints the result to stdout and progress to stderr, and
// reports how the target ended.
//
// It is a separate process so that mage need not list and link the Docker client and
// all its other packages at each start. It also outlives mage, which waits five seconds
// at most: it can still remove a container or a half-written file.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"

	"github.com/fromscratch-go/fromscratch/buildkit"
	"github.com/fromscratch-go/fromscratch/magefiles/dialogue"
	"github.com/fromscratch-go/fromscratch/magefiles/fromscratch/internal/interrupt"
	"github.com/fromscratch-go/fromscratch/magefiles/fromscratch/internal/talk"
	"github.com/fromscratch-go/fromscratch/rootfs/plaintext"
)

func main() {
	log.SetOutput(io.Discard) // net/http logs what a server sends unasked, in the middle of the progress
	if buildkit.Cleaner(os.Args) {
		return
	}
	conn, err := talk.Open(os.Stdin)
	if err != nil {
		fmt.Fprintln(os.Stderr, plaintext.Error(err))
		os.Exit(exitConfig)
	}
	end := serve(conn)
	if err := conn.End(end); err != nil && end.Error != "" {
		// The target that would print it has ended.
		fmt.Fprintln(os.Stderr, "Error:", end.Error)
	}
	os.Exit(end.Code)
}

// serve runs the target that the first order names, and returns how it ended.
func serve(conn *talk.Conn) dialogue.End {
	start, err := conn.Start()
	if err != nil {
		return dialogue.End{Error: err.Error(), Code: exitConfig}
	}
	w := interrupt.Watch(context.Background())
	defer w.Stop()
	defer interrupt.Ignore() // first: a signal that comes now must not end this process before it has reported
	ctx := w.Context()
	go conn.Listen(ctx, w.Ordered)
	out, err := newOutput(start.Target, os.Getenv)
	var end dialogue.End
	if err == nil {
		end, err = runTarget(ctx, start, w, out)
	}
	ended := ending(ctx, end, err)
	if err := out.end(ended); err != nil {
		return failed(cmp.Or(ended.Code, exitBuild), errors.Join(errorOf(ended), err))
	}
	return ended
}

// errorOf returns the error of an end; nil without one.
func errorOf(end dialogue.End) error {
	if end.Error == "" {
		return nil
	}
	return errors.New(end.Error)
}
