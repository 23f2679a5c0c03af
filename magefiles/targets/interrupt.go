package targets

import (
	"context"
	"os"
	"os/signal"
	"time"

	"github.com/fromscratch-go/fromscratch/magefiles/targets/internal/dialogue"
)

// parentPoll is how often a target checks whether mage still runs.
const parentPoll = 200 * time.Millisecond

// interrupts receives the reasons for a target to end.
type interrupts struct {
	signals chan os.Signal   // of this process
	gone    <-chan struct{}  // closed when the parent mage has ended; nil without one
	timeout <-chan time.Time // fires before mage's deadline; nil without one
	margin  time.Duration    // the time from timeout to the deadline
	stop    func()
}

// watchInterrupts starts to watch for three things: signals; the end of mage, which
// does not pass SIGTERM and SIGHUP on and would leave the target running; and the time
// shortly before the deadline of mage -t, at which mage exits without waiting for the
// target.
func watchInterrupts(ctx context.Context) *interrupts {
	i := &interrupts{signals: make(chan os.Signal, 4)}
	dialogue.Notify(i.signals)
	stopTimer := i.startTimer(ctx)
	stopPoll := i.startPoll()
	i.stop = func() { signal.Stop(i.signals); stopTimer(); stopPoll() }
	return i
}

// forEach calls handle for every interruption until ended is closed. The end of ctx is
// an interruption too: mage cancels it at SIGINT.
func (i *interrupts) forEach(ctx context.Context, ended <-chan struct{}, handle func(dialogue.Cause)) {
	gone, cancelled := i.gone, ctx.Done()
	for {
		select {
		case s := <-i.signals:
			handle(dialogue.CauseOf(s))
		case <-gone:
			gone = nil
			handle(dialogue.Gone)
		case <-i.timeout:
			handle(dialogue.Timeout)
		case <-cancelled:
			cancelled = nil
			handle(dialogue.Interrupt)
		case <-ended:
			return
		}
	}
}

// startTimer sets timeout to fire before the deadline of ctx: by a third of the time
// left, but at most three seconds.
func (i *interrupts) startTimer(ctx context.Context) (stop func()) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return func() {}
	}
	left := time.Until(deadline)
	if i.margin = left / 3; i.margin > 3*time.Second {
		i.margin = 3 * time.Second
	}
	timer := time.NewTimer(left - i.margin)
	i.timeout = timer.C
	return func() { timer.Stop() }
}

// startPoll closes gone when the mage that started this process has ended. It does
// nothing in a compiled magefile (mage -compile): no mage started it, and it may
// outlive the shell that did.
func (i *interrupts) startPoll() (stop func()) {
	if os.Getenv("MAGEFILE_GOCMD") == "" {
		return func() {}
	}
	gone, quit, done := make(chan struct{}), make(chan struct{}), make(chan struct{})
	i.gone = gone
	parent, ticker := os.Getppid(), time.NewTicker(parentPoll)
	go func() {
		defer close(done)
		for {
			select {
			case <-quit:
				return
			case <-ticker.C:
				if os.Getppid() != parent {
					close(gone)
					return
				}
			}
		}
	}()
	return func() { ticker.Stop(); close(quit); <-done }
}
