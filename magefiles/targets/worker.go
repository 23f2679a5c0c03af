package targets

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/fromscratch-go/fromscratch/magefiles/targets/internal/dialogue"
)

// ensureWorker returns the file of the compiled worker for the magefile's version of this package. It compiles the worker
// unless the user's cache has it: once for each version, for all projects of this user.
func ensureWorker(ctx context.Context) (string, error) {
	if path := os.Getenv(dialogue.WorkerVariable); path != "" && isCompiled(path) {
		return path, nil
	}
	dir, err := magefileDir()
	if err != nil {
		return "", err
	}
	s, err := findSource(ctx, dir)
	if err != nil {
		return "", err
	}
	cache, err := cacheDir()
	if err != nil {
		return "", err
	}
	home := filepath.Join(cache, "workers", s.name)
	// Machines of several kinds may share a cache.
	path := filepath.Join(home, "fromscratch-"+runtime.GOOS+"-"+runtime.GOARCH)
	if runtime.GOOS == "windows" {
		path += ".exe"
	}
	for _, folder := range []string{cache, filepath.Dir(home), home} {
		if err := checkFolder(folder); err != nil {
			return "", err
		}
	}
	if isCompiled(path) && !s.changes && use(path) {
		return path, nil
	}
	release, err := lockFolder(ctx, home)
	if err != nil {
		return "", err
	}
	defer release()
	if isCompiled(path) && !s.changes {
		return path, nil // another run was faster
	}
	if err := compile(ctx, s, path); err != nil {
		return "", err
	}
	sweep(filepath.Dir(home), home)
	return path, nil
}

// lockFolder makes the folder of a worker, and locks it.
func lockFolder(ctx context.Context, home string) (release func(), err error) {
	for tries := 1; ; tries++ {
		err := makeFolder(home)
		if errors.Is(err, fs.ErrNotExist) && tries < 100 {
			continue // swept away before it had its mode
		}
		if err != nil {
			return nil, fmt.Errorf("making the folder for the worker: %w\nfix: let this user write to it, or set XDG_CACHE_HOME", err)
		}
		if err := checkFolder(home); err != nil { // another user may have made it since the last check
			return nil, err
		}
		release, err := lock(ctx, lockOf(home))
		if (errors.Is(err, errGone) || errors.Is(err, fs.ErrNotExist)) && ctx.Err() == nil && tries < 100 {
			continue // another run has swept it away
		}
		if err != nil {
			return nil, fmt.Errorf("locking the folder of the worker: %w", err)
		}
		return release, nil
	}
}

// lockOf returns the file that is locked for the folder of a worker.
func lockOf(home string) string { return filepath.Join(home, "lock") }

var (
	errBusy = errors.New("another run has it")
	errGone = errors.New("it was removed")
)

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

// isCompiled reports whether a file is a worker that nobody else can have written.
func isCompiled(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && isTrusted(info) && info.Size() > 0 && (info.Mode()&0o100 != 0 || runtime.GOOS == "windows")
}

// use gives the folder of a worker the time of its last use, see sweep. It reports whether the worker is still there then.
func use(path string) bool {
	home := filepath.Dir(path)
	info, err := os.Stat(home)
	if err == nil && time.Since(info.ModTime()) < noted {
		return true // no other run may remove it before this one has started it
	}
	release, err := tryLock(lockOf(home), false)
	if errors.Is(err, errBusy) || errors.Is(err, errGone) {
		return false
	}
	if err == nil {
		defer release()
	}
	// If it cannot be locked, it may be another user's: root's. Then it is used as it is.
	now := time.Now()
	_ = os.Chtimes(home, now, now)
	return isCompiled(path)
}

// How long a worker that nobody uses stays in the cache, and how exactly the time of its last use is known.
const (
	noted       = 24 * time.Hour
	keepRelease = 30 * 24 * time.Hour
	keepOther   = 3 * 24 * time.Hour // from a folder, or for one module: each change makes another one
)

// sweep removes workers that have not been used for long, except one. It ignores errors: a file that cannot be removed
// is running, or its folder is locked.
func sweep(workers, except string) {
	folders, _ := os.ReadDir(workers)
	for _, e := range folders {
		if path := filepath.Join(workers, e.Name()); path != except && isUnused(path) {
			sweepOne(path)
		}
	}
}

// isUnused reports whether a worker has not been used for long.
func isUnused(home string) bool {
	keep := keepRelease
	if !strings.HasPrefix(filepath.Base(home), "v") {
		keep = keepOther
	}
	info, err := os.Lstat(home)
	return err == nil && time.Since(info.ModTime()) > keep
}

// sweepOne removes the folder of a worker, if it is still unused when it is locked. It is renamed first: a run that comes meanwhile
// makes another one.
func sweepOne(home string) {
	release, err := tryLock(lockOf(home), false)
	switch {
	case err == nil:
		defer release()
	case !errors.Is(err, fs.ErrNotExist): // without the file, an earlier sweep was killed
		return
	}
	gone := home + ".swept"
	unused := isUnused(home)
	if err != nil {
		if _, err := os.Lstat(lockOf(home)); err == nil {
			return // it is another run's now, which made the file meanwhile
		}
	}
	if !unused || os.RemoveAll(gone) != nil || os.Rename(home, gone) != nil {
		return
	}
	_ = os.RemoveAll(gone)
}

// compile compiles the worker to a temporary folder and moves it to path, so that nobody sees half of it. The caller has
// the lock of path's folder.
func compile(ctx context.Context, s source, path string) (err error) {
	home := filepath.Dir(path)
	if exclusive { // so what is here was left by a run that was killed
		if err := removeOld(home); err != nil {
			return fmt.Errorf("removing what an earlier run has left: %w", err)
		}
	}
	work, err := os.MkdirTemp(home, buildPrefix)
	if err != nil {
		return fmt.Errorf("making a folder to compile the worker in: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	temp := filepath.Join(work, filepath.Base(path))
	g := goCommand{source: s, dir: s.dir}
	if s.dir == "" {
		g.dir = work
		if err := os.WriteFile(filepath.Join(work, "go.mod"), []byte(s.gomod), 0o600); err != nil {
			return fmt.Errorf("writing the go.mod of the worker: %w", err)
		}
	}
	if isCompiled(path) { // go build links only if it is out of date
		err = errors.Join(copyFile(path, temp), g.build(ctx, temp, nil))
	} else {
		p := startProgress(os.Stderr, s.text)
		err = g.build(ctx, temp, p)
		p.end(err)
	}
	if err != nil {
		return err
	}
	if err := finish(temp); err != nil {
		return fmt.Errorf("writing the compiled worker: %w", err)
	}
	if err := os.Rename(temp, path); err != nil {
		return fmt.Errorf("moving the compiled worker into the cache: %w", err)
	}
	return nil
}

// buildPrefix begins the names of folders in which a worker is compiled.
const buildPrefix = "build-"

// removeOld removes the folders in which workers were compiled.
func removeOld(home string) error {
	entries, err := os.ReadDir(home)
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), buildPrefix) {
			err = errors.Join(err, os.RemoveAll(filepath.Join(home, e.Name())))
		}
	}
	return err
}

// finish makes a compiled worker ready to be moved: executable, and written to the disk, so that after a crash of the machine the
// name does not stand for an empty file. With a umask of 0 everybody could write to it.
func finish(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Chmod(0o755), f.Sync(), f.Close())
}

func copyFile(from, to string) error {
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, content, 0o755)
}
