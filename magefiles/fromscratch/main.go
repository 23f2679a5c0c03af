// Fromscratch is the worker: it does the work of the mage targets. Package targets, in a
// magefile, compiles and starts it, and sends it the target's name and Configs in the
// format of package dialogue. It prints the result to stdout and progress to stderr, and
// reports how the target ended.
//
// It is a separate process so that mage need not list and link the Docker client and
// all its other packages at each start. It also outlives mage, which waits five seconds
// at most: it can still remove a container or a half-written file.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"

	"github.com/fromscratch-go/fromscratch/magefiles/dialogue"
	"github.com/fromscratch-go/fromscratch/rootfs/plaintext"
)

func main() {
	if len(os.Args) == 2 && os.Args[1] == cleanerArg {
		os.Exit(runCleaner(os.Stdin))
	}
	reports, err := openReports()
	if err != nil {
		fmt.Fprintln(os.Stderr, plaintext.Error(err))
		os.Exit(exitConfig)
	}
	end := serve(reports)
	if err := errors.Join(reports.send(dialogue.Report{End: &end}), reports.Close()); err != nil && end.Error != "" {
		// The target that would print it has ended.
		fmt.Fprintln(os.Stderr, "Error:", end.Error)
	}
	os.Exit(end.Code)
}

// serve runs the target that the first order names, and returns how it ended.
func serve(reports *reports) dialogue.End {
	orders := json.NewDecoder(os.Stdin)
	var first dialogue.Order
	if err := orders.Decode(&first); err != nil || first.Start == nil {
		return dialogue.End{Error: fmt.Sprintf("reading the target's first order: %v", err), Code: exitConfig}
	}
	w := watchSignals(context.Background())
	defer w.stop()
	answers := make(chan dialogue.Answer)
	go listen(orders, answers, w)
	j := newJob(*first.Start, w)
	j.connectHooks(*first.Start, reports, answers)
	code, exits, err := j.run(w.ctx)
	return ending(w.ctx, code, exits, err)
}

// listen handles the orders that come while the target runs, until the target's process
// closes its end or ends.
func listen(orders *json.Decoder, answers chan<- dialogue.Answer, w *watcher) {
	for {
		var o dialogue.Order
		if err := orders.Decode(&o); err != nil {
			w.ordered(dialogue.Gone)
			return
		}
		if o.Stop != "" {
			w.ordered(o.Stop)
		}
		if o.Answer != nil {
			select {
			case answers <- *o.Answer:
			case <-w.ctx.Done(): // nobody waits for the answer
			}
		}
	}
}

// reports is the pipe to the target's process.
type reports struct {
	*os.File
	encoder *json.Encoder
}

func openReports() (*reports, error) {
	n, err := strconv.ParseUint(os.Getenv(dialogue.ReportsVariable), 10, 64)
	if err != nil {
		return nil, errors.New("this is the worker of the mage targets of github.com/fromscratch-go/fromscratch, which mage starts\nfix: import the targets in a magefile and run mage")
	}
	if err := os.Unsetenv(dialogue.ReportsVariable); err != nil {
		return nil, err
	}
	keepFromChildren(uintptr(n))
	f := os.NewFile(uintptr(n), "reports")
	return &reports{f, json.NewEncoder(f)}, nil
}

func (r *reports) send(report dialogue.Report) error { return r.encoder.Encode(report) }
