//go:build unix

package gobuild

import (
	"os"
	"os/exec"
	"syscall"
)

// ownGroup makes the command the leader of a process group, so that signals also
// reach its children: compile, link and gcc.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
}

// interrupt asks the command to end, and with group also its children. go build does
// not handle the signal: it dies at once and leaves its work folder. Children without
// the signal would go on compiling.
func interrupt(p *os.Process, group bool) error {
	if group {
		return syscall.Kill(-p.Pid, syscall.SIGINT)
	}
	return p.Signal(os.Interrupt)
}

// killGroup kills the rest of the command's group. An empty group is no error.
func killGroup(p *os.Process) {
	_ = syscall.Kill(-p.Pid, syscall.SIGKILL)
}
