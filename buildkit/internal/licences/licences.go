// Package licences collects the texts of licences for an image: those of the Go modules that the program was compiled from, and those
// of the packages that its libraries come from. It takes the plan, the program's build information and the tree, and returns entries
// for the tree, or adds them to it, with notes and the paths that it has read.
package licences

import (
	"fmt"

	"github.com/fromscratch-go/fromscratch/rootfs"
)

// Texts are texts of licences.
type Texts struct {
	Entries []rootfs.Entry
	Notes   []string // which texts are missing, and which databases of packages could not be read
	Reads   []string // files and folders of this machine that decide about the texts
	Size    int64    // memory that the texts take, in bytes
}

// Limits of the texts of one image. They are held in memory until the image is written; large programs have a few megabytes.
const (
	maxTexts = 256 << 20 // bytes
	perText  = 1 << 10   // bytes that are counted for a text besides its content
)

// add adds an entry with the content of a text, which it counts.
func (t *Texts) add(e rootfs.Entry, content []byte) error {
	t.Size += perText + int64(len(content))
	if t.Size > maxTexts {
		return fmt.Errorf("the texts of licences have more than %d bytes\nfix: set Licenses to false, and add the texts by Files", maxTexts)
	}
	t.Entries = append(t.Entries, e)
	return nil
}
