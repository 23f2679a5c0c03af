package ldd

import (
	"slices"
	"strings"

	"github.com/fromscratch-go/fromscratch/rootfs/ldd/elf"
)

// sharedFolders are the folders of data that is the same on every machine and public, see hier(7).
var sharedFolders = []string{"/usr/share/", "/usr/local/share/"}

// notData are the folders below them that programs name and do not need as a file: what Go's packages name (time zones, types of
// files), documentation, translations, and source code.
var notData = []string{
	"zoneinfo/", "lib/zoneinfo/", "mime/", "doc/", "doc-base/", "man/", "info/", "common-licenses/", "licenses/", "locale/", "lintian/", "bug/", "go-", "go/", "gocode/", "golang/",
}

// isSharedData reports whether a path below a shared folder may be data.
func isSharedData(rest string) bool {
	return !slices.ContainsFunc(notData, func(folder string) bool { return strings.HasPrefix(rest, folder) })
}

// SharedData returns the texts of the program that begin like the path of a file in /usr/share or
// /usr/local/share. Go strings are stored without separators: a text may go on after the path.
func (c *Closure) SharedData() ([]string, error) {
	texts, err := c.ask(c.Program(), "shared data", func(f *elf.File) (any, error) { return f.PathTexts(sharedFolders, isSharedData) })
	if err != nil {
		return nil, err
	}
	return texts.([]string), nil
}
