//go:build unix

package usercache

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// checkOwner returns an error if a folder belongs to another user than this one and root.
func checkOwner(info fs.FileInfo) error {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && stat.Uid != 0 && int(stat.Uid) != os.Geteuid() {
		return fmt.Errorf("%q belongs to the user %d, who could change what is kept in it", info.Name(), stat.Uid)
	}
	return nil
}
