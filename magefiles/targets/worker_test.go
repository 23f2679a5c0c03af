//go:build unix

package targets

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fromscratch-go/fromscratch/magefiles/targets/internal/plaintext"
)

// goStub makes a go command of a shell script.
func goStub(t *testing.T, script string) {
	t.Helper()
	stub := filepath.Join(t.TempDir(), "go")
	if err := os.WriteFile(stub, []byte("#!/bin/sh\n"+script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("MAGEFILE_GOCMD", stub)
}

// The go command's words about the worker end in one fix line, which is ours, and have no control characters.
func TestWorkerThatDoesNotCompile(t *testing.T) {
	goStub(t, "printf 'fix: forged\\na.go:1: \\033[2J missing go.sum entry\\nfix: forged\\n' >&2; exit 1\n")
	for want, s := range map[string]source{
		"\nfix: go mod tidy":             {name: "tool-1", dir: t.TempDir()},
		"\nfix: let the go command":      released("v1.2.3"),
		"magefiles/fromscratch@v1.2.3, ": released("v1.2.3"),
	} {
		dir := t.TempDir()
		g := goCommand{source: s, dir: dir}
		err := g.build(context.Background(), filepath.Join(dir, "worker"), nil)
		if err == nil {
			t.Fatal("no error")
		}
		for name, text := range map[string]string{"the error": err.Error(), "what is printed": plaintext.Error(errors.Join(err))} {
			if n := strings.Count("\n"+text, "\nfix:"); n != 1 || !strings.Contains(text, want) || strings.Contains(text, "\x1b") {
				t.Errorf("%s is %q, want one fix line with %q and no control characters", name, text, want)
			}
		}
	}
}

// A full disk is told as one.
func TestWorkerOnFullDisk(t *testing.T) {
	goStub(t, "echo 'link: writing worker: write: no space left on device' >&2; exit 1\n")
	g := goCommand{source: released("v1.2.3"), dir: t.TempDir()}
	if err := g.build(context.Background(), filepath.Join(g.dir, "worker"), nil); err == nil || !strings.Contains(err.Error(), "\nfix: free space in ") {
		t.Errorf("the error is %v", err)
	}
}

// The worker of a release is compiled once, and with nothing of the user's module in its environment.
func TestCompileOnce(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	goStub(t, `echo "$1 $GOFLAGS $GOWORK $GOPRIVATE $GOOS" >> `+log+`
for a; do last=$out; [ "$prev" = -o ] && out=$a; prev=$a; done
[ "$1" = build ] && { grep -q 'require .* v1.2.3' go.mod || exit 1; echo program > "$out"; }
exit 0
`)
	t.Setenv("GOFLAGS", "-mod=vendor")
	t.Setenv("GOWORK", "/somewhere/go.work")
	t.Setenv("GOPRIVATE", "private.example")
	t.Setenv("GOOS", "plan9")
	parent := t.TempDir()
	home, other := filepath.Join(parent, "a[bc]", "v1.2.3"), filepath.Join(parent, "ab", "v1.2.3", "build-other")
	for _, dir := range []string{filepath.Join(home, "build-killed"), other} {
		if err := makeFolder(dir); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(home, "fromscratch")
	if err := compile(context.Background(), released("v1.2.3"), path); err != nil {
		t.Fatal(err)
	}
	if !isCompiled(path) {
		t.Error("there is no worker")
	}
	if left, err := os.ReadDir(home); err != nil || len(left) != 1 {
		t.Errorf("left are %v (%v), want the worker alone", left, err)
	}
	if _, err := os.Stat(other); err != nil { // its name matches the first one as a pattern
		t.Errorf("a folder of another cache is gone: %v", err)
	}
	said, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(said)), "\n")
	if len(lines) != 2 || strings.Contains(string(said), "plan9") {
		t.Fatalf("the go command ran as %q, want list and build for this machine", lines)
	}
	for _, line := range lines {
		if !strings.Contains(line, "-mod=mod off private.example ") {
			t.Errorf("the go command has %q, want our flags, no workspace, and the user's private hosts", line)
		}
	}
}

// sweptCache makes a folder of workers with one that was not used for long, and returns its file.
func sweptCache(t *testing.T) (path string, age func()) {
	t.Helper()
	home := filepath.Join(t.TempDir(), "workers", "v1.0.0")
	path = filepath.Join(home, "fromscratch")
	release, err := lockFolder(context.Background(), home)
	if err != nil {
		t.Fatal(err)
	}
	release()
	if err := os.WriteFile(path, []byte("program"), 0o755); err != nil {
		t.Fatal(err)
	}
	age = func() {
		old := time.Now().Add(-2 * keepRelease)
		if err := os.Chtimes(home, old, old); err != nil {
			t.Fatal(err)
		}
	}
	age()
	return path, age
}

// A worker that was not used for long is removed, but not one that a run is about to start or to compile.
func TestSweep(t *testing.T) {
	path, age := sweptCache(t)
	home := filepath.Dir(path)
	workers := filepath.Dir(home)
	there := func() bool { return isCompiled(path) }
	release, err := lockFolder(context.Background(), home) // compiles, or is about to start it
	if err != nil {
		t.Fatal(err)
	}
	if sweep(workers, ""); !there() {
		t.Fatal("a worker that another run has locked is gone")
	}
	if use(path) {
		t.Error("a worker that another run may remove is used")
	}
	release()
	if !use(path) {
		t.Error("it cannot be used")
	}
	if sweep(workers, ""); !there() {
		t.Fatal("a worker that is in use is gone")
	}
	age()
	if sweep(workers, home); !there() {
		t.Fatal("the worker of this run is gone")
	}
	if sweep(workers, ""); there() || use(path) {
		t.Error("an old worker is left")
	}
	if left, err := os.ReadDir(workers); err != nil || len(left) != 0 {
		t.Errorf("left are %v (%v)", left, err)
	}
	// What a killed sweep has left is removed too.
	if err := errors.Join(makeFolder(home), os.WriteFile(path, []byte("program"), 0o755)); err != nil {
		t.Fatal(err)
	}
	age()
	if sweep(workers, ""); there() {
		t.Error("what a killed sweep has left is there")
	}
}

// Runs that use, sweep and compile a worker at once all get one that is there. A month passes only while nobody is about to start it.
func TestSweepRace(t *testing.T) {
	path, _ := sweptCache(t)
	home := filepath.Dir(path)
	var wg sync.WaitGroup
	var month sync.RWMutex
	useIt := func() bool {
		month.RLock()
		defer month.RUnlock()
		if !isCompiled(path) || !use(path) {
			return false
		}
		if !isCompiled(path) {
			t.Error("a worker that is used is gone")
		}
		return true
	}
	ctx, stop := context.WithTimeout(context.Background(), 2*time.Minute)
	defer stop()
	for i := 0; i < 8; i++ {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := 0; i < 100; i++ {
				if useIt() {
					continue
				}
				release, err := lockFolder(ctx, home)
				if err != nil {
					t.Error(err)
					return
				}
				temp := filepath.Join(home, "temp")
				old := time.Now().Add(-2 * keepRelease)
				month.Lock()
				if err := errors.Join(os.WriteFile(temp, []byte("program"), 0o755), os.Rename(temp, path), os.Chtimes(home, old, old)); err != nil {
					t.Error("a folder is gone while it is locked:", err)
				}
				month.Unlock()
				release()
				sweep(filepath.Dir(home), "")
			}
		}()
	}
	wg.Wait()
}

