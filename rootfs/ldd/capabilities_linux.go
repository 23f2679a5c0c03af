package ldd

import (
	"encoding/binary"
	"syscall"
)

// hasCapabilities reports whether a process that executes a file gains capabilities, so that the kernel sets
// AT_SECURE (cap_bprm_creds_from_file in Linux's security/commoncap.c). The attribute is struct vfs_cap_data of
// linux/capability.h, always little endian: u32 revision and flags, then pairs of u32, permitted and
// inheritable. Inheritable capabilities are only for processes that have them already.
func hasCapabilities(file string) bool {
	const effective = 1 // VFS_CAP_FLAGS_EFFECTIVE
	var buf [32]byte
	n, err := syscall.Getxattr(file, "security.capability", buf[:])
	if err != nil || n < 4 {
		return false // no capabilities, or a file system without them
	}
	b := buf[:n]
	if binary.LittleEndian.Uint32(b)&effective != 0 {
		return true
	}
	for b = b[4:]; len(b) >= 8; b = b[8:] {
		if binary.LittleEndian.Uint32(b) != 0 {
			return true
		}
	}
	return false
}
