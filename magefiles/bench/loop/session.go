package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"
)

// pollEvery is how often the program is asked for its answer.
const pollEvery = 2 * time.Millisecond

// What the target says when it waits for a person to mend something.
var stuck = []string{"waiting for a change", "the last good version runs on"}

// session is a target that runs and swaps the program.
type session struct {
	cmd    *exec.Cmd
	url    string
	client *http.Client
	said   *output
	ended  chan struct{}
	err    error // how it has ended
}

// start starts the target and waits until the program answers.
func (w *devWay) start(ctx context.Context) (*session, error) {
	s := &session{
		cmd: w.bench.prepare(ctx, command{
			dir: w.dir, args: []string{w.magefile(), devTarget},
			env: []string{"IMAGE_REPO=" + w.repo(), devSwap + "=" + w.swap},
		}),
		url: "http://127.0.0.1:" + w.port + "/", said: &output{}, ended: make(chan struct{}),
		// A connection that was kept would lead to the program before.
		client: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}},
	}
	s.cmd.Stdout, s.cmd.Stderr = s.said, s.said
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		s.err = s.cmd.Wait()
		close(s.ended)
	}()
	if err := s.await(ctx, w.constant); err != nil {
		return nil, errors.Join(err, s.stop())
	}
	return s, nil
}

// await polls until the program answers as it should, or the target has ended or
// will not get there.
func (s *session) await(ctx context.Context, answer string) error {
	for {
		if s.ask(ctx) == answer {
			return nil
		}
		if s.said.has(stuck) {
			return fmt.Errorf("running %s: it has failed:\n%s", devTarget, s.said)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.ended:
			return fmt.Errorf("running %s: it has ended: %w\n%s", devTarget, s.err, s.said)
		case <-time.After(pollEvery):
		}
	}
}

// ask asks once, "" is no answer. What accepts for a program that is being swapped
// may never answer: such a question is given up for the next one.
func (s *session) ask(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(ctx, 50*pollEvery)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url, nil)
	if err != nil {
		return ""
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return ""
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(body))
}

// stop ends the target as Ctrl-C does, and waits for it. That it then says it was
// interrupted is no failure.
func (s *session) stop() error {
	if err := s.cmd.Process.Signal(os.Interrupt); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	<-s.ended
	return nil
}

// output is what a command says, read while it runs.
type output struct {
	mutex sync.Mutex
	text  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	return strings.TrimSpace(o.text.String())
}

func (o *output) has(texts []string) bool {
	said := o.String()
	return slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(said, text) })
}