// A worker that cannot run is compiled again, or the error says what helps.
func TestWorkerThatCannotRun(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fromscratch")
	for text, mode := range map[string]os.FileMode{"": 0o755, "program": 0o644} {
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if isCompiled(path) {
			t.Errorf("a file with the mode %v and the text %q is a worker", mode, text)
		}
	}
	if err := os.WriteFile(path, []byte("of another machine"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o755); err != nil {
		t.Fatal(err)
	}
	_, err := runWorker(context.Background(), path, &talk{}, start("image", nil, 0))
	if err == nil || !strings.Contains(err.Error(), "\nfix: remove the folder ") || strings.Contains(err.Error(), "already closed") {
		t.Errorf("the error is %v", err)
	}
}

// What is said meanwhile counts packages and modules, and is nothing that the go command says about an error.
func TestProgress(t *testing.T) {
	var out strings.Builder
	p := startProgress(&out, "v1.2.3")
	for line, taken := range map[string]bool{"go: downloading example.com/a v1.0.0": true, "go: example.com/a: no such version": false, "errors": false} {
		if got := p.line(line); got != taken {
			t.Errorf("%q is taken: %t, want %t", line, got, taken)
		}
	}
	if got := p.status(); !strings.HasPrefix(got, "1 modules downloaded, ") {
		t.Errorf("status %q", got)
	}
	p.compiling(2)
	for line, taken := range map[string]bool{"errors": true, "github.com/a/b": true, "# github.com/a/b": false, "a.go:1:2: oops": false, "": false} {
		if got := p.line(line); got != taken {
			t.Errorf("%q is taken: %t, want %t", line, got, taken)
		}
	}
	if got := p.status(); !strings.HasPrefix(got, "2 of 2 packages compiled, ") {
		t.Errorf("status %q", got)
	}
	p.end(nil)
	if lines := strings.Split(strings.TrimSpace(out.String()), "\n"); len(lines) != 2 || !strings.Contains(lines[0], "first use of v1.2.3 here") || !strings.Contains(lines[1], "compiled in ") {
		t.Errorf("said is %q", out.String())
	}
}

// Another process runs a target by the name that it has on the command line.
func TestNameOf(t *testing.T) {
	for _, row := range []struct {
		args []string
		want string
	}{
		{[]string{"/cache/1", "imageCheck"}, "imageCheck"}, {[]string{"/cache/1", "-v", "img:IMAGECHECK", "--", "x:imageCheck"}, "img:IMAGECHECK"},
		{[]string{"/cache/1", "ci"}, "imageCheck"}, {[]string{"/cache/1", "--", "img:imageCheck"}, "imageCheck"}, {nil, "imageCheck"},
	} {
		if got := nameOf("imageCheck", row.args); got != row.want {
			t.Errorf("of %q the name is %q, want %q", row.args, got, row.want)
		}
	}
}
