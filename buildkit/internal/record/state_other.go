//go:build !unix

package record

import (
	"fmt"
	"io/fs"
)

// stateOf fails: without change times and inodes, a change may go undetected.
func stateOf(info fs.FileInfo) (state, error) {
	return state{}, fmt.Errorf("looking at %q: the system has no change times", info.Name())
}

func isNotDir(error) bool { return false }
