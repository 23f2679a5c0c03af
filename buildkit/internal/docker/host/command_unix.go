//go:build unix

package host

import "syscall"

// ownSession keeps the terminal's Ctrl-C from ending a command: the connection is needed to clean up after Ctrl-C.
func ownSession() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }
