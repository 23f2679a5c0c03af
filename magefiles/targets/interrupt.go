package targets

import (
	"context"
	"os"
	"os/signal"
	"time"

	"github.com/fromscratch-go/fromscratch/magefiles/dialogue"
)

// parentPoll is how often a target looks whether mage is still there.
const parentPoll = 200 * time.Millisecond

// interrupts are the reasons for which a target has to end, as they come.
type interrupts struct {
	signals chan os.Signal   // to this process
	gone    <-chan struct{}  // closed when the mage above has died; nil without one
	timeout <-chan time.Time // fires before mage's deadline; nil without one
	margin  time.Duration    // what is left then
	stop    func()
}

// watch begins to watch: for signals; for the death of mage, which does not pass
// SIGTERM and SIGHUP on and would leave the target behind as an orphan; and for
// the time before the deadline of mage -t, at which mage exits without waiting
// for anybody.
func watch(ctx context.Context) *interrupts {
	i := &interrupts{signals: make(chan os.Signal, 4)}
	dialogue.Notify(i.signals)
	stopTimer := i.startTimer(ctx)
	stopPoll := i.startPoll()
	i.stop = func() { signal.Stop(i.signals); stopTimer(); stopPoll() }
	return i
}

// each calls tell for every interruption until ended is closed. The end of ctx is
// one too: mage cancels it at SIGINT, and other callers when they like.
func (i *interrupts) each(ctx context.Context, ended <-chan struct{}, tell func(dialogue.Cause)) {
	gone, cancelled := i.gone, ctx.Done()
	for {
		select {
		case s := <-i.signals:
			tell(dialogue.CauseOf(s))
		case <-gone:
			gone = nil
			tell(dialogue.Gone)
		case <-i.timeout:
			tell(dialogue.Timeout)
		case <-cancelled:
			cancelled = nil
			tell(dialogue.Interrupt)
		case <-ended:
			return
		}
	}
}

// startTimer fires timeout a third of the time that is left before the deadline,
// three seconds at most.
func (i *interrupts) startTimer(ctx context.Context) (stop func()) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return func() {}
	}
	left := time.Until(deadline)
	i.margin = min(left/3, 3*time.Second)
	timer := time.NewTimer(left - i.margin)
	i.timeout = timer.C
	return func() { timer.Stop() }
}

// startPoll closes gone when the mage that started this process has ended. A
// compiled magefile (mage -compile) has no mage above it, and may well outlive the
// shell that started it.
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
