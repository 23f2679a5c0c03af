//go:build unix

package talk

import "syscall"

// keepFromChildren marks a file descriptor as close-on-exec. The target waits for the
// end of the pipe, so no compiler may hold it open.
func keepFromChildren(fd uintptr) { syscall.CloseOnExec(int(fd)) }
