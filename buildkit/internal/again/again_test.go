//go:build unix

package again

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/deliver"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/dist"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/image"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/platform"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/report"
	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
)

var amd64 = platform.Platform{OS: "linux", Architecture: "amd64"}

// second returns a second build that runs a script of the shell in a module with a file.
func second(t *testing.T, script string) *Build {
	t.Helper()
	home := t.TempDir()
	for _, name := range []string{".gitconfig", "go"} {
		if err := os.WriteFile(filepath.Join(home, name), []byte("of the user"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	dir := testkit.Module(t, map[string]string{"go.mod": "module example.com/app\n", "cmd/app/main.go": "package main\n", "gopath/pkg/x": ""})
	b := &Build{
		Command: []string{"sh", "-c", script}, Variable: "LAYOUT", Dir: filepath.Join(dir, "cmd"),
		Environ: []string{"HOME=" + home, "PATH=" + os.Getenv("PATH"), "TZ=UTC", "GOWORK=" + filepath.Join(dir, "go.work"), "GOPATH=" + filepath.Join(dir, "gopath"), "NAME=value"},
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

// The command runs in a copy, where everything is another one that must not be seen in an image. What it says last is kept.
func TestElsewhere(t *testing.T) {
	before := syscall.Umask(0o022)
	defer syscall.Umask(before)
	b := second(t, `
test ! -e ../gopath && cat app/main.go && pwd && echo $PWD $HOME $TMPDIR $GOTMPDIR $GOCACHE $TZ $GOWORK $GOPATH $NAME $LAYOUT && umask && cat $HOME/.gitconfig
mkdir made && exit 7`)
	o, err := b.Image(context.Background(), "app:1", amd64)
	if err != nil {
		t.Fatal(err)
	}
	temp := b.temp.Path
	there := filepath.Join(temp, "elsewhere", filepath.Base(filepath.Dir(b.Dir)))
	want := []string{"package main", there + "/cmd",
		strings.Join([]string{there + "/cmd", temp + "/home", temp + "/tmp", temp + "/tmp", temp + "/cache", "Asia/Kathmandu", there + "/go.work", filepath.Dir(b.Dir) + "/gopath", "value", temp + "/layout"}, " "),
		"0077", "of the user"}
	if o.Why != "exit status 7" || !slices.Equal(o.Said, want) {
		t.Errorf("%q: it said\n%s\nwant\n%s", o.Why, strings.Join(o.Said, "\n"), strings.Join(want, "\n"))
	}
	for _, p := range o.Places {
		if !strings.HasPrefix(p.Path, temp) || p.Name == "" {
			t.Errorf("the place %+v is not of this build", p)
		}
	}
	if _, err := os.Stat(filepath.Join(b.Dir, "made")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the checkout was changed: %v", err)
	}
	if _, err := b.Image(context.Background(), "other:1", amd64); err != nil { // runs nothing
		t.Error(err)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(temp); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder is left: %v", err)
	}
	b.temp = nil
}

// Somebody who has this umask and time zone gets others.
func TestElsewhereForOthers(t *testing.T) {
	before := syscall.Umask(0o077)
	defer syscall.Umask(before)
	b := second(t, "umask && echo $TZ && exit 1")
	b.Environ = append(b.Environ, "TZ=Asia/Kathmandu", "HOME=/nowhere/at/all")
	o, err := b.Image(context.Background(), "app:1", amd64)
	if err != nil || !slices.Equal(o.Said, []string{"0022", "America/St_Johns"}) {
		t.Errorf("it said %q (%v)", o.Said, err)
	}
}

// An engine or a registry that fails in the second build is no verdict, and neither is a command that is not there.
func TestElsewhereErrors(t *testing.T) {
	t.Parallel()
	b := second(t, "echo no engine; exit 3")
	var engine *report.EngineError
	if _, err := b.Image(context.Background(), "app:1", amd64); !errors.As(err, &engine) || !strings.Contains(err.Error(), "no engine") {
		t.Errorf("the error is %v", err)
	}
	b = second(t, "")
	b.Command = nil
	if _, err := b.Image(context.Background(), "app:1", amd64); err == nil {
		t.Error("no error")
	}
	b = second(t, "")
	if _, err := b.Image(context.Background(), "app:1", amd64); !errors.Is(err, fs.ErrNotExist) { // it has written no layout
		t.Errorf("the error is %v", err)
	}
}

// The end of the context ends the command, which may clean up.
func TestElsewhereInterrupted(t *testing.T) {
	t.Parallel()
	mark := filepath.Join(t.TempDir(), "mark")
	b := second(t, "trap 'echo ended >"+mark+"; exit 0' TERM; echo begun; while true; do sleep 0.1; done")
	ctx, stop := context.WithCancel(context.Background())
	b.Report = func(e report.Event) {
		if e.State == report.Underway && e.Text == "begun" {
			stop()
		}
	}
	if _, err := b.Image(ctx, "app:1", amd64); !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v", err)
	}
	if text, err := os.ReadFile(mark); string(text) != "ended\n" {
		t.Errorf("the command has not been asked to end: %q (%v)", text, err)
	}
	ctx, stop = context.WithCancel(context.Background())
	stop()
	if _, err := second(t, "").Image(ctx, "app:1", amd64); !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v", err)
	}
}

// Only the last lines are kept, however long they are.
func TestLines(t *testing.T) {
	t.Parallel()
	var passed int
	l := &lines{use: func(string) { passed++ }}
	for range 100 {
		if n, err := l.Write([]byte("a line\n\n  and\nhalf ")); n != 19 || err != nil {
			t.Fatal(n, err)
		}
	}
	if passed != 200 {
		t.Errorf("%d lines were passed on", passed)
	}
	if len(l.last) != maxLines || l.last[9] != "and" || l.last[8] != "half a line" {
		t.Errorf("the last lines are %q", l.last)
	}
	if _, err := l.Write([]byte(strings.Repeat("x", 1<<20))); err != nil || len(l.last) != maxLines || len(l.last[9]) > maxLine || len(l.partial) > maxLine {
		t.Errorf("a long line has %d bytes, and %d are left (%v)", len(l.last[9]), len(l.partial), err)
	}
}

// The copy is of the repository, the workspace or the module, but not of all that the user has.
func TestCheckout(t *testing.T) {
	t.Parallel()
	top := t.TempDir()
	for _, name := range []string{"git/.git/HEAD", "git/a/b/go.mod", "git/a/b/cmd/x", "work/go.work", "work/one/.git/HEAD", "work/one/go.mod", "mod/go.mod", "mod/sub/x", "worktree/.git",
		"home/.git/HEAD", "home/src/app/go.mod", "home/src/app/x", "none/x"} {
		path := filepath.Join(top, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, nil, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	for dir, want := range map[string]string{
		"git/a/b": "git", "git/a/b/cmd": "git", "git": "git", "work/one": "work", "mod/sub": "mod", "worktree": "worktree", "home/src/app": "home/src/app", "none": "none",
	} {
		if got := checkout(filepath.Join(top, dir), filepath.Join(top, "home")); got != filepath.Join(top, want) {
			t.Errorf("for %q %q is copied, want %q", dir, got, want)
		}
	}
}

func TestCopyTree(t *testing.T) {
	t.Parallel()
	from, to := t.TempDir(), filepath.Join(t.TempDir(), "below", "copy")
	for name, mode := range map[string]fs.FileMode{"a/run.sh": 0o755, "a/b": 0o640, ".git/objects/ab/cdef": 0o444, ".git/HEAD": 0o644, "dist/mine": 0o644, "out/skipped/x": 0o644} {
		path := filepath.Join(from, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(name), mode), os.Chmod(path, mode)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(
		dist.Of(from, "app").Make(), os.Symlink("/nowhere", filepath.Join(from, "link")), syscall.Mkfifo(filepath.Join(from, "pipe"), 0o600),
		os.Chmod(filepath.Join(from, "a"), 0o500),
	); err != nil {
		t.Fatal(err)
	}
	if err := copyTree(context.Background(), from, to, []string{filepath.Join(from, "out/skipped")}); err != nil {
		t.Fatal(err)
	}
	var got []string
	if err := filepath.WalkDir(to, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		got = append(got, strings.TrimPrefix(path, to)+" "+info.Mode().String())
		return err
	}); err != nil {
		t.Fatal(err)
	}
	want := []string{"/.git/HEAD -rw-r--r--", "/.git/objects/ab/cdef -r--r--r--", "/a/b -rw-r-----", "/a/run.sh -rwxr-xr-x", "/dist/mine -rw-r--r--", "/link Lrwxrwxrwx"}
	if !slices.Equal(got, want) {
		t.Errorf("the copy has\n%q\nwant\n%q", got, want)
	}
	a, err := os.Stat(filepath.Join(from, ".git/objects/ab/cdef"))
	b, also := os.Stat(filepath.Join(to, ".git/objects/ab/cdef"))
	if err := errors.Join(err, also); err != nil || !os.SameFile(a, b) {
		t.Errorf("an object of git was copied (%v)", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	stop()
	if err := copyTree(ctx, from, to+"2", nil); !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v", err)
	}
}

// The images of a layout are found by name and platform, with layers that can be read.
func TestReadLayout(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "layout")
	imageFor := func(arch string) *image.Image {
		l, err := image.NewLayer(context.Background(), nil, image.LayerOptions{CreatedBy: "system: for " + arch})
		if err != nil {
			t.Fatal(err)
		}
		img, err := image.New(image.Config{Platform: platform.Platform{OS: "linux", Architecture: arch}}, []*image.Layer{l})
		if err != nil {
			t.Fatal(err)
		}
		return img
	}
	amd, arm := imageFor("amd64"), imageFor("arm64")
	for refs, images := range map[string][]*image.Image{"alone:1": {amd}, "registry.example/acme/both:1": {amd, arm}} {
		if err := (deliver.Layout{Dir: dir, Refs: []string{refs}, Images: images}).Write(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	for reference, images := range map[string][]*image.Image{"alone:1": {amd}, "docker.io/library/alone:1": {amd}, "registry.example/acme/both:1": {amd, arm}} {
		for _, img := range images {
			config, layers, err := readLayout(dir, reference, img.Config().Platform)
			if err != nil || string(config) != string(img.RawConfig) || len(layers) != 1 || layers[0].DiffID != img.Layers[0].DiffID || layers[0].CreatedBy != img.Layers[0].CreatedBy {
				t.Errorf("%s is %s with %d layers (%v)", reference, config, len(layers), err)
				continue
			}
			if err := layers[0].WriteTo(context.Background(), io.Discard); err != nil {
				t.Error(err)
			}
		}
	}
	if _, _, err := readLayout(dir, "other:1", amd64); !errors.Is(err, errNoImage) {
		t.Errorf("the error is %v", err)
	}
	if _, _, err := readLayout(dir, "registry.example/acme/both:1", platform.Platform{OS: "linux", Architecture: "s390x"}); !errors.Is(err, errNoImage) {
		t.Errorf("the error is %v", err)
	}
}
