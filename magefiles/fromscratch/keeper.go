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
)

// The container of imageRun has to end with this process, also when that is killed, and the engine does not see to it:
// the program is PID 1 in its container and reads nothing. A second process does. It is this command with another word,
// in a session of its own, so that a signal to the whole process group does not reach it. It waits for the end of its
// standard input, which is a pipe from here.

// keeperWord is the argument that makes this command a keeper.
const keeperWord = "end-container-with-parent"

// kept is the first thing that a keeper reads. A second value says that the container is gone.
type kept struct {
	Mark  string
	Grace time.Duration
}

// keeper is the second process, as the first one sees it.
type keeper struct {
	cmd *exec.Cmd
	in  io.WriteCloser
}

// startKeeper starts a keeper for the container with a mark.
func startKeeper(k kept) (*keeper, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, keeperWord) // without our outputs: who reads them waits for nobody else
	cmd.SysProcAttr = keeperSession()
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	started := &keeper{cmd, in}
	if err := json.NewEncoder(in).Encode(k); err != nil {
		started.release()
		return nil, err
	}
	return started, nil
}

// release ends the keeper: there is no container any more.
func (k *keeper) release() {
	if k == nil {
		return
	}
	_ = json.NewEncoder(k.in).Encode(kept{}) // a keeper that is gone needs not be told
	_ = k.in.Close()
	_ = k.cmd.Wait()
}

// How often a keeper looks for the container: the engine may be about to make it.
const (
	keeperLooks = 60 // a busy engine takes long
	keeperPause = 500 * time.Millisecond
	keeperLimit = 2 * time.Minute
)

// keep is what a keeper does. Nobody hears what goes wrong, so it tries again.
func keep(in io.Reader) int {
	signal.Ignore(os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	orders := json.NewDecoder(in)
	var k, gone kept
	if orders.Decode(&k) != nil || orders.Decode(&gone) == nil {
		return 0
	}
	ctx, cancel := context.WithTimeout(context.Background(), keeperLimit)
	defer cancel()
	for range keeperLooks {
		if n, err := endMarked(ctx, k); n > 0 && err == nil {
			break
		}
		time.Sleep(keeperPause)
	}
	return 0
}

// endMarked ends the container, and tells how many there were.
func endMarked(ctx context.Context, k kept) (int, error) {
	engine, err := docker.Open(ctx, docker.Options{Getenv: os.Getenv})
	if err != nil {
		return 0, err
	}
	defer engine.Close()
	return engine.RemoveMarked(ctx, k.Mark, cmp.Or(k.Grace, docker.DefaultGrace))
}
