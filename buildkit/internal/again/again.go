// Package again builds the images of a magefile a second time, where everything is different that must not be seen in an image: in a copy
// of the checkout, by another process that evaluates the Configs anew, with another home, temporary folder, cache of the go command,
// umask and time zone, and later. It takes the command that runs the target again, and returns the images for a comparison.
package again

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/check"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/filelock"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/fsx"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/platform"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/report"
)

// Build is a second build. Its creator must close it.
type Build struct {
	// Command builds all images, in the folder where it is started, and writes them to the OCI layout that Variable names.
	Command  []string
	Variable string
	Dir      string    // where the first build was started
	Environ  []string  // of the first build
	Began    time.Time // of the first build
	Report   report.Report

	once   sync.Once
	err    error  // nothing can be compared
	failed string // why the build has failed; "" if it has not
	said   []string
	temp   *filelock.Temp
	places []check.Place
}

// Image returns the second image of a name and platform. The first call runs the build.
func (b *Build) Image(ctx context.Context, reference string, p platform.Platform) (check.Other, error) {
	b.once.Do(func() {
		done := b.Report.Step("fromscratch", "again", "building once more, elsewhere")
		b.err = b.run(ctx)
		words := "built once more, elsewhere"
		if b.failed != "" {
			words = "the second build has failed"
		}
		done(words, b.err)
	})
	if b.err != nil {
		return check.Other{}, b.err
	}
	o := check.Other{Places: b.places, Temp: b.temp.Path, Why: b.failed, Said: b.said}
	if o.Why != "" {
		return o, nil
	}
	var err error
	o.Config, o.Layers, err = readLayout(b.at("layout"), reference, p)
	if errors.Is(err, errNoImage) {
		o.Why, err = fmt.Sprintf("it has made no image %s for %s; its Config decides another name or platform", reference, p), nil
	}
	if err != nil {
		return o, fmt.Errorf("reading the image %q of the second build: %w", reference, err)
	}
	return o, nil
}

// Close removes everything that the build has written.
func (b *Build) Close() error {
	if b == nil || b.temp == nil {
		return nil
	}
	return b.temp.Remove()
}

// at returns the path of something that the build uses.
func (b *Build) at(name string) string { return filepath.Join(b.temp.Path, name) }

// run builds. A build that fails is no error, but is noted.
func (b *Build) run(ctx context.Context) (err error) {
	if len(b.Command) == 0 {
		return errors.New("building a second time: the program of the magefile is unknown")
	}
	if b.temp, err = filelock.MakeTemp("", "fromscratch-check-"); err != nil {
		return fmt.Errorf("making a folder for the second build: %w", err)
	}
	root := checkout(b.Dir, b.getenv("HOME"))
	// The same name: an image may be named by its folder.
	there := b.at(filepath.Join("elsewhere", filepath.Base(root)))
	if err := copyTree(ctx, root, there, b.caches()); err != nil {
		return fmt.Errorf("copying %q for the second build: %w\nfix: let this user read the checkout, and have space in %q for a copy (TMPDIR is another place)", root, err, os.TempDir())
	}
	environ, err := b.vary(root, there)
	if err != nil {
		return fmt.Errorf("making a home for the second build: %w", err)
	}
	if err := b.wait(ctx); err != nil {
		return err
	}
	rel, err := filepath.Rel(root, b.Dir)
	if err != nil {
		return err
	}
	return b.start(ctx, filepath.Join(there, rel), environ)
}

