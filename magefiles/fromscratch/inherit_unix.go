//go:build unix

package main

import "syscall"

// keepFromChildren marks a file descriptor as close-on-exec: the target waits for
// the end of the pipe, which must not be held open by a compiler.
func keepFromChildren(fd uintptr) { syscall.CloseOnExec(int(fd)) }
