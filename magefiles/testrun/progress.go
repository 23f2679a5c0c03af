package testrun

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
)

// name identifies a test. test is "" for output of a package outside of tests.
type name struct{ pkg, test string }

// progress collects events and prints the progress.
type progress struct {
	out     io.Writer
	module  string // prefix of packages, not printed
	summary Summary

	output  map[name][]byte    // of tests that run or have failed
	running map[name]time.Time // running functions and rows, with their start
	counts  map[string]*Counts // of functions and rows, by package that has not ended
	failed  map[string][]name  // in the order in which they ended, by package
	builds  map[string][]byte  // what the compiler printed, by import path
}

func newProgress(out io.Writer, module string) *progress {
	return &progress{
		out: out, module: module,
		output: map[name][]byte{}, running: map[name]time.Time{}, counts: map[string]*Counts{},
		failed: map[string][]name{}, builds: map[string][]byte{},
	}
}

// add processes an event and prints a line when a package has ended.
func (p *progress) add(e Event) {
	id := name{e.Package, e.Test}
	switch {
	case e.Action == "build-output":
		p.builds[e.ImportPath] = append(p.builds[e.ImportPath], e.Output...)
	case e.Action == "output" && e.Package == "":
		fmt.Fprint(p.out, e.Output)
	case e.Action == "output":
		p.output[id] = append(p.output[id], e.Output...)
	case e.Action == "run", e.Action == "cont":
		p.running[id] = e.Time
	case e.Action == "pause": // it waits until others that run in parallel have ended
		delete(p.running, id)
	case e.Ends() && e.Test != "":
		p.endTest(id, e)
	case e.Ends():
		p.endPackage(e)
	}
}

func (p *progress) endTest(id name, e Event) {
	delete(p.running, id)
	c := p.counts[e.Package]
	if c == nil {
		c = &Counts{}
		p.counts[e.Package] = c
	}
	c.add(e.Action)
	switch e.Action {
	case "fail":
		p.failed[e.Package] = append(p.failed[e.Package], id)
		return
	case "skip":
		p.summary.Skipped = append(p.summary.Skipped, Skip{p.short(e.Package), e.Test, reason(p.output[id])})
	}
	delete(p.output, id)
}

func (p *progress) endPackage(e Event) {
	c := p.counts[e.Package]
	if c == nil {
		c = &Counts{}
	}
	own := p.output[name{pkg: e.Package}]
	if e.Action == "fail" {
		p.printFailures(e, own)
		if c.Failed == 0 { // it does not compile, or ended outside of a test
			c.Failed++
		}
	}
	p.summary.add(*c)
	delete(p.counts, e.Package)
	delete(p.output, name{pkg: e.Package})
	if c.total() == 0 && e.Action != "fail" {
		return // no test files
	}
	fmt.Fprintf(p.out, "%-4s  %-26s %7.1fs  %s\n", map[string]string{"pass": "ok", "skip": "ok", "fail": "FAIL"}[e.Action], p.short(e.Package), e.Elapsed, c)
}

// printFailures prints the output of failed tests, then the package's output outside of tests, and the output of tests
// that never ended.
func (p *progress) printFailures(e Event, own []byte) {
	fmt.Fprintf(p.out, "\n--- %s failed\n%s", p.short(e.Package), p.builds[e.FailedBuild])
	var unended []name
	for id := range p.running {
		if id.pkg == e.Package {
			unended = append(unended, id)
			delete(p.running, id)
		}
	}
	slices.SortFunc(unended, compareNames)
	for _, id := range append(p.failed[e.Package], unended...) {
		p.out.Write(p.output[id])
		delete(p.output, id)
	}
	p.out.Write(own)
	fmt.Fprintln(p.out)
}

// stalled returns the running tests and their output so far.
func (p *progress) stalled(now time.Time) string {
	var b strings.Builder
	for _, id := range p.runningNow() {
		fmt.Fprintf(&b, "%s %s, for %s\n", p.short(id.pkg), id.test, now.Sub(p.running[id]).Round(time.Second))
		for _, line := range lines(p.output[id]) {
			fmt.Fprintf(&b, "    %s\n", line)
		}
	}
	if b.Len() == 0 {
		return "no test was running: go test was compiling, or a package ended without an event\n"
	}
	return b.String()
}

// runningNow returns the running tests, without those that wait for a row of their own.
func (p *progress) runningNow() []name {
	ids := slices.SortedFunc(maps.Keys(p.running), compareNames)
	return slices.DeleteFunc(slices.Clone(ids), func(id name) bool {
		return slices.ContainsFunc(ids, func(other name) bool {
			return other.pkg == id.pkg && strings.HasPrefix(other.test, id.test+"/")
		})
	})
}

// heartbeat returns a line for a time in which no package ends.
func (p *progress) heartbeat(now time.Time) string {
	ended := p.summary.total()
	for _, c := range p.counts {
		ended += c.total()
	}
	var names []string
	for _, id := range p.runningNow() {
		names = append(names, p.short(id.pkg)+" "+id.test+" "+now.Sub(p.running[id]).Round(time.Second).String())
	}
	if len(names) == 0 {
		return "…     compiling\n"
	}
	const most = 4
	if more := len(names) - most; more > 0 {
		names = append(names[:most], fmt.Sprintf("%d more", more))
	}
	return fmt.Sprintf("…     %d tests have ended, running: %s\n", ended, strings.Join(names, ", "))
}

func (p *progress) short(pkg string) string { return strings.TrimPrefix(pkg, p.module+"/") }

func compareNames(a, b name) int {
	return cmp.Or(cmp.Compare(a.pkg, b.pkg), cmp.Compare(a.test, b.test))
}

// reason returns the output of a skipped test on one line: "    file_test.go:12: the command podman is missing".
func reason(output []byte) string {
	var said []string
	for _, line := range lines(output) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "=== ") || strings.HasPrefix(line, "--- SKIP") {
			continue
		}
		if _, text, ok := strings.Cut(line, "_test.go:"); ok {
			_, text, _ = strings.Cut(text, ": ")
			line = text
		}
		said = append(said, line)
	}
	return strings.Join(said, " ")
}

func lines(output []byte) []string {
	return strings.Split(strings.TrimSuffix(string(output), "\n"), "\n")
}
