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

	"github.com/fromscratch-go/fromscratch/rootfs/plaintext"
)

// workerPackage is the program that does the targets' work.
const workerPackage = modulePath + "/magefiles/fromscratch"

// workerPrefix begins the names of compiled workers in mage's cache.
const workerPrefix = "fromscratch-"

// ensureWorker returns the file of the compiled worker. It compiles the worker unless
// mage's cache has one of the same source and versions. The go command could check
// that too, but takes a tenth of a second.
func ensureWorker(ctx context.Context) (string, error) {
	dir, err := magefileDir()
	if err != nil {
		return "", err
	}
	f, err := fingerprint(dir)
	if err != nil {
		return "", fmt.Errorf("checking whether the worker %q is compiled: %w", workerPackage, err)
	}
	path := filepath.Join(mg.CacheDir(), workerPrefix+f.name)
	if runtime.GOOS == "windows" {
		path += ".exe"
	}
	if err := checkCache(filepath.Dir(path)); err != nil {
		return "", err
	}
	info, err := os.Lstat(path)
	if err != nil || f.incomplete || !isTrusted(info) {
		return path, compile(ctx, dir, path)
	}
	if time.Since(info.ModTime()) < 24*time.Hour {
		return path, nil
	}
	// Its time says that it is in use, see sweep.
	now := time.Now()
	_ = os.Chtimes(path, now, now)
	return path, nil
}

// magefileDir returns the folder of the module that the magefile is compiled in: the
// current folder, or its magefiles folder if that has a go.mod of its own.
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

// compile compiles the worker to a temporary folder and moves it to path, so that
// another run never sees half of it.
func compile(ctx context.Context, dir, path string) (err error) {
	cache := filepath.Dir(path)
	if err := makeCache(cache); err != nil {
		return fmt.Errorf("creating mage's cache: %w", err)
	}
	if err := checkCache(cache); err != nil { // another user may have created it since the last check
		return err
	}
	work, err := os.MkdirTemp(cache, workerPrefix+"*.tmp")
	if err != nil {
		return fmt.Errorf("creating a folder in mage's cache: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	temp := filepath.Join(work, filepath.Base(path))
	if info, err := os.Lstat(path); err != nil || !isTrusted(info) {
		fmt.Fprintln(os.Stderr, "fromscratch  first run: building the fromscratch worker (about a minute, then cached)")
	} else if err := copyFile(path, temp); err != nil { // go build links only if the old one is out of date
		return fmt.Errorf("copying the compiled worker: %w", err)
	}
	if err := goBuild(ctx, dir, temp); err != nil {
		return err
	}
	// With a umask of 0, everybody could write to it.
	if err := os.Chmod(temp, 0o755); err != nil {
		return fmt.Errorf("setting the mode of the compiled worker: %w", err)
	}
	if err := os.Rename(temp, path); err != nil {
		return fmt.Errorf("moving the compiled worker into mage's cache: %w", err)
	}
	sweep(cache)
	return nil
}

// goBuild compiles the worker with the go command.
func goBuild(ctx context.Context, dir, output string) error {
	cmd := exec.CommandContext(ctx, mg.GoCmd(), "build", "-o", output, workerPackage)
	cmd.Dir = dir
	// The worker runs on this machine, whatever the program is built for, and needs no C.
	cmd.Env = append(os.Environ(), "GOOS="+runtime.GOOS, "GOARCH="+runtime.GOARCH, "CGO_ENABLED=0", "GOFLAGS="+plainFlags(os.Getenv("GOFLAGS")))
	ownGroup(cmd)
	out, err := cmd.CombinedOutput()
	if err == nil {
		return nil
	}
	said := strings.TrimSpace(string(out))
	err = fmt.Errorf("building the worker %q in %q: %w\n%s", workerPackage, dir, err, plaintext.Output(said))
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

// plainFlags returns GOFLAGS without the flags that are meant for the program in the
// image: those that need cgo or that build something other than a program.
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

// keepFor is how long an unused worker stays in mage's cache.
const keepFor = 10 * 24 * time.Hour

// sweep removes workers, and unfinished ones, that have not been used for keepFor.
// It ignores errors: a file that cannot be removed belongs to another user or is running.
func sweep(cache string) {
	files, _ := filepath.Glob(filepath.Join(cache, workerPrefix+"*")) // the pattern is well-formed
	for _, path := range files {
		if info, err := os.Stat(path); err == nil && time.Since(info.ModTime()) > keepFor {
			_ = os.RemoveAll(path)
		}
	}
}
