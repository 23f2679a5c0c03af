//go:build unix

package filelock

import (
	"io/fs"
	"os"
	"syscall"
)

// own says whether a file is this user's.
func own(info fs.FileInfo) bool {
	s, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(s.Uid) == os.Geteuid()
}
