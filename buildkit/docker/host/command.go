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
	// exitTimeout is how long a command may take to end after it was asked to, or after its output has ended.
	exitTimeout = 3 * time.Second
	// stderrLimit is how much of a command's last words is kept.
	stderrLimit = 4 << 10
)

// commandConn is a connection over a command's standard input and output.
type commandConn struct {
	cmd    *exec.Cmd
	stdin  *os.File // our ends of the pipes
	stdout *os.File
	stderr Tail
	failed func(error) // is told why the command ended early

	done chan struct{} // closed when the command has ended
	err  error         // how it ended; read after done

	closing  sync.Once
	stdinEnd sync.Once
}

// commandError is a command that ended with an error while it was needed.
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

// startCommand starts a command as a connection. The command lives as long as the connection, not as the context of
// the request that opened it: the transport uses connections for later requests too.
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

// pipeIn is os.Pipe with the writing end first: ours.
func pipeIn() (ours, theirs *os.File, err error) {
	theirs, ours, err = os.Pipe()
	return ours, theirs, err
}

// wait reaps the command. It starts with the command and ends with it, at the latest when Close kills it.
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

// explain replaces the end of a pipe by the reason why the command ended, when it failed.
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

// CloseWrite ends the command's input; its output can still be read. "dial-stdio" passes that on to the engine, which
// ends the input of what it runs.
func (c *commandConn) CloseWrite() error {
	var err error
	c.stdinEnd.Do(func() { err = c.stdin.Close() })
	return err
}

// Close ends the command: by the end of its input and SIGTERM, after exitTimeout by force. It returns when the command
// has ended, and how it ended is then no error.
func (c *commandConn) Close() error {
	var err error
	c.closing.Do(func() {
		err = c.CloseWrite()
		if c.cmd.Process.Signal(syscall.SIGTERM) != nil { // ended already, or Windows, which has no such signal
			_ = c.cmd.Process.Kill() // fails when it has ended
		}
		force := time.AfterFunc(exitTimeout, func() { _ = c.cmd.Process.Kill() })
		<-c.done
		force.Stop()
		err = errors.Join(err, c.stdout.Close())
	})
	return err
}

// commandAddr is both ends' address: a command has none.
type commandAddr struct{}

func (commandAddr) Network() string { return "command" }
func (commandAddr) String() string  { return "command" }

func (c *commandConn) LocalAddr() net.Addr  { return commandAddr{} }
func (c *commandConn) RemoteAddr() net.Addr { return commandAddr{} }

// SetDeadline works where pipes have deadlines, which Windows' have not.
func (c *commandConn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}
func (c *commandConn) SetReadDeadline(t time.Time) error  { return c.stdout.SetReadDeadline(t) }
func (c *commandConn) SetWriteDeadline(t time.Time) error { return c.stdin.SetWriteDeadline(t) }

// Tail keeps the end of what is written to it.
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
