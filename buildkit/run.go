package buildkit

import (
	"github.com/fromscratch-go/fromscratch/buildkit/internal/cleaner"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/run"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/state"
)

// Deliverable is an image as an engine gets and runs it.
type Deliverable struct{ run.Deliverable }

// RunRequest says how a container is run. The image decides everything else.
type RunRequest = run.Request

// Deliverable returns the built image as an engine gets and runs it.
func (r *Result) Deliverable() Deliverable {
	return Deliverable{run.Deliverable{
		Name: r.Plan.Name, Reference: r.Plan.Reference, Config: r.Image.Config(), IDs: r.IDs(), Base: state.BaseOf(r.Plan.BaseRequest(), r.Plan.Base),
		Capabilities: r.Plan.Capabilities().Names(),
	}}
}

// Cleaner does the work of a cleaner and returns true if args, as in os.Args, are those of one. A main function that sets Cleaner of a
// [RunRequest] calls it first, and then ends: [Deliverable.Run] starts the program again as a cleaner, which removes the container if
// this process is killed.
func Cleaner(args []string) bool { return cleaner.Main(args) }
