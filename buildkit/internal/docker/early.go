package docker

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"syscall"
)

// signalled reports that a terminating signal came before the program ran.
type signalled struct{ signal os.Signal }

func (s *signalled) Error() string {
	return fmt.Sprintf("the signal %q has come before the program ran", s.signal)
}

// code returns the exit code of a program that the signal kills.
func (s *signalled) code() int {
	number, _ := s.signal.(syscall.Signal)
	return 128 + cmp.Or(int(number), int(syscall.SIGTERM))
}

// listenEarly forwards signals to passed until stop. The context early ends with ctx, and with the first terminating signal.
func listenEarly(ctx context.Context, signals <-chan os.Signal) (early context.Context, passed <-chan os.Signal, stop func()) {
	early, end := context.WithCancelCause(ctx)
	out, done := make(chan os.Signal, 16), make(chan struct{})
	go func() {
		for {
			select {
			case s, open := <-signals:
				if !open {
					signals = nil // or the loop would spin
					continue
				}
				if _, terminating := signalName(s); terminating {
					end(&signalled{s})
				}
				select {
				case out <- s:
				default: // so many signals already kill the program
				}
			case <-done:
				return
			}
		}
	}()
	return early, out, func() { close(done); end(nil) }
}
