package testrun

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// Counts are numbers of tests: functions and their rows.
type Counts struct{ Passed, Failed, Skipped int }

func (c *Counts) add(action string) {
	switch action {
	case "pass":
		c.Passed++
	case "fail":
		c.Failed++
	case "skip":
		c.Skipped++
	}
}

func (c Counts) total() int { return c.Passed + c.Failed + c.Skipped }

// String returns "12 passed, 0 failed, 3 skipped".
func (c Counts) String() string {
	return fmt.Sprintf("%d passed, %d failed, %d skipped", c.Passed, c.Failed, c.Skipped)
}

// Skip is a skipped test and the reason.
type Skip struct{ Package, Test, Reason string }

// Summary is the result of a run.
type Summary struct {
	Counts  Counts
	Skipped []Skip
}

func (s *Summary) add(c Counts) {
	s.Counts.Passed += c.Passed
	s.Counts.Failed += c.Failed
	s.Counts.Skipped += c.Skipped
}

func (s *Summary) total() int { return s.Counts.total() }

// Write writes the skipped tests by reason, and the counts as the last line.
func (s *Summary) Write(w io.Writer) {
	var reasons []string
	tests := map[string][]string{}
	for _, skip := range s.Skipped {
		if !slices.Contains(reasons, skip.Reason) {
			reasons = append(reasons, skip.Reason)
		}
		tests[skip.Reason] = append(tests[skip.Reason], skip.Package+" "+skip.Test)
	}
	for _, reason := range reasons {
		fmt.Fprintf(w, "skipped: %s\n    %s\n", reason, strings.Join(tests[reason], "\n    "))
	}
	fmt.Fprintf(w, "tests: %s\n", s.Counts)
}
