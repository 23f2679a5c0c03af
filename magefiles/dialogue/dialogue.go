// Package dialogue is what the targets in a magefile and the command that does
// their work say to each other. They are two processes: the targets are compiled
// into every magefile and have to be small, since mage lists and links all that
// they import at each start; the command holds the Docker client and all else.
//
// Each side writes JSON values, one after the other: the target [Order] values to
// the command's standard input, the command [Report] values to a pipe whose
// number the environment names. The command's standard output and error are the
// target's own. An end of the orders without a Stop means that the target is gone.
package dialogue

import (
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit/config"
)

// ReportsVariable names the variable that tells the command the number of the
// file descriptor (on Windows: the handle) of its reports.
const ReportsVariable = "FROMSCRATCH_REPORTS"

// Order is one thing that the target says; one of the fields is set.
type Order struct {
	Start  *Start  `json:",omitempty"` // comes first, once
	Answer *Answer `json:",omitempty"` // to a Call
	Stop   Cause   `json:",omitempty"` // asks the command to end, each time
}

// Start is what the command is to do.
type Start struct {
	Target  string          // "image", "imageRun" …
	Module  string          // folder of the module that the magefile, and so this command, is compiled in
	Args    []string        // for the program, behind "--"; nil without it
	Configs []config.Config // as recorded; their functions do not travel
	Hooks   []Hooks         // those of each Config
	// Grace is the time that the program of imageRun has to end when it is asked to.
	// Zero is as long as an engine gives.
	Grace time.Duration
}

// Hooks says which functions a Config has.
type Hooks struct{ Before, After bool }

// Answer is what came of a Call; an empty Error is success.
type Answer struct{ Error string }

// Cause is why the command has to end.
type Cause string

// The causes. Gone is never sent: it is what the end of the orders means.
const (
	Interrupt Cause = "interrupt"  // Ctrl-C, SIGINT
	Terminate Cause = "terminated" // SIGTERM
	Hangup    Cause = "hangup"     // SIGHUP
	Timeout   Cause = "timeout"    // mage -t is nearly over
	Gone      Cause = "gone"       // mage has ended
)

// Report is one thing that the command says; one of the fields is set.
type Report struct {
	Call *Call `json:",omitempty"` // the target answers
	End  *End  `json:",omitempty"` // comes last, once
}

// Call asks the target to run a function of a Config.
type Call struct {
	Config   int    // index in Start.Configs
	Hook     string // "Before" or "After"
	Argument string // the function's
}

// End is how the command has ended.
type End struct {
	Error string // "" for success
	Code  int    // exit code that goes with the Error
	// Exit ends the target's process with the Code, an error or none: it is the
	// code of imageRun's program.
	Exit bool
}
