package main

import "syscall"

// cleanerSession starts a new process group, which Ctrl-C in the console does not reach.
func cleanerSession() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}
}
