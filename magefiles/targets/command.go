package targets

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
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
	info, err := os.Stat(path)
	if err != nil || f.doubtful {
		return path, compile(ctx, dir, path)
	}
	if time.Since(info.ModTime()) < 24*time.Hour {
		return path, nil
	}
	now := time.Now() // it is in use: see sweep
	if err := os.Chtimes(path, now, now); err != nil {
		return "", fmt.Errorf("marking the compiled command as used: %w", err)
	}
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
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return fmt.Errorf("making mage's cache: %w", err)
	}
	temp := fmt.Sprintf("%s.%d.tmp", path, os.Getpid())
	defer func() {
		if removeErr := os.Remove(temp); removeErr != nil && !errors.Is(removeErr, fs.ErrNotExist) {
			err = errors.Join(err, removeErr)
		}
	}()
	if _, err := os.Stat(path); err != nil {
		fmt.Fprintln(os.Stderr, "fromscratch  compiling the command that does the work, once for these versions")
	} else if err := copyFile(path, temp); err != nil { // go build does not link again what is up to date
		return fmt.Errorf("copying the compiled command: %w", err)
	}
	cmd := exec.CommandContext(ctx, mg.GoCmd(), "build", "-o", temp, commandPackage)
	cmd.Dir = dir
	// The command runs here, whatever the program is built for, and needs no C.
	cmd.Env = append(os.Environ(), "GOOS="+runtime.GOOS, "GOARCH="+runtime.GOARCH, "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("compiling %q, which does the work of the targets, in %q: %w\n%s\nfix: go mod tidy", commandPackage, dir, err, strings.TrimSpace(string(out)))
	}
	if err := os.Rename(temp, path); err != nil {
		return fmt.Errorf("moving the compiled command to its place: %w", err)
	}
	return sweep(cache)
}

func copyFile(from, to string) error {
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, content, 0o755)
}

// keepFor is how long a command that nobody uses stays in mage's cache.
const keepFor = 30 * 24 * time.Hour

// sweep removes commands, and halves of them, that have not been used for long.
func sweep(cache string) error {
	files, err := filepath.Glob(filepath.Join(cache, commandPrefix+"*"))
	if err != nil {
		return fmt.Errorf("looking for old commands: %w", err)
	}
	for _, path := range files {
		info, err := os.Stat(path)
		if err != nil || time.Since(info.ModTime()) < keepFor {
			continue // gone, or still of use
		}
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("removing an old command: %w", err)
		}
	}
	return nil
}
