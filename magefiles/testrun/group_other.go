//go:build !unix

package testrun

import (
	"os/exec"
	"syscall"
)

// ownGroup does nothing: the system has no process groups.
func ownGroup(*exec.Cmd) {}

// endGroup ends the command.
func endGroup(cmd *exec.Cmd, _ syscall.Signal) { _ = cmd.Process.Kill() }
