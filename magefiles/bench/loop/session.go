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

// pollEvery is the interval between requests to the program.
const pollEvery = 2 * time.Millisecond

// stuck are texts that the target prints when it waits for the user to fix something.
var stuck = []string{"waiting for a change", "the last good version keeps running"}

// session is a running target that swaps the program.
type session struct {
	cmd    *exec.Cmd
	url    string
	client *http.Client
	said   *output
	ended  chan struct{}
	err    error // error of the ended target
}

// start starts the target and waits until the program answers.
func (w *devWay) start(ctx context.Context) (*session, error) {
	s := &session{
		cmd: w.bench.prepare(ctx, command{
			dir: w.dir, args: []string{w.magefile(), devTarget},
			env: []string{"IMAGE_REPO=" + w.repo(), devSwap + "=" + w.swap},
		}),
		url: "http://127.0.0.1:" + w.port + "/", said: &output{}, ended: make(chan struct{}),
		// A kept connection would lead to the previous program.
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

// await polls until the program gives the answer. It fails if the target has ended or is stuck.
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

// ask asks once, and returns "" without an answer. While the program is swapped, a connection may be accepted and never
// answered, so each request has a timeout.
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

// stop interrupts the target like Ctrl-C, and waits for it. Its error about the interrupt is ignored.
func (s *session) stop() error {
	if err := s.cmd.Process.Signal(os.Interrupt); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	<-s.ended
	return nil
}

// output collects a command's output and can be read while the command runs.
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
