//go:build unix

package targets

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// checkOwner returns an error if a file or folder belongs to another user than this one and root, or if others can write
// to it.
func checkOwner(info fs.FileInfo) error {
	if info.Mode()&0o022 != 0 {
		return fmt.Errorf("is writable by others (%s)", info.Mode())
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !ok:
		return errors.New("has an unknown owner")
	case stat.Uid != 0 && int(stat.Uid) != os.Geteuid():
		return fmt.Errorf("belongs to user %d", stat.Uid)
	}
	return nil
}
