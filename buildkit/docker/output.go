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
	// drainTimeout is how long the rest of the output may take after the program and ctx have ended.
	drainTimeout = 2 * time.Second
	// headLimit is enough for a runtime's one line.
	headLimit = 1 << 10
)

// output is the program's two output streams, copied by a goroutine until they end.
type output struct {
	conn   types.HijackedResponse
	stderr *head
	cut    atomic.Bool   // we have closed conn
	done   chan struct{} // closed when the copy has ended
	err    error         // why; read after done
}

// attach connects to the streams of a container that has not started yet, so that not a byte is missed: what it writes
// and, if it is to be written to, what it reads.
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

// orDiscard stands in for a stream that nobody wants.
func orDiscard(w io.Writer) io.Writer {
	if w == nil {
		return io.Discard
	}
	return callersWriter{w}
}

// callersWriter marks the errors of a caller's writer, see callers.
type callersWriter struct{ io.Writer }

func (c callersWriter) Write(p []byte) (int, error) {
	n, err := c.Writer.Write(p)
	return n, callers(err)
}

// drain waits until all output of an ended program has been written. After ctx it waits no longer than drainTimeout.
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

// feed writes to the program's standard input. When ctx ends, what was written may be a part.
func (o *output) feed(ctx context.Context, content io.Reader) error {
	stop := context.AfterFunc(ctx, func() { _ = o.conn.Conn.SetWriteDeadline(time.Now()) }) // else the end of the connection ends it
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

// hangUp closes the connection. An engine waits with a program's end for those who do not read its output.
func (o *output) hangUp() {
	o.cut.Store(true)
	o.conn.Close()
}

// execFailure recognises a program that could not be executed although the container started: runc tells that on
// stderr, as its only line, and exits. The kernel says "no such file" for a program whose interpreter is missing.
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

// head passes all it gets on and keeps the beginning.
type head struct {
	w     io.Writer
	first []byte
	more  bool
}

// Write keeps what fits and passes everything on.
func (h *head) Write(p []byte) (int, error) {
	free := min(headLimit-len(h.first), len(p))
	h.first = append(h.first, p[:free]...)
	h.more = h.more || free < len(p)
	return h.w.Write(p)
}

// line is what was written if that was one line.
func (h *head) line() (string, bool) {
	line := strings.TrimSpace(string(h.first))
	return line, !h.more && line != "" && !strings.Contains(line, "\n")
}
