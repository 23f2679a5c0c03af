// Package dialogue has the messages between the targets in a magefile and the worker,
// the program that does their work. These are two processes, because mage lists and
// links everything that the targets import at each start. So the targets import little,
// and the worker has the Docker client and everything else.
//
// Each side writes a sequence of JSON values. The target writes [Order] values to the
// worker's standard input. The worker writes [Report] values to a pipe, whose number is
// in [ReportsVariable]. The worker inherits the target's standard output and error. If
// the orders end without a Stop, the target's process has ended.
//
// The two sides have the type of a Config from different packages: here it is C.
package dialogue

import "time"

// ReportsVariable is the environment variable with the number of the file descriptor
// (on Windows: the handle) to which the worker writes its reports.
const ReportsVariable = "FROMSCRATCH_REPORTS"

// WorkerVariable is the environment variable with the path of the worker to use. A worker sets it for a process that runs a target again.
const WorkerVariable = "FROMSCRATCH_WORKER"

// Order is a message of the target. Exactly one field is set.
type Order[C any] struct {
	Start  *Start[C] `json:",omitempty"` // the first order, sent once
	Answer *Answer   `json:",omitempty"` // to a Call
	Stop   Cause     `json:",omitempty"` // asks the worker to end; may be repeated
}

// Start says what the worker must do.
type Start[C any] struct {
	Target  string   // "image", "imageRun" …
	Args    []string // arguments after "--"; nil without "--"
	Input   []byte   // what standard input has, if Args name it as "-" to a target that reads files
	Configs []C      // as recorded; their functions are not sent
	Hooks   []Hooks  // those of each Config
	Command []string // runs the target in another process; nil if the magefile's program is unknown
	// Grace is how long the program of imageRun may take to end when it is asked to.
	// Zero is the engine's default.
	Grace time.Duration
}

// Hooks reports which functions a Config has.
type Hooks struct{ Before, After bool }

// Answer is the result of a Call. An empty Error means success.
type Answer struct{ Error string }

// Cause is the reason why the worker must end.
type Cause string

// The causes. Gone is never sent: the end of the orders means Gone.
const (
	Interrupt Cause = "interrupt"  // Ctrl-C, SIGINT
	Terminate Cause = "terminated" // SIGTERM
	Hangup    Cause = "hangup"     // SIGHUP
	Timeout   Cause = "timeout"    // mage -t is nearly over
	Gone      Cause = "gone"       // mage has ended
)

// Report is a message of the worker. Exactly one field is set.
type Report struct {
	Call *Call `json:",omitempty"` // the target sends an Answer
	End  *End  `json:",omitempty"` // the last report, sent once
}

// Call asks the target to run a function of a Config.
type Call struct {
	Config int       // index in Start.Configs
	Hook   string    // "Before" or "After"
	Build  BuildInfo // its argument
}

// BuildInfo has the fields of a Config's BuildInfo.
type BuildInfo struct {
	Dir, Name, Version, Platform string
	Platforms                    []string
	Binary                       string
}

// End says how the worker ended.
type End struct {
	Error string // "" for success
	Code  int    // exit code for the Error
	// Exit makes the target's process end with Code, with or without an Error: Code is
	// then the exit code of imageRun's program.
	Exit bool
}
