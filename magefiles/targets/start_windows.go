package targets

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"

	"github.com/fromscratch-go/fromscratch/magefiles/dialogue"
)

// startWithReports starts the command with a pipe for its reports, whose handle it
// inherits, and gives the end to read from.
func startWithReports(cmd *exec.Cmd) (*os.File, error) {
	reports, theirs, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	handle := syscall.Handle(theirs.Fd())
	cmd.SysProcAttr = &syscall.SysProcAttr{AdditionalInheritedHandles: []syscall.Handle{handle}}
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%d", dialogue.ReportsVariable, handle))
	err = syscall.SetHandleInformation(handle, syscall.HANDLE_FLAG_INHERIT, syscall.HANDLE_FLAG_INHERIT)
	if err == nil {
		err = cmd.Start()
	}
	if err = errors.Join(err, theirs.Close()); err != nil {
		return nil, errors.Join(err, reports.Close())
	}
	return reports, nil
}

// ownGroup does nothing: there are no process groups, and a compiler that the go
// command has started ends with its file done.
func ownGroup(*exec.Cmd) {}
