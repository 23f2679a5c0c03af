package gobuild

import (
	"regexp"
	"strings"

	"github.com/fromscratch-go/fromscratch/buildkit/diskfull"
)

// noSpace matches the messages of commands about a full disk. The first group is the file that they name.
var noSpace = regexp.MustCompile(`(?i)(?:(\S+): )?no space left on device`)

// noSpaceFix returns the fix for a full disk, "" if the output has no such message. The go
// command's work folder and cache can be moved to another disk, its output cannot.
func noSpaceFix(output string) string {
	found := noSpace.FindAllStringSubmatch(output, -1)
	for _, m := range found {
		file := m[1]
		if strings.HasPrefix(file, "/") && !strings.Contains(file, "go-build") && !strings.HasPrefix(file, "/tmp/cc") {
			return diskfull.Fix(file)
		}
	}
	if len(found) == 0 {
		return ""
	}
	const move = ", or set GOTMPDIR and GOCACHE to folders on another disk"
	for _, m := range found {
		if strings.HasPrefix(m[1], "/") {
			return diskfull.Fix(m[1]) + move
		}
	}
	return "make room" + move
}
