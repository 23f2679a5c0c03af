package main

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
)

// errHelp means that the user asked for help, which has been printed.
var errHelp = flag.ErrHelp

// options are the flags.
type options struct {
	rounds   int
	programs words // measurements; none: all
	ways     words // empty means all
	engines  words // as DOCKER_HOST names them
	output   string
}

// words is a flag that may be repeated and may hold several words separated by commas.
type words []string

func (w *words) String() string { return strings.Join(*w, ",") }

func (w *words) Set(s string) error {
	*w = append(*w, strings.Split(s, ",")...)
	return nil
}

// has reports whether a word was chosen. Without a choice, all are.
func (w words) has(word string) bool { return len(w) == 0 || slices.Contains(w, word) }

// check rejects unknown words.
func (w words) check(flag string, known []string) error {
	for _, word := range w {
		if !slices.Contains(known, word) {
			return fmt.Errorf("reading the flag -%s: there is no %q\nfix: choose from %s", flag, word, strings.Join(known, ", "))
		}
	}
	return nil
}

func parse(args []string) (options, error) {
	var o options
	flags := flag.NewFlagSet("loop", flag.ContinueOnError)
	flags.IntVar(&o.rounds, "rounds", 5, "counted `rounds`; one more fills the caches")
	flags.Var(&o.programs, "programs", "what is measured, of "+strings.Join(measurementNames(), ", ")+" (default all)")
	flags.Var(&o.ways, "ways", "ways to an image, of "+strings.Join(wayNames(), ", ")+" (default all)")
	flags.Var(&o.engines, "engine", "DOCKER_HOST of an engine, may be repeated (default that of the environment)")
	flags.StringVar(&o.output, "o", "", "`file` that the tables are written to as well")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("reading the flags: %q is not a flag\nfix: see -h", flags.Arg(0))
	}
	if o.rounds < 1 {
		return o, fmt.Errorf("reading the flag -rounds: %d is too few\nfix: give 1 or more", o.rounds)
	}
	if len(o.engines) == 0 {
		o.engines = words{environmentEngine(os.Getenv)}
	}
	if err := o.programs.check("programs", measurementNames()); err != nil {
		return o, err
	}
	return o, o.ways.check("ways", wayNames())
}

// environmentEngine returns the engine in DOCKER_HOST, or the default one.
func environmentEngine(getenv func(string) string) string {
	if host := getenv("DOCKER_HOST"); host != "" {
		return host
	}
	return "unix:///var/run/docker.sock"
}
