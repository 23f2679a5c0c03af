//go:build unix

package targets

import (
	"errors"
	"os"
	"os/exec"
	"syscall"

	"github.com/fromscratch-go/fromscratch/magefiles/targets/internal/dialogue"
)

// startWithReports starts the worker with a pipe for its reports as file descriptor 3,
// and returns the end to read from.
func startWithReports(cmd *exec.Cmd) (*os.File, error) {
	reports, theirs, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	cmd.ExtraFiles = []*os.File{theirs}
	cmd.Env = append(os.Environ(), dialogue.ReportsVariable+"=3")
	if err := errors.Join(cmd.Start(), theirs.Close()); err != nil {
		return nil, errors.Join(err, reports.Close())
	}
	return reports, nil
}

// ownGroup runs a command in its own process group, and kills the whole group when the
// command's context ends: the go command does not pass signals on to its compilers.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
