//go:build unix

package host

import "syscall"

// ownSession keeps the terminal's Ctrl-C away from a command: the connection is needed to clean up after it.
func ownSession() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }
