package host

import "syscall"

// ownSession keeps the console's Ctrl-C from ending a command: the connection is needed to clean up after Ctrl-C.
func ownSession() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}
}
