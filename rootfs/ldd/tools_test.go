package ldd

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
)

var (
	need = testkit.Need
	skip = testkit.Skip
	run  = testkit.Output
)

// atLeast skips a test that compared too few cases; in CI it fails.
func atLeast(t *testing.T, n, least int, what string) {
	t.Helper()
	if n < least {
		skip(t, fmt.Sprintf("only %d %s were compared, %d are the least", n, what, least))
	}
}

// write writes a file and creates its folders.
func write(t *testing.T, name string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, data, 0o755); err != nil {
		t.Fatal(err)
	}
}
