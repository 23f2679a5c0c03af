package gobuild_test

import (
	"context"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/testkit"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/gobuild"
)

// linux is the target whose programs this machine can run.
var linux = gobuild.Target{OS: "linux", Architecture: runtime.GOARCH}

// files are the sources of a test: slash-separated names and contents.
type files map[string]string

// write writes the files into a new folder and returns it.
func (f files) write(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	f.writeTo(t, dir)
	return dir
}

func (f files) writeTo(t *testing.T, dir string) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(f)) {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(f[name]), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// environ returns the test's environment without the machine's settings for the go
// command, without the network, and with extra variables.
func environ(extra ...string) []string {
	env := slices.DeleteFunc(os.Environ(), func(kv string) bool {
		key, _, _ := strings.Cut(kv, "=")
		switch key {
		case "GOFLAGS", "GOOS", "GOARCH", "GOWORK", "GO111MODULE", "CGO_ENABLED", "CC", "CXX":
			return true
		}
		return false
	})
	return append(append(env, "GOENV=off", "GOPROXY=off", "GOTOOLCHAIN=local"), extra...)
}

// goIn returns the go command in a folder.
func goIn(dir string, extra ...string) gobuild.Go {
	return gobuild.Go{Dir: dir, Env: environ(extra...)}
}

var need = testkit.Need

// find is Mains for one program.
func find(t *testing.T, g gobuild.Go, target gobuild.Target, opts gobuild.Options, patterns ...string) gobuild.Main {
	t.Helper()
	mains, err := g.Mains(ctx(t), target, opts, patterns...)
	if err != nil {
		t.Fatal(err)
	}
	if len(mains) != 1 {
		t.Fatalf("found %d mains, want 1: %+v", len(mains), mains)
	}
	return mains[0]
}

// build finds and builds the one program of a folder.
func build(t *testing.T, g gobuild.Go, target gobuild.Target, opts gobuild.Options) *gobuild.Binary {
	t.Helper()
	m := find(t, g, target, opts)
	b, err := g.Build(ctx(t), gobuild.Request{Main: m, Output: filepath.Join(t.TempDir(), m.Name), Target: target, Options: opts})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// run returns the output of a program.
func run(t *testing.T, path string) string {
	t.Helper()
	out, err := exec.Command(path).CombinedOutput()
	if err != nil {
		t.Fatalf("running %q: %v\n%s", path, err, out)
	}
	return strings.TrimSpace(string(out))
}

// wantError checks that an error has all phrases, and the fix as its last line.
func wantError(t *testing.T, err error, fix string, phrases ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	lines := strings.Split(err.Error(), "\n")
	if last := lines[len(lines)-1]; fix != "" && last != "fix: "+fix {
		t.Errorf("last line %q, want %q", last, "fix: "+fix)
	}
	for _, p := range phrases {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("the error lacks %q:", p)
		}
	}
	if t.Failed() {
		t.Logf("the error was:\n%v", err)
	}
}

const (
	mod = `module example.com/app

go 1.23
`
	main = `package main

func main() { println("hello") }
`
	// csum is a package that needs cgo.
	csum = `package csum

// static int sum(int a, int b) { return a + b; }
import "C"

func Sum(a, b int) int { return int(C.sum(C.int(a), C.int(b))) }
`
)

// ctx ends with the test.
func ctx(t *testing.T) context.Context {
	c, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	return c
}
