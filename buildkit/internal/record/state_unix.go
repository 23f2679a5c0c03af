//go:build unix

package record

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"
)

// stateOf returns the compared fields of a stat(2).
func stateOf(info fs.FileInfo) (state, error) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return state{}, fmt.Errorf("looking at %q: the system reports no inode", info.Name())
	}
	return state{
		mode: info.Mode(), size: info.Size(), modified: info.ModTime().UnixNano(), changed: changeTime(st),
		inode: uint64(st.Ino), device: uint64(st.Dev),
	}, nil
}

// isNotDir reports whether a path goes through something that is not a folder.
func isNotDir(err error) bool {
	return errors.Is(err, syscall.ENOTDIR) || errors.Is(err, syscall.ELOOP)
}
