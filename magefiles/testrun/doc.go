// Package testrun runs "go test" over the packages of this repository and prints the progress: a line for each package
// when it ends, the output of failures, skipped tests with the reason, and a last line with the counts.
//
// A run has no time limit. It stops when no test has ended for [Options.Stall]. It then names the running tests and
// prints their output. So a slow machine passes, and a test that hangs does not.
//
// [Read] reads the events of "go test -json" from a file, for programs that analyse a run later.
package testrun
