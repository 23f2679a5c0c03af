//go:build linux || darwin || freebsd

package diskfull

import "syscall"

// noInodes reports whether a file system has no free inodes. One that does not count inodes has 0 of 0.
func noInodes(dir string) bool {
	var s syscall.Statfs_t
	return syscall.Statfs(dir, &s) == nil && s.Files > 0 && s.Ffree == 0
}
