package docker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/pkg/stdcopy"
)

// nodeError is a command in a node that ended with another code than 0.
type nodeError struct {
	node   string
	args   []string
	code   int
	stderr string
}

func (e *nodeError) Error() string {
	text := fmt.Sprintf("running %q in the node %s: exit code %d", strings.Join(e.args, " "), e.node, e.code)
	if e.stderr != "" {
		text += ": " + e.stderr
	}
	return text
}

// run runs a command in a node and returns what it prints. What input writes is its standard input; nil is none. When
// ctx ends, the connection is cut: the command's input ends early, which ends the command.
func (c *Cluster) run(ctx context.Context, n Node, args []string, input func(context.Context, io.Writer) error) (string, error) {
	created, err := c.engine.api.ContainerExecCreate(ctx, n.ID, container.ExecOptions{
		Cmd: args, AttachStdin: input != nil, AttachStdout: true, AttachStderr: true,
	})
	if err != nil {
		return "", fmt.Errorf("running %q in the node %s: %w", args[0], n.Name, err)
	}
	conn, err := c.engine.execAttach(ctx, created.ID)
	if err != nil {
		return "", fmt.Errorf("running %q in the node %s: %w", args[0], n.Name, err)
	}
	var stdout, stderr bytes.Buffer
	fedErr, readErr := converse(ctx, conn, c.engine.hear(conn, created.ID, input == nil), &stdout, &stderr, input)
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	code, err := c.engine.execCode(ctx, created.ID)
	switch {
	case err != nil || readErr != nil:
		return "", fmt.Errorf("running %q in the node %s: %w", args[0], n.Name, errors.Join(readErr, err))
	case code != 0:
		failed := &nodeError{n.Name, args, code, lastWords(stderr.String() + stdout.String())}
		return "", joinSend(fedErr, failed) // a failed writer makes the command fail too
	}
	return stdout.String(), joinSend(fedErr, nil)
}

// converse feeds a command's input while it reads its output, until the output ends. It leaves nothing running.
func converse(ctx context.Context, conn types.HijackedResponse, output io.Reader, stdout, stderr io.Writer, input func(context.Context, io.Writer) error) (fedErr, readErr error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	defer context.AfterFunc(ctx, conn.Close)()
	fed := make(chan error, 1)
	go func() { fed <- feed(ctx, conn, input) }()
	_, readErr = stdcopy.StdCopy(stdout, stderr, output)
	// The command has ended: whatever is still being written is in vain.
	stop()
	conn.Close()
	return <-fed, readErr
}

// feed writes a command's input and ends it. When the writer fails the input is cut where it is, and the command,
// which misses the rest, fails as well.
func feed(ctx context.Context, conn types.HijackedResponse, input func(context.Context, io.Writer) error) error {
	if input == nil {
		return nil
	}
	err := writeArchive(ctx, connWriter{conn}, input)
	if closeErr := conn.CloseWrite(); err == nil && closeErr != nil && ctx.Err() == nil {
		err = &readerGone{closeErr}
	}
	return err
}

// connWriter marks the errors of the connection, so that they are not taken for those of who writes.
type connWriter struct{ conn types.HijackedResponse }

func (w connWriter) Write(p []byte) (int, error) {
	n, err := w.conn.Conn.Write(p)
	if err != nil {
		err = &readerGone{err}
	}
	return n, err
}

// readerGone is that the other side reads no further, for which it has a reason of its own.
type readerGone struct{ err error }

func (e *readerGone) Error() string   { return e.err.Error() }
func (e *readerGone) Is(t error) bool { return t == errEnded }

// execCode is a command's exit code. An engine may close the output a moment before it knows.
func (e *Engine) execCode(ctx context.Context, id string) (int, error) {
	for {
		info, err := e.api.ContainerExecInspect(ctx, id)
		if err != nil || !info.Running {
			return info.ExitCode, err
		}
		select {
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// lastWords is what a command said of its failure: its last line that is not of a log.
func lastWords(text string) string {
	last := ""
	for _, line := range strings.Split(strings.TrimSpace(text), "\n") {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "time=") {
			last = line
		}
	}
	return strings.TrimPrefix(last, "ctr: ")
}
