package docker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/pkg/stdcopy"
)

// ExecRequest is a command for a running container.
type ExecRequest struct {
	// Container is the ID of the container.
	Container string
	// Where names the container in errors ("the node kind-worker").
	Where string
	Args  []string
	// Input writes the command's standard input. It must return when writing fails or ctx ends. nil means no input.
	Input func(context.Context, io.Writer) error
	// Failed returns the error for a command that exits with a code other than 0. output is its stderr, then its stdout.
	Failed func(code int, output string) error
}

// Exec runs a command in a container and returns what it writes to stdout. If ctx ends, the connection is closed: the
// command's input then ends early, which ends the command.
//
// Errors have no context and no fix line for the user yet: see [Engine.Failed].
func (e *Engine) Exec(ctx context.Context, req ExecRequest) (stdout string, err error) {
	created, err := e.api.ContainerExecCreate(ctx, req.Container, container.ExecOptions{
		Cmd: req.Args, AttachStdin: req.Input != nil, AttachStdout: true, AttachStderr: true,
	})
	if err != nil {
		return "", req.wrap(err)
	}
	conn, err := e.execAttach(ctx, created.ID)
	if err != nil {
		return "", req.wrap(err)
	}
	var out, errOut bytes.Buffer
	fedErr, readErr := converse(ctx, conn, e.hear(conn, created.ID, req.Input == nil), &out, &errOut, req.Input)
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	code, err := e.execCode(ctx, created.ID)
	switch {
	case err != nil || readErr != nil:
		return "", req.wrap(errors.Join(readErr, err))
	case code != 0: // a failed writer makes the command fail too
		return "", joinSend(fedErr, req.Failed(code, errOut.String()+out.String()))
	}
	return out.String(), joinSend(fedErr, nil)
}

// wrap adds the command and the container to an error.
func (req ExecRequest) wrap(err error) error {
	return fmt.Errorf("running %q in %s: %w", req.Args[0], req.Where, err)
}

// converse writes a command's input and reads its output until the output ends. It leaves no goroutine behind.
func converse(ctx context.Context, conn types.HijackedResponse, output io.Reader, stdout, stderr io.Writer, input func(context.Context, io.Writer) error) (fedErr, readErr error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	defer context.AfterFunc(ctx, conn.Close)()
	fed := make(chan error, 1)
	go func() { fed <- feed(ctx, conn, input) }()
	_, readErr = stdcopy.StdCopy(stdout, stderr, output)
	// The command has exited and reads no more input.
	stop()
	conn.Close()
	return <-fed, readErr
}

// feed writes a command's input and closes it. If input fails, the command gets only a part, and fails too.
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

// connWriter marks the errors of the connection, to tell them from the errors of the function that writes.
type connWriter struct{ conn types.HijackedResponse }

func (w connWriter) Write(p []byte) (int, error) {
	n, err := w.conn.Conn.Write(p)
	if err != nil {
		err = &readerGone{err}
	}
	return n, err
}

// readerGone reports that the other side stopped reading. The other side's own error says why.
type readerGone struct{ err error }

func (e *readerGone) Error() string   { return e.err.Error() }
func (e *readerGone) Is(t error) bool { return t == errEnded }

// execCode returns a command's exit code. An engine may close the output a moment before it knows the code.
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
