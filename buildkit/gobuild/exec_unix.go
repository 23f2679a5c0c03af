//go:build unix

package gobuild

import (
	"os"
	"os/exec"
	"syscall"
)

// ownGroup makes the command the leader of a process group, so that compile,
// link and gcc below it can be reached with it.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
}

// interrupt asks the command, with group also everything below it, to end. go
// build does not handle the signal: it dies at once and leaves its work folder,
// and whoever has not got the signal too goes on compiling without it.
func interrupt(p *os.Process, group bool) error {
	if group {
		return syscall.Kill(-p.Pid, syscall.SIGINT)
	}
	return p.Signal(os.Interrupt)
}

// killGroup ends what is left of the command's group. Nothing left is fine.
func killGroup(p *os.Process) {
	_ = syscall.Kill(-p.Pid, syscall.SIGKILL)
}
