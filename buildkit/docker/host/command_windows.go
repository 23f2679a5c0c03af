package host

import "syscall"

// ownSession keeps the console's Ctrl-C away from a command: the connection is needed to clean up after it.
func ownSession() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}
}
