//go:build unix

package testrun

import (
	"os/exec"
	"syscall"
	"time"
)

// grace is how long tests may take to end after a signal. mage ends five seconds after Ctrl-C.
const grace = 3 * time.Second

// ownGroup puts the command and its children into their own process group.
func ownGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// endGroup ends the command and its children: first with the signal, then with SIGKILL.
func endGroup(cmd *exec.Cmd, s syscall.Signal) {
	_ = syscall.Kill(-cmd.Process.Pid, s) // the group may have ended by itself
	time.AfterFunc(grace, func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
}
