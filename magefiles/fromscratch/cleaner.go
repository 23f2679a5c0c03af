package main

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

	"github.com/fromscratch-go/fromscratch/buildkit/docker"
	"github.com/fromscratch-go/fromscratch/buildkit/docker/host"
)

// The container of imageRun must end with this process, even if the process is killed. The engine does not do that: the
// program is PID 1 in its container and reads nothing. So a second process, the cleaner, does it. It is this program with
// another argument, in its own session, so that a signal to the process group does not reach it. It waits for the end of
// its standard input, a pipe from this process.

// cleanerArg is the argument that makes this program a cleaner.
const cleanerArg = "end-container-with-parent"

// marked says which container to remove. It is the first value that a cleaner reads. A second value means that the
// container is gone.
type marked struct {
	Mark  string
	Grace time.Duration
}

// cleaner is the running second process.
type cleaner struct {
	cmd *exec.Cmd
	in  io.WriteCloser
}

// startCleaner starts a cleaner for the container with a mark.
func startCleaner(m marked) (*cleaner, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, cleanerArg) // without the outputs of this process: their readers must not wait for it
	cmd.SysProcAttr = cleanerSession()
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	c := &cleaner{cmd, in}
	if err := json.NewEncoder(in).Encode(m); err != nil {
		c.release()
		return nil, err
	}
	return c, nil
}

// release ends the cleaner, after the container has ended.
func (c *cleaner) release() {
	if c == nil {
		return
	}
	_ = json.NewEncoder(c.in).Encode(marked{}) // it fails if the cleaner has ended, which is fine
	_ = c.in.Close()
	_ = c.cmd.Wait()
}

// How often a cleaner looks for the container: the engine may be about to create it.
const (
	cleanerTries = 60 // a busy engine takes long
	cleanerPause = 500 * time.Millisecond
	cleanerLimit = 2 * time.Minute
)

// runCleaner is the main function of a cleaner. Nobody reads its errors, so it tries again.
func runCleaner(in io.Reader) int {
	signal.Ignore(os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	orders := json.NewDecoder(in)
	var m, gone marked
	if orders.Decode(&m) != nil || orders.Decode(&gone) == nil {
		return 0
	}
	ctx, cancel := context.WithTimeout(context.Background(), cleanerLimit)
	defer cancel()
	for range cleanerTries {
		if n, err := removeMarked(ctx, m); n > 0 && err == nil {
			break
		}
		time.Sleep(cleanerPause)
	}
	return 0
}

// removeMarked ends and removes the container, and returns how many there were.
func removeMarked(ctx context.Context, m marked) (int, error) {
	engine, err := docker.Open(ctx, docker.Options{Options: host.Options{Getenv: os.Getenv}})
	if err != nil {
		return 0, err
	}
	defer engine.Close()
	return engine.RemoveMarked(ctx, m.Mark, cmp.Or(m.Grace, docker.DefaultGrace))
}
