package embedded

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/gobuild"
)

// A program of two packages is compiled once for each content, whatever module the go command is in, and runs.
func TestCompile(t *testing.T) {
	t.Parallel()
	cache, elsewhere := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(elsewhere, "go.mod"), []byte("damaged"), 0o644); err != nil {
		t.Fatal(err)
	}
	p := Program{Name: "hello", Module: "example.com/hello", Main: "program", Files: fstest.MapFS{
		"program/main.go": {Data: []byte("package main\n\nimport \"example.com/hello/text\"\n\nfunc main() { print(text.Hello) }\n")},
		"text/text.go":    {Data: []byte("package text\n\nconst Hello = \"hello\"\n")},
	}}
	stored := filepath.Join(elsewhere, "env") // as "go env -w" stores it
	if err := os.WriteFile(stored, []byte("GOFLAGS=-mod=wrong\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	g, target := gobuild.Go{Dir: elsewhere, Env: append(os.Environ(), "GOFLAGS=-mod=vendor", "GOENV="+stored)}, gobuild.Target{OS: "linux", Architecture: runtime.GOARCH}
	program, err := p.Compile(context.Background(), g, cache, target)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "hello")
	if err := os.WriteFile(path, program, 0o755); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(path).CombinedOutput(); runtime.GOOS == "linux" && (err != nil || string(out) != "hello") {
		t.Errorf("it prints %q (%v)", out, err)
	}
	again, err := p.Compile(context.Background(), gobuild.Go{}, cache, target) // without a PATH, it cannot be compiled
	if err != nil || !bytes.Equal(again, program) {
		t.Errorf("the second time it is not in the cache, or another file: %v", err)
	}
	p.Files = fstest.MapFS{"program/main.go": {Data: []byte("package main\n\nfunc main() { other }\n")}}
	if _, err := p.Compile(context.Background(), g, cache, target); err == nil || !strings.Contains(err.Error(), "undefined: other") {
		t.Errorf("another content: got %v, want the error of the compiler", err)
	}
	if left, err := filepath.Glob(filepath.Join(cache, ".hello-*")); err != nil || len(left) > 0 {
		t.Errorf("%q stay behind (%v)", left, err)
	}
}
