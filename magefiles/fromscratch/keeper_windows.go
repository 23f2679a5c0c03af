package main

import "syscall"

// keeperSession is a process group of its own: Ctrl-C in the console does not reach it.
func keeperSession() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}
}
