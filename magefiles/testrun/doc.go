// Package testrun runs "go test" over the packages of this repository and says where it is: a line for each package as
// it ends, the output of what failed, what was skipped with the reason, and a last line with the counts.
//
// A run has no time limit. It ends when no test has ended for [Options.Stall]; then it names the tests that were
// running and shows what they printed. So a slow machine passes, and a test that hangs does not.
//
// [Read] takes the events of "go test -json" from a file, for programs that look at a run later.
package testrun
