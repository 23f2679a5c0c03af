package buildertest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"time"
)

// buildCaches are the build caches of go commands, see "go help cache": root's, and that of builders, whose new volume
// starts with the image's content at that path.
var buildCaches = []string{"/root/.cache/go-build", "/.fromscratch/cache"}

// compiled are the packages that test programs import.
var compiled = []string{
	"crypto/tls", "database/sql", "embed", "encoding/json", "flag", "html/template", "log/slog", "mime", "net/http", "os/exec",
	"os/signal", "os/user", "runtime/debug", "time/tzdata",
}

// addBuildCache adds the standard library as this machine compiles it, with and without cgo, and with -trimpath, so that
// the keys of the cache contain no folder.
func (a *archive) addBuildCache() (err error) {
	dir, err := os.MkdirTemp("", repository)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	for _, cgo := range []string{"0", "1"} {
		cmd := exec.Command("go", append([]string{"build", "-trimpath"}, compiled...)...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GOCACHE="+dir, "GOFLAGS=", "GOWORK=off", "CGO_ENABLED="+cgo)
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("compiling the standard library: %w: %s", err, out)
		}
	}
	for _, cache := range buildCaches {
		// Without a recent trim.txt, the go command first removes what was not used for five days.
		err = errors.Join(err, a.addText(cache+"/trim.txt", strconv.FormatInt(time.Now().Unix(), 10)), a.addTree(dir, cache))
	}
	return err
}
