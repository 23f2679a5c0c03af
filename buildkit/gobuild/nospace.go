package gobuild

import (
	"regexp"
	"strings"

	"github.com/fromscratch-go/fromscratch/buildkit/diskfull"
)

// noSpace is how commands tell of a full disk; the first group is the file that they name.
var noSpace = regexp.MustCompile(`(?i)(?:(\S+): )?no space left on device`)

// noSpaceFix is what helps against a full disk, "" when none is told. The go command works
// in a folder of its own, and keeps what it has made: these can be moved to another disk.
// The file that it was to write in the end is where it was asked for.
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
