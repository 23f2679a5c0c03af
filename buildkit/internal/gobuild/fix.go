package gobuild

import (
	"regexp"
	"strings"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/diskfull"
)

// fixFor returns the fix for the output of a failed go command, "" if the output
// explains itself, like a compile error. The first phrase that occurs decides, so
// special phrases come before general ones.
func fixFor(output string) string {
	if fix := noSpaceFix(output); fix != "" {
		return fix
	}
	for _, known := range [...]struct{ phrase, fix string }{
		{"inconsistent vendoring", "go mod vendor"},
		{"import lookup disabled by -mod=vendor", "go mod vendor"},
		{"is replaced but not marked as replaced in vendor/modules.txt", "go mod vendor"},
		{"directory prefix . does not contain", "go work use ., or set GOWORK=off"},
		{"does not contain package", "run in the folder of that module, or add it to the workspace: go work use"},
		{"current directory is contained in a module that is not one of the workspace modules", "go work use ., or set GOWORK=off"},
		{"(running go", "install the Go version named above, or set GOTOOLCHAIN=auto"},
		{"no required module provides package", "go mod tidy"},
		{"missing go.sum entry", "go mod tidy"},
		{"updates to go.mod needed", "go mod tidy"},
		{"cannot find module providing package", "go mod tidy"},
		{"is not in std", "correct the import path; one from another module begins with a host name"},
		{"already exists and is not an object file", "remove that file"},
		{"error obtaining VCS status", "remove -buildvcs=true from Build.Flags, or make the repository readable for git"},
		{"signal: killed", "give the build more memory: a compiler or the linker was killed"},
		{`exec: "pkg-config": executable file not found`, "apt-get install pkg-config"},
		{"was not found in the pkg-config search path", "install the -dev package that has the .pc file named above (apt-file search)"},
		{"stdlib.h: No such file or directory", "apt-get install libc6-dev"},
		{"stdio.h: No such file or directory", "apt-get install libc6-dev"},
		{".h: No such file or directory", "install the -dev package that has the header named above (apt-file search)"},
		{"cannot find -l", "install the -dev package of the library named above, or set CGO_LDFLAGS=-L… in Build.Env"},
		{"-g++\": executable file not found", "apt-get install the g++ of that name"},
		{"\"g++\": executable file not found", "apt-get install g++"},
	} {
		if strings.Contains(output, known.phrase) {
			return known.fix
		}
	}
	return ""
}

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
