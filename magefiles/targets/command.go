package targets

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/magefile/mage/mg"
)

// commandPackage is the command that does the targets' work.
const commandPackage = ourModule + "/magefiles/fromscratch"

// commandPrefix begins the names of compiled commands in mage's cache.
const commandPrefix = "fromscratch-"

// command gives the file of the compiled command, and compiles it when that was
// not done yet from the same source with the same versions of everything. The go
// command could tell as well, but takes a tenth of a second for it.
func command(ctx context.Context) (string, error) {
	dir, err := magefileDir()
	if err != nil {
		return "", err
	}
	f, err := fingerprint(dir)
	if err != nil {
		return "", fmt.Errorf("looking whether the command %q is compiled: %w", commandPackage, err)
	}
	path := filepath.Join(mg.CacheDir(), commandPrefix+f.name)
	if runtime.GOOS == "windows" {
		path += ".exe"
	}
	if err := checkCache(filepath.Dir(path)); err != nil {
		return "", err
	}
	info, err := os.Lstat(path)
	if err != nil || f.doubtful || !isOwn(info) {
		return path, compile(ctx, dir, path)
	}
	if time.Since(info.ModTime()) < 24*time.Hour {
		return path, nil
	}
	// It is in use, see sweep.
	now := time.Now()
	_ = os.Chtimes(path, now, now)
	return path, nil
}

// magefileDir is the folder of the module that the magefile is compiled in: here,
// or a magefiles folder with a go.mod of its own.
func magefileDir() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("finding the folder that mage runs in: %w", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "magefiles", "go.mod")); err == nil {
		return filepath.Join(dir, "magefiles"), nil
	}
	return dir, nil
}

// compile compiles the command beside its place and moves it there, so that
// another run never sees half of it.
func compile(ctx context.Context, dir, path string) (err error) {
	cache := filepath.Dir(path)
	if err := makeCache(cache); err != nil {
		return fmt.Errorf("making mage's cache: %w", err)
	}
	if err := checkCache(cache); err != nil { // somebody else may have made it meanwhile
		return err
	}
	work, err := os.MkdirTemp(cache, commandPrefix+"*.tmp")
	if err != nil {
		return fmt.Errorf("making a folder in mage's cache: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	temp := filepath.Join(work, filepath.Base(path))
	if info, err := os.Lstat(path); err != nil || !isOwn(info) {
		fmt.Fprintln(os.Stderr, "fromscratch  compiling the command that does the work, once for these versions")
	} else if err := copyFile(path, temp); err != nil { // go build does not link again what is up to date
		return fmt.Errorf("copying the compiled command: %w", err)
	}
	if err := goBuild(ctx, dir, temp); err != nil {
		return err
	}
	// Whatever the umask: with that of 0 everybody could write it.
	if err := os.Chmod(temp, 0o755); err != nil {
		return fmt.Errorf("setting the mode of the compiled command: %w", err)
	}
	if err := os.Rename(temp, path); err != nil {
		return fmt.Errorf("moving the compiled command to its place: %w", err)
	}
	sweep(cache)
	return nil
}

// goBuild has the go command compile our command.
func goBuild(ctx context.Context, dir, output string) error {
	cmd := exec.CommandContext(ctx, mg.GoCmd(), "build", "-o", output, commandPackage)
	cmd.Dir = dir
	// The command runs here, whatever the program is built for, and needs no C.
	cmd.Env = append(os.Environ(), "GOOS="+runtime.GOOS, "GOARCH="+runtime.GOARCH, "CGO_ENABLED=0", "GOFLAGS="+plainFlags(os.Getenv("GOFLAGS")))
	ownGroup(cmd)
	out, err := cmd.CombinedOutput()
	if err == nil {
		return nil
	}
	said := strings.TrimSpace(string(out))
	err = fmt.Errorf("compiling %q, which does the work of the targets, in %q: %w\n%s", commandPackage, dir, err, said)
	for _, lack := range []string{"go mod tidy", "no required module", "missing go.sum entry", "go get "} {
		if strings.Contains(said, lack) {
			return fmt.Errorf("%w\nfix: go mod tidy", err)
		}
	}
	if strings.Contains(said, "vendor") {
		return fmt.Errorf("%w\nfix: go mod vendor", err)
	}
	return err
}

// plainFlags is GOFLAGS without what is meant for the program in the image: flags
// that need cgo or make something else than a program.
func plainFlags(goflags string) string {
	var kept []string
	for _, word := range strings.Fields(goflags) {
		name, _, _ := strings.Cut(strings.TrimLeft(word, "-"), "=")
		switch name {
		case "race", "msan", "asan", "buildmode", "linkshared", "cover":
			continue
		}
		kept = append(kept, word)
	}
	return strings.Join(kept, " ")
}

func copyFile(from, to string) error {
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, content, 0o755)
}

// keepFor is how long a command that nobody uses stays in mage's cache.
const keepFor = 10 * 24 * time.Hour

// sweep removes commands, and halves of them, that have not been used for long.
// What cannot be removed is somebody else's, or runs: it is in nobody's way.
func sweep(cache string) {
	files, _ := filepath.Glob(filepath.Join(cache, commandPrefix+"*")) // the pattern is well-formed
	for _, path := range files {
		if info, err := os.Stat(path); err == nil && time.Since(info.ModTime()) > keepFor {
			_ = os.RemoveAll(path)
		}
	}
}
