//go:build linux || darwin || freebsd

package diskfull

import "syscall"

// noInodes tells whether a file system has no inode left. One that counts none has 0 of 0.
func noInodes(dir string) bool {
	var s syscall.Statfs_t
	return syscall.Statfs(dir, &s) == nil && s.Files > 0 && s.Ffree == 0
}
