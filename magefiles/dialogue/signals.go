package dialogue

import (
	"os"
	"os/signal"
	"syscall"
)

// Notify sends the signals that ask a process to end to c. One that the process was
// started with as ignored stays so: nohup wants that.
func Notify(c chan<- os.Signal) {
	for _, s := range []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT} {
		if !signal.Ignored(s) {
			signal.Notify(c, s)
		}
	}
}

// CauseOf is what a signal of [Notify] means.
func CauseOf(s os.Signal) Cause {
	switch s {
	case syscall.SIGINT:
		return Interrupt
	case syscall.SIGHUP:
		return Hangup
	}
	return Terminate
}
