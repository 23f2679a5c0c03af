// Package cleaner removes a container when its starter ends, even if that is killed.
//
// The engine does not do that: the program is PID 1 in its container and reads nothing. So a second process, the cleaner,
// does it. It is the same program with another argument, in its own session, so that a signal to the process group does not
// reach it. It waits for the end of its standard input, a pipe from its starter.
package cleaner

import (
	"cmp"
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/docker"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/docker/host"
)

// argument is the argument that makes the program a cleaner.
const argument = "end-container-with-parent"

// order says which container to remove. It is the first value that a cleaner reads. A second value means that the
// container is gone.
type order struct {
	Mark  string
	Grace time.Duration
}

// Cleaner is a running cleaner.
type Cleaner struct {
	cmd *exec.Cmd
	in  io.WriteCloser
}

// Start starts a cleaner for the container with a mark: this program again, whose main function must call [Main].
// grace is the time that the container's program gets to end; zero is
// the engine's default.
func Start(mark string, grace time.Duration) (*Cleaner, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, argument) // without the outputs of this process: their readers must not wait for it
	cmd.SysProcAttr = ownSession()
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	c := &Cleaner{cmd, in}
	if err := json.NewEncoder(in).Encode(order{mark, grace}); err != nil {
		c.Release()
		return nil, err
	}
	return c, nil
}

// Release ends the cleaner, after the container has ended. It does nothing if c is nil.
func (c *Cleaner) Release() {
	if c == nil {
		return
	}
	_ = json.NewEncoder(c.in).Encode(order{}) // it fails if the cleaner has ended, which is fine
	_ = c.in.Close()
	_ = c.cmd.Wait()
}

// How often a cleaner looks for the container: the engine may be about to create it.
const (
	tries = 60 // a busy engine takes long
	pause = 500 * time.Millisecond
	limit = 2 * time.Minute
)

// Main does the work of a cleaner and returns true if this process is one, by its arguments, as in os.Args. Otherwise it does
// nothing.
func Main(args []string) bool {
	if len(args) != 2 || args[1] != argument {
		return false
	}
	clean(os.Stdin)
	return true
}

// clean reads an order and follows it. Nobody reads its errors, so it tries again.
func clean(in io.Reader) {
	signal.Ignore(os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	orders := json.NewDecoder(in)
	var o, gone order
	if orders.Decode(&o) != nil || orders.Decode(&gone) == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	for range tries {
		if n, err := remove(ctx, o); n > 0 && err == nil {
			return
		}
		time.Sleep(pause)
	}
}

// remove ends and removes the container, and returns how many there were.
func remove(ctx context.Context, o order) (int, error) {
	engine, err := docker.Open(ctx, docker.Options{Options: host.Options{Getenv: os.Getenv}})
	if err != nil {
		return 0, err
	}
	defer engine.Close()
	return engine.RemoveMarked(ctx, o.Mark, cmp.Or(o.Grace, docker.DefaultGrace))
}
