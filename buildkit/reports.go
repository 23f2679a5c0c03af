package buildkit

import (
	"github.com/fromscratch-go/fromscratch/buildkit/internal/diskfull"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/report"
)

// Events of a build, see package report.
type (
	// Event is one thing that happened in a build, for people to read.
	Event = report.Event
	// Report receives the events of a build, one at a time, in order. nil ignores them.
	Report = report.Report
)

// The states of a step. Every Started is followed by one Done or Failed of the same step; a Note stands alone. Of images
// that are built side by side only Done, Failed, Underway and Note are reported.
const (
	Started  = report.Started
	Done     = report.Done
	Failed   = report.Failed
	Note     = report.Note
	Underway = report.Underway // how far a long step is; may come many times
)

// Errors that say whose fault a failure is.
type (
	// ConfigError reports a mistake in what the user wrote or set. Nothing was built.
	ConfigError = report.ConfigError
	// RegistryError reports a failure of a registry, or on the way to it. The image itself was built.
	RegistryError = report.RegistryError
	// EngineError reports a failure of the Docker Engine, or on the way to it. The image itself was built.
	EngineError = report.EngineError
)

// Size writes a number of bytes for people: "1.2 MB".
func Size(n int64) string { return report.Size(n) }

// FixOf returns what helps against an error, for people, on one line: which disk is full. "" means that it is something else, whose
// own text says what helps.
func FixOf(err error) string { return diskfull.FixOf(err) }
