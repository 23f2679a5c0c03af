package endtoend_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The targets are a module of their own, which requires mage alone. So it has a copy of the messages to the worker, and of what
// makes texts safe to print. The copies differ in nothing but the paths of imports.
func TestCopiesAreTheSame(t *testing.T) {
	t.Parallel()
	const module = "github.com/fromscratch-go/fromscratch/"
	paths := strings.NewReplacer(
		module+"magefiles/targets/internal/dialogue", module+"magefiles/dialogue",
		module+"magefiles/targets/internal/plaintext", module+"rootfs/plaintext")
	for copied, original := range map[string]string{
		"magefiles/targets/internal/dialogue":  "magefiles/dialogue",
		"magefiles/targets/internal/plaintext": "rootfs/plaintext",
	} {
		theirs, ours := sources(t, copied), sources(t, original)
		if len(ours) == 0 {
			t.Errorf("%s has no source", original)
		}
		for name, text := range ours {
			if paths.Replace(theirs[name]) != text {
				t.Errorf("%s/%s is not the same as in %s\nfix: copy it there, and change the paths of its imports", copied, name, original)
			}
			delete(theirs, name)
		}
		for name := range theirs {
			t.Errorf("%s/%s has no original in %s", copied, name, original)
		}
	}
}

// The words of a Config are in package targets itself, so that go doc shows them there.
func TestWordsAreTheSame(t *testing.T) {
	t.Parallel()
	theirs, ours := sources(t, "magefiles/targets")["config.go"], sources(t, "buildkit/config")["config.go"]
	if ours == "" || strings.Replace(theirs, "package targets\n", "package config\n", 1) != ours {
		t.Error("magefiles/targets/config.go is not the same as buildkit/config/config.go\nfix: copy it there, and change the name of the package")
	}
}

// sources returns the Go files of a folder of the repository, without tests.
func sources(t *testing.T, dir string) map[string]string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(root(t), dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		texts[filepath.Base(path)] = string(text)
	}
	return texts
}
