package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/fromscratch-go/fromscratch/magefiles/bench/measure"
	"github.com/fromscratch-go/fromscratch/magefiles/testrun"
)

const module = "github.com/fromscratch-go/fromscratch"

// entry is a package or a test that has ended.
type entry struct {
	pkg, test string
	result    string  // pass, fail, skip
	seconds   float64 // of the wall clock
}

// times are the durations of packages and tests.
type times struct{ packages, tests []entry }

func (ts *times) add(e testrun.Event) error {
	if !e.Ends() || e.Package == "" {
		return nil
	}
	ended := entry{strings.TrimPrefix(e.Package, module+"/"), e.Test, e.Action, e.Elapsed}
	if e.Test == "" {
		ts.packages = append(ts.packages, ended)
	} else {
		ts.tests = append(ts.tests, ended)
	}
	return nil
}

func longestFirst(a, b entry) int { return cmp.Compare(b.seconds, a.seconds) }

// writePackages prints the packages that have tests, the longest first.
func (ts *times) writePackages(w io.Writer) {
	table := measure.NewTable("package", "seconds", "tests", "skipped")
	total, all := 0.0, 0
	for _, p := range slices.SortedFunc(slices.Values(ts.packages), longestFirst) {
		tests, skipped := 0, 0
		for _, t := range ts.tests {
			if t.pkg == p.pkg {
				tests++
			}
			if t.pkg == p.pkg && t.result == "skip" {
				skipped++
			}
		}
		if tests == 0 {
			continue
		}
		table.Add(p.pkg+failure(p), seconds(p), strconv.Itoa(tests), strconv.Itoa(skipped))
		total, all = total+p.seconds, all+tests
	}
	table.Add("sum", fmt.Sprintf("%.1f", total), strconv.Itoa(all))
	table.Write(w)
}

// writeTests prints the test functions that took longest, without their rows.
func (ts *times) writeTests(w io.Writer, most int) {
	functions := slices.DeleteFunc(slices.Clone(ts.tests), func(e entry) bool { return strings.Contains(e.test, "/") })
	slices.SortStableFunc(functions, longestFirst)
	table := measure.NewTable("test", "package", "seconds")
	for _, t := range functions[:min(most, len(functions))] {
		table.Add(t.test+failure(t), t.pkg, seconds(t))
	}
	table.Write(w)
}

// writeList prints the package and name of each test, including rows.
func (ts *times) writeList(w io.Writer) {
	var names []string
	for _, t := range ts.tests {
		names = append(names, t.pkg+" "+t.test)
	}
	slices.Sort(names)
	for _, n := range slices.Compact(names) {
		fmt.Fprintln(w, n)
	}
}

func seconds(e entry) string { return fmt.Sprintf("%.1f", e.seconds) }

func failure(e entry) string {
	if e.result == "fail" {
		return " (failed)"
	}
	return ""
}
