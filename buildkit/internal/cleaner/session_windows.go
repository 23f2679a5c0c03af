package cleaner

import "syscall"

// ownSession starts a new process group, which Ctrl-C in the console does not reach.
func ownSession() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}
}
