//go:build unix

package main

import "syscall"

// keeperSession is a session of its own: signals of a terminal, and those to a process group, do not reach it.
func keeperSession() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }
