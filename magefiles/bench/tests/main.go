// Tests prints where the time of the tests goes, by package and by test, as Markdown tables:
//
//	go run ./magefiles/bench/tests                  runs "go test" over ./... as "go tool mage test" does
//	go run ./magefiles/bench/tests -from FILE       reads a run that FROMSCRATCH_TEST_RECORD=FILE has recorded
//	go run ./magefiles/bench/tests -list -from FILE prints the names of all tests, sorted, for a comparison of two runs
//	go run ./magefiles/bench/tests ./rootfs/...     runs some packages
//
// A test's time is wall clock time, so tests that run in parallel share it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"

	"github.com/fromscratch-go/fromscratch/magefiles/bench/measure"
	"github.com/fromscratch-go/fromscratch/magefiles/testrun"
)

func main() {
	from := flag.String("from", "", "read the events of go test -json from this `file`")
	most := flag.Int("most", 40, "how many tests to print")
	list := flag.Bool("list", false, "print the names of all tests instead")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Stdout, *from, *most, *list, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer, from string, most int, list bool, packages []string) error {
	var events times
	var runErr error
	if from == "" {
		runErr = events.run(ctx, packages)
	} else {
		runErr = events.read(from)
	}
	if list {
		events.writeList(out)
		return runErr
	}
	fmt.Fprintf(out, "%s, load %s\n\n", measure.Processor(), measure.Load())
	events.writePackages(out)
	fmt.Fprintln(out)
	events.writeTests(out, most)
	return runErr
}

func (ts *times) read(path string) (err error) {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return testrun.Read(f, ts.add)
}

// run runs the tests. Their progress goes to stderr, because the tables go to stdout.
func (ts *times) run(ctx context.Context, packages []string) error {
	if len(packages) == 0 {
		packages = []string{"./..."}
	}
	r, w := io.Pipe()
	read := make(chan error, 1)
	go func() { read <- testrun.Read(r, ts.add) }()
	_, err := testrun.Run(ctx, testrun.Options{Args: packages, Module: module, Out: os.Stderr, Record: w})
	return errors.Join(err, w.Close(), <-read)
}