// wait makes sure that a second of the clock differs.
func (b *Build) wait(ctx context.Context) error {
	select {
	case <-time.After(time.Until(b.Began.Add(2 * time.Second))):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// The exit code of a target when an engine or a registry has failed.
const exitEngine = 3

// endWithin is how long the command may take to end when it is asked to.
const endWithin = 20 * time.Second

// start runs the command in a folder.
func (b *Build) start(ctx context.Context, dir string, environ []string) error {
	args := b.Command
	if runtime.GOOS != "windows" { // the umask of this process is that of all its goroutines
		args = append([]string{"sh", "-c", `case $(umask) in *77) umask 022;; *) umask 077;; esac; exec "$@"`, "sh"}, args...)
	}
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir, cmd.Env = dir, append(environ, "PWD="+dir)
	said := &lines{use: func(line string) { b.Report.Underway("fromscratch", "again", line) }}
	cmd.Stdout, cmd.Stderr = said, said
	cmd.Cancel = func() error {
		if runtime.GOOS == "windows" {
			return cmd.Process.Kill()
		}
		return cmd.Process.Signal(syscall.SIGTERM) // mage passes it on, and the target removes its containers
	}
	cmd.WaitDelay = endWithin
	err := cmd.Run()
	said.add() // the last line may have no end
	var exit *exec.ExitError
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case !errors.As(err, &exit):
		return fmt.Errorf("starting the second build: %w", err)
	}
	b.failed, b.said = err.Error(), said.last
	if exit.ExitCode() == exitEngine {
		return &report.EngineError{Err: fmt.Errorf("building a second time: %s", strings.Join(b.said, "\n"))}
	}
	return nil
}

// getenv returns a variable of the first build. The last one of a name counts.
func (b *Build) getenv(key string) (value string) {
	for _, v := range b.Environ {
		if name, text, _ := strings.Cut(v, "="); name == key {
			value = text
		}
	}
	return value
}

// downloads are variables whose folders stay what they are, even inside of the checkout: they have what was downloaded.
var downloads = []string{"GOMODCACHE", "GOPATH", "XDG_CACHE_HOME"}

// caches returns the folders that are no part of the checkout, even inside of it, as in some CI.
func (b *Build) caches() []string {
	list := []string{b.temp.Path}
	for _, name := range append(downloads, "GOCACHE", "GOTMPDIR", "TMPDIR") {
		if dir := b.getenv(name); dir != "" && !fsx.Within(dir, b.Dir) {
			list = append(list, filepath.Clean(dir))
		}
	}
	return list
}

// vary makes the folders of the second build, and returns its environment.
func (b *Build) vary(root, there string) ([]string, error) {
	var environ []string
	for _, v := range b.Environ {
		name, value, _ := strings.Cut(v, "=")
		if filepath.IsAbs(value) && fsx.Within(root, value) && !slices.Contains(downloads, name) {
			rel, err := filepath.Rel(root, value)
			if err != nil {
				return nil, err
			}
			value = filepath.Join(there, rel)
		}
		environ = append(environ, name+"="+value)
	}
	home := b.getenv("HOME")
	for _, name := range []string{"tmp", "cache", "home"} {
		if err := os.Mkdir(b.at(name), 0o700); err != nil {
			return nil, err
		}
	}
	b.places = []check.Place{{Name: "the checkout", Path: there}, {Name: "GOCACHE", Path: b.at("cache")}, {Name: "TMPDIR", Path: b.at("tmp")}}
	if home != "" && runtime.GOOS != "windows" {
		if err := linkAll(home, b.at("home")); err != nil {
			return nil, err
		}
		environ = append(environ, "HOME="+b.at("home"))
		b.places = append(b.places, check.Place{Name: "HOME", Path: b.at("home")})
	}
	zone := "Asia/Kathmandu"
	if b.getenv("TZ") == zone {
		zone = "America/St_Johns"
	}
	return append(environ, "TMPDIR="+b.at("tmp"), "GOTMPDIR="+b.at("tmp"), "GOCACHE="+b.at("cache"), "GOCACHEPROG=", "TZ="+zone,
		"GIT_OPTIONAL_LOCKS=0", // the copy of a worktree shares its index
		b.Variable+"="+b.at("layout")), nil
}

// linkAll makes a folder that has everything that another one has: logins, settings and caches are found at another path.
func linkAll(from, to string) error {
	entries, err := os.ReadDir(from)
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, os.ErrPermission) {
		return nil
	}
	for _, e := range entries {
		err = errors.Join(err, os.Symlink(filepath.Join(from, e.Name()), filepath.Join(to, e.Name())))
	}
	return err
}

// lines keeps the last lines of what is written, and passes each on.
type lines struct {
	use     func(string)
	partial []byte
	last    []string
}

// maxLines and maxLine limit what is kept.
const maxLines, maxLine = 10, 2000

func (l *lines) Write(p []byte) (int, error) {
	l.partial = append(l.partial, p...)
	for {
		line, rest, found := bytes.Cut(l.partial, []byte("\n"))
		if !found && len(l.partial) < maxLine {
			return len(p), nil
		}
		l.partial = line
		l.add()
		l.partial = append([]byte(nil), rest...)
	}
}

// add adds what was written since the last line.
func (l *lines) add() {
	text := strings.TrimSpace(string(l.partial[:min(len(l.partial), maxLine)]))
	if l.partial = nil; text == "" {
		return
	}
	l.last = append(l.last, text)[max(0, len(l.last)+1-maxLines):]
	l.use(text)
}
