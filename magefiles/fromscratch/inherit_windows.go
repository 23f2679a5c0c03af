package main

import "syscall"

// keepFromChildren takes the mark of inheritance from a handle: the target waits
// for the end of the pipe, which must not be held open by a compiler.
func keepFromChildren(handle uintptr) {
	// It fails for what is no handle, which the first report will tell.
	_ = syscall.SetHandleInformation(syscall.Handle(handle), syscall.HANDLE_FLAG_INHERIT, 0)
}
