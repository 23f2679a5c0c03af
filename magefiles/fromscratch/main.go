// Fromscratch does the work of the mage targets. Nobody starts it by hand: package
// targets does, from a magefile, and tells it what to do in the words of package
// dialogue.
//
// It is a process of its own so that the Docker client and all else that it links
// need not be listed and linked at each start of mage. It also survives mage: a
// container or a half-written file is cleaned up also when mage, which waits five
// seconds at most, is gone.
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
	if len(os.Args) == 2 && os.Args[1] == keeperWord {
		os.Exit(keep(os.Stdin))
	}
	reports, err := openReports()
	if err != nil {
		fmt.Fprintln(os.Stderr, plaintext.Error(err))
		os.Exit(exitConfig)
	}
	end := serve(reports)
	if err := errors.Join(reports.send(dialogue.Report{End: &end}), reports.Close()); err != nil && end.Error != "" {
		// There is no target any more that would say it.
		fmt.Fprintln(os.Stderr, "Error:", end.Error)
	}
	os.Exit(end.Code)
}

// serve does what the target wants, and says how it went.
func serve(reports *reports) dialogue.End {
	orders := json.NewDecoder(os.Stdin)
	var first dialogue.Order
	if err := orders.Decode(&first); err != nil || first.Start == nil {
		return dialogue.End{Error: fmt.Sprintf("reading what to do: %v", err), Code: exitConfig}
	}
	w := heed(context.Background())
	defer w.stop()
	answers := make(chan dialogue.Answer)
	go listen(orders, answers, w)
	j := newJob(*first.Start, w)
	j.connectHooks(*first.Start, reports, answers)
	code, exits, err := j.run(w.ctx)
	return ending(w.ctx, code, exits, err)
}

// listen takes the orders that come while the command works, until the target
// closes its end or is gone. It ends with the process.
func listen(orders *json.Decoder, answers chan<- dialogue.Answer, w *watcher) {
	for {
		var o dialogue.Order
		if err := orders.Decode(&o); err != nil {
			w.told(dialogue.Gone)
			return
		}
		if o.Stop != "" {
			w.told(o.Stop)
		}
		if o.Answer != nil {
			select {
			case answers <- *o.Answer:
			case <-w.ctx.Done(): // nobody waits for it any more
			}
		}
	}
}

// reports is the pipe to the target.
type reports struct {
	*os.File
	encoder *json.Encoder
}

func openReports() (*reports, error) {
	n, err := strconv.ParseUint(os.Getenv(dialogue.ReportsVariable), 10, 64)
	if err != nil {
		return nil, errors.New("this command does the work of the mage targets of github.com/fromscratch-go/fromscratch\nfix: run mage, with the targets imported in a magefile")
	}
	if err := os.Unsetenv(dialogue.ReportsVariable); err != nil {
		return nil, err
	}
	keepFromChildren(uintptr(n))
	f := os.NewFile(uintptr(n), "reports")
	return &reports{f, json.NewEncoder(f)}, nil
}

func (r *reports) send(report dialogue.Report) error { return r.encoder.Encode(report) }
