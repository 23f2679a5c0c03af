package dialogue

import (
	"os"
	"os/signal"
	"syscall"
)

// ending are the signals that ask a process to end.
var ending = []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT}

// Ignore makes this process ignore the signals that ask it to end.
func Ignore() { signal.Ignore(ending...) }

// Notify sends the signals that ask a process to end to c. Signals that were ignored
// when the process started stay ignored, as nohup needs.
func Notify(c chan<- os.Signal) {
	for _, s := range ending {
		if !signal.Ignored(s) {
			signal.Notify(c, s)
		}
	}
}

// CauseOf returns the cause for a signal of [Notify].
func CauseOf(s os.Signal) Cause {
	switch s {
	case syscall.SIGINT:
		return Interrupt
	case syscall.SIGHUP:
		return Hangup
	}
	return Terminate
}
