//go:build unix

package targets

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/rootfs/plaintext"
)

// The go command's words about the worker end in one fix line, which is ours, and have no control characters.
func TestWorkerThatDoesNotCompile(t *testing.T) {
	dir := t.TempDir()
	stub := filepath.Join(dir, "go")
	script := "#!/bin/sh\nprintf 'fix: forged\\na.go:1: \\033[2J missing go.sum entry\\nfix: forged\\n'; exit 1\n"
	if err := os.WriteFile(stub, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("MAGEFILE_GOCMD", stub)
	err := goBuild(context.Background(), dir, filepath.Join(dir, "worker"))
	if err == nil {
		t.Fatal("no error")
	}
	for name, text := range map[string]string{"the error": err.Error(), "what is printed": plaintext.Error(errors.Join(err))} {
		if n := strings.Count("\n"+text, "\nfix:"); n != 1 || !strings.HasSuffix(text, "\nfix: go mod tidy") || strings.Contains(text, "\x1b") {
			t.Errorf("%s is %q, want one fix line and no control characters", name, text)
		}
	}
}
