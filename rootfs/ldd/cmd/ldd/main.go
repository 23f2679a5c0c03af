// Command ldd prints the shared libraries that programs load, like ldd(1), but executes nothing. So a program
// may be for another architecture, in another root, or untrusted.
//
//	ldd [--root DIR] [--library-path PATHS] [--check] [--json] [--copy DIR] FILE…
//
// It searches by the rules of the program's own loader, glibc's or musl's. An absolute FILE is a path in the
// root; any other FILE may be inside or outside of the root. LD_LIBRARY_PATH and LD_PRELOAD of the environment
// are ignored; /etc/ld.so.preload of the root is read.
//
// Exit codes: 1 if something is missing or, with --check, does not fit; 2 for wrong usage.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"

	"github.com/fromscratch-go/fromscratch/rootfs/plaintext"
)

// The exit codes.
const (
	exitMissing = 1
	exitUsage   = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// options are the command line options.
type options struct {
	root        string
	libraryPath string
	check, json bool
	copy        string
	files       []string
}

// parse reads the command line.
func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("ldd", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.root, "root", "/", "look for libraries in the root file system in `DIR`")
	flags.StringVar(&o.libraryPath, "library-path", "", "LD_LIBRARY_PATH of the program at run time")
	flags.BoolVar(&o.check, "check", false, "also check every symbol and symbol version, like ldd -r")
	flags.BoolVar(&o.json, "json", false, "print JSON: one array with an object for each file")
	flags.StringVar(&o.copy, "copy", "", "write the files with everything that they need to the new folder `DIR`, in which they start as their root")
	flags.Usage = func() {
		fmt.Fprintln(stderr, "usage: ldd [--root DIR] [--library-path PATHS] [--check] [--json] [--copy DIR] FILE…")
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	o.files = flags.Args()
	if len(o.files) == 0 {
		return o, errors.New("no file given\nfix: name at least one program or library")
	}
	info, err := os.Stat(o.root)
	if err == nil && !info.IsDir() {
		err = fmt.Errorf("%q is not a folder", o.root)
	}
	if err != nil {
		return o, fmt.Errorf("reading the root: %w\nfix: name the folder of a root file system", err)
	}
	return o, nil
}

// run executes the command and returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		fmt.Fprintln(stderr, "ldd:", plaintext.Error(err))
		return exitUsage
	}
	results, err := o.resolve(ctx)
	if err == nil && o.json {
		err = writeJSON(stdout, results)
	} else if err == nil {
		err = writeText(stdout, stderr, results)
	}
	bad := anyBad(results)
	if err == nil && o.copy != "" && !bad {
		err = o.copyTo(ctx, results)
	}
	if err != nil {
		fmt.Fprintln(stderr, "ldd:", plaintext.Error(err))
		return exitMissing
	}
	if bad {
		return exitMissing
	}
	return 0
}
