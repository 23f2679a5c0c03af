//go:build unix

package testkit

import (
	"os"
	"os/signal"
	"syscall"
)

// DefaultSignals lets the commands that a test starts be ended by the usual signals, also when this process was started
// with them ignored, as nohup and some CI runners do: a command inherits an ignored signal, but not one that is handled.
// This process goes on ignoring them. TestMain calls it.
func DefaultSignals() {
	for _, s := range []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGPIPE} {
		if signal.Ignored(s) {
			signal.Notify(make(chan os.Signal, 1), s)
		}
	}
}
