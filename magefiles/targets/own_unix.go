//go:build unix

package targets

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// ownedAlone is the error that a file or folder belongs to somebody else, or can be written by others.
func ownedAlone(info fs.FileInfo) error {
	if info.Mode()&0o022 != 0 {
		return fmt.Errorf("can be written by others (%s)", info.Mode())
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !ok:
		return errors.New("has an owner that is not known")
	case stat.Uid != 0 && int(stat.Uid) != os.Geteuid():
		return fmt.Errorf("belongs to the user %d", stat.Uid)
	}
	return nil
}
