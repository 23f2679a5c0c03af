//go:build unix

package testkit

import (
	"os"
	"os/signal"
	"syscall"
)

// DefaultSignals makes the usual signals end the commands that a test starts, even if this process was started with them
// ignored, as by nohup and some CI runners. A command inherits an ignored signal, but not a handled one. This process
// continues to ignore them. TestMain calls it.
func DefaultSignals() {
	for _, s := range []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGPIPE} {
		if signal.Ignored(s) {
			signal.Notify(make(chan os.Signal, 1), s)
		}
	}
}
