package docker

import (
	"context"
	"fmt"
	"io"
	"path"
	"strings"
	"sync/atomic"
	"time"

	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/pkg/stdcopy"
)

const (
	// drainTimeout limits how long the rest of the output may take after the program has exited and ctx has ended.
	drainTimeout = 2 * time.Second
	// headLimit is more than the one line of a container runtime's error.
	headLimit = 1 << 10
)

// output is a program's two output streams. A goroutine copies them until they end.
type output struct {
	conn   types.HijackedResponse
	stderr *head
	cut    atomic.Bool   // this process closed conn
	done   chan struct{} // closed when the copy has ended
	err    error         // of the copy; read after done
}

// attach connects to the output of a container before it starts, so that no byte is lost. With stdin it also connects to
// the container's standard input.
func (e *Engine) attach(ctx context.Context, id string, req RunRequest, stdin bool) (*output, error) {
	conn, err := e.attachTo(ctx, id, container.AttachOptions{Stream: true, Stdin: stdin, Stdout: true, Stderr: true})
	if err != nil {
		return nil, fmt.Errorf("attaching to the container: %w", err)
	}
	o := &output{conn: conn, stderr: &head{w: orDiscard(req.Stderr)}, done: make(chan struct{})}
	go func() {
		defer close(o.done)
		// Without a terminal both streams come as frames of one connection.
		_, err := stdcopy.StdCopy(orDiscard(req.Stdout), o.stderr, conn.Reader)
		if err != nil && !o.cut.Load() {
			o.err = fmt.Errorf("copying the program's output: %w", err)
		}
	}()
	return o, nil
}

// orDiscard returns the caller's writer, or one that discards if w is nil.
func orDiscard(w io.Writer) io.Writer {
	if w == nil {
		return io.Discard
	}
	return callersWriter{w}
}

// OutputError reports that a writer that the caller passed in has failed. The engine is not to blame.
type OutputError struct{ Err error }

// Error returns the writer's error.
func (o *OutputError) Error() string { return o.Err.Error() }

// Unwrap returns Err.
func (o *OutputError) Unwrap() error { return o.Err }

// callersWriter marks the errors of a writer that the caller passed in, see callers.
type callersWriter struct{ io.Writer }

func (c callersWriter) Write(p []byte) (int, error) {
	n, err := c.Writer.Write(p)
	if err != nil {
		err = &OutputError{callers(err)}
	}
	return n, err
}

// drain waits until all output of an exited program has been written. After the end of ctx it waits drainTimeout at most.
func (o *output) drain(ctx context.Context) error {
	select {
	case <-o.done:
		return o.err
	case <-ctx.Done():
	}
	timer := time.NewTimer(drainTimeout)
	defer timer.Stop()
	select {
	case <-o.done:
	case <-timer.C:
		o.close()
	}
	return o.err
}

// feed writes to the program's standard input. If ctx ends, only a part may be written.
func (o *output) feed(ctx context.Context, content io.Reader) error {
	stop := context.AfterFunc(ctx, func() { _ = o.conn.Conn.SetWriteDeadline(time.Now()) }) // if it fails, closing the connection ends the copy
	defer stop()
	_, err := io.Copy(o.conn.Conn, content)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// close ends the copy.
func (o *output) close() {
	o.hangUp()
	<-o.done
}

// hangUp closes the connection. An engine does not report a program's end while a client has not read its output.
func (o *output) hangUp() {
	o.cut.Store(true)
	o.conn.Close()
}

// execFailure returns the error if the container started but the program could not be executed. runc then writes a single
// line to stderr and exits. The kernel reports "no such file" if the program's interpreter is missing.
func (o *output) execFailure(entrypoint string) error {
	line, ok := o.stderr.line()
	if !ok {
		return nil
	}
	file, _, found := strings.Cut(strings.TrimPrefix(line, "exec "), ": ")
	byName := found && strings.HasPrefix(line, "exec ") && path.Base(file) == path.Base(entrypoint)
	if !byName && !strings.Contains(line, "exec user process caused") { // the words of runc before 1.1
		return nil
	}
	reason := line[strings.LastIndex(line, ": ")+1:]
	return execFix(fmt.Errorf("executing %q:%s", entrypoint, reason), strings.ToLower(reason))
}

// head passes on all that is written to it and keeps the first headLimit bytes.
type head struct {
	w     io.Writer
	first []byte
	more  bool
}

// Write implements [io.Writer].
func (h *head) Write(p []byte) (int, error) {
	free := min(headLimit-len(h.first), len(p))
	h.first = append(h.first, p[:free]...)
	h.more = h.more || free < len(p)
	return h.w.Write(p)
}

// line returns the output if it is a single line.
func (h *head) line() (string, bool) {
	line := strings.TrimSpace(string(h.first))
	return line, !h.more && line != "" && !strings.Contains(line, "\n")
}
