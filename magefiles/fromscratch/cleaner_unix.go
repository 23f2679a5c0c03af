//go:build unix

package main

import "syscall"

// cleanerSession starts a new session, which signals of the terminal and to the process group do not reach.
func cleanerSession() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }
