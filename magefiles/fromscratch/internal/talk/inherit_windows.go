package talk

import "syscall"

// keepFromChildren makes a handle not inheritable. The target waits for the end of the
// pipe, so no compiler may hold it open.
func keepFromChildren(handle uintptr) {
	// It fails if this is not a handle. Then the first report fails too.
	_ = syscall.SetHandleInformation(syscall.Handle(handle), syscall.HANDLE_FLAG_INHERIT, 0)
}
