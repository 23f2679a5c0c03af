//go:build !(linux || darwin || freebsd)

package diskfull

// noInodes is always false, because inodes are not checked on this system.
func noInodes(string) bool { return false }
