//go:build unix

package cleaner

import "syscall"

// ownSession starts a new session, which signals of the terminal and to the process group do not reach.
func ownSession() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }
