package targets

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"

	"github.com/fromscratch-go/fromscratch/magefiles/targets/internal/dialogue"
)

// startWithReports starts the worker with a pipe for its reports, whose handle it
// inherits, and returns the end to read from.
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

// ownGroup does nothing: Windows has no process groups to kill. A compiler that the go
// command started ends when its file is done.
func ownGroup(*exec.Cmd) {}
