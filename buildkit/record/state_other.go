//go:build !unix

package record

import (
	"fmt"
	"io/fs"
)

// stateOf gives no state: without change times and inodes a change may go unseen.
func stateOf(info fs.FileInfo) (state, error) {
	return state{}, fmt.Errorf("looking at %q: the system does not tell its change time", info.Name())
}

func isNotDir(error) bool { return false }
