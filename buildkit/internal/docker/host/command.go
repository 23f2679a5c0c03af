package host

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	// exitTimeout limits how long a command may take to exit after SIGTERM or after the end of its output.
	exitTimeout = 3 * time.Second
	// stderrLimit is how many bytes of a command's output a Tail keeps.
	stderrLimit = 4 << 10
)

// commandConn is a connection over a command's standard input and output.
type commandConn struct {
	cmd    *exec.Cmd
	stdin  *os.File // this process's ends of the pipes
	stdout *os.File
	stderr Tail
	failed func(error) // called with the error if the command fails

	done chan struct{} // closed when the command has exited
	err  error         // its failure; read after done

	closing  sync.Once
	stdinEnd sync.Once
}

// commandError reports that a command failed while it was needed.
type commandError struct {
	args   []string
	err    error
	stderr string
}

func (e *commandError) Error() string {
	text := fmt.Sprintf("running %q: %v", strings.Join(e.args, " "), e.err)
	if e.stderr != "" {
		text += ": " + e.stderr
	}
	return text
}

func (e *commandError) Unwrap() error { return e.err }

// startCommand starts a command as a connection. The command runs until the connection is closed. It outlives the context
// of the request that opened it, because the transport reuses connections for later requests.
func startCommand(args []string, failed func(error)) (net.Conn, error) {
	c := &commandConn{cmd: exec.Command(args[0], args[1:]...), failed: failed, done: make(chan struct{})}
	stdin, theirIn, err := pipeIn()
	if err != nil {
		return nil, err
	}
	stdout, theirOut, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, stdin.Close(), theirIn.Close())
	}
	c.stdin, c.stdout = stdin, stdout
	c.cmd.Stdin, c.cmd.Stdout, c.cmd.Stderr = theirIn, theirOut, &c.stderr
	c.cmd.WaitDelay = exitTimeout // ssh's ControlMaster stays behind and keeps stderr open
	c.cmd.SysProcAttr = ownSession()
	err = c.cmd.Start()
	err = errors.Join(err, theirIn.Close(), theirOut.Close())
	if c.cmd.Process == nil {
		return nil, errors.Join(&commandError{args: args, err: err}, stdin.Close(), stdout.Close())
	}
	go c.wait()
	return c, nil
}

// pipeIn is os.Pipe with the writing end first, which this process keeps.
func pipeIn() (ours, theirs *os.File, err error) {
	theirs, ours, err = os.Pipe()
	return ours, theirs, err
}

// wait waits until the command exits, at the latest when Close kills it.
func (c *commandConn) wait() {
	defer close(c.done)
	if err := c.cmd.Wait(); err != nil && !errors.Is(err, exec.ErrWaitDelay) {
		c.err = &commandError{args: c.cmd.Args, err: err, stderr: c.stderr.String()}
	}
}

// Read reads from the command's standard output.
func (c *commandConn) Read(p []byte) (int, error) {
	n, err := c.stdout.Read(p)
	return n, c.explain(err)
}

// Write writes to the command's standard input.
func (c *commandConn) Write(p []byte) (int, error) {
	n, err := c.stdin.Write(p)
	return n, c.explain(err)
}

// explain replaces the error of a closed pipe by the command's failure, if it failed.
func (c *commandConn) explain(err error) error {
	if !errors.Is(err, io.EOF) && !errors.Is(err, syscall.EPIPE) {
		return err
	}
	timer := time.NewTimer(exitTimeout)
	defer timer.Stop()
	select {
	case <-c.done:
	case <-timer.C:
		return err
	}
	if c.err == nil {
		return err
	}
	c.failed(c.err)
	return c.err
}

// CloseWrite closes the command's input; its output can still be read. "dial-stdio" passes this on to the engine, which
// closes the input of the program that it runs.
func (c *commandConn) CloseWrite() error {
	var err error
	c.stdinEnd.Do(func() { err = c.stdin.Close() })
	return err
}

// Close closes the command's input, sends SIGTERM, and kills the command after exitTimeout. It returns when the command
// has exited, and ignores its exit code.
func (c *commandConn) Close() error {
	var err error
	c.closing.Do(func() {
		err = c.CloseWrite()
		if c.cmd.Process.Signal(syscall.SIGTERM) != nil { // it has exited, or this is Windows, which has no SIGTERM
			_ = c.cmd.Process.Kill() // fails if it has exited
		}
		force := time.AfterFunc(exitTimeout, func() { _ = c.cmd.Process.Kill() })
		<-c.done
		force.Stop()
		err = errors.Join(err, c.stdout.Close())
	})
	return err
}

// commandAddr stands in for both addresses: a command has none.
type commandAddr struct{}

func (commandAddr) Network() string { return "command" }
func (commandAddr) String() string  { return "command" }

func (c *commandConn) LocalAddr() net.Addr  { return commandAddr{} }
func (c *commandConn) RemoteAddr() net.Addr { return commandAddr{} }

// SetDeadline fails on Windows, whose pipes have no deadlines.
func (c *commandConn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}
func (c *commandConn) SetReadDeadline(t time.Time) error  { return c.stdout.SetReadDeadline(t) }
func (c *commandConn) SetWriteDeadline(t time.Time) error { return c.stdin.SetWriteDeadline(t) }

// Tail is a writer that keeps the last 4 KiB written to it. The zero value is ready to use.
type Tail struct {
	mu   sync.Mutex
	last []byte
}

var _ io.Writer = (*Tail)(nil)

func (t *Tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last = append(t.last, p...)
	if extra := len(t.last) - stderrLimit; extra > 0 {
		t.last = append(t.last[:0], t.last[extra:]...)
	}
	return len(p), nil
}

func (t *Tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(string(t.last))
}
