package testkit

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/filelock"
)

// sharedFolder is the variable with the folder for programs that all test binaries of a run share. Without it, each test
// binary compiles for itself.
const sharedFolder = "FROMSCRATCH_TEST_SHARED"

// Share creates the folder of a run and sets the variable, which test binaries inherit. release removes the folder.
func Share() (release func() error, err error) {
	dir, err := os.MkdirTemp("", "fromscratch-test-shared")
	if err != nil {
		return nil, fmt.Errorf("making the folder that tests share: %w", err)
	}
	if err := os.Setenv(sharedFolder, dir); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return func() error { return errors.Join(os.Unsetenv(sharedFolder), os.RemoveAll(dir)) }, nil
}

var own = sync.OnceValues(func() (string, error) { return os.MkdirTemp("", "fromscratch-test-own") })

// Folder returns the folder that the tests of a run share. In a run by mage it is shared by all packages. Otherwise it
// belongs to one test binary, which removes it with [Clean].
func Folder() (string, error) {
	if dir := os.Getenv(sharedFolder); dir != "" {
		return dir, nil
	}
	return own()
}

// Clean removes the folder if it belongs to this test binary alone. TestMain calls it at the end.
func Clean() {
	if os.Getenv(sharedFolder) == "" {
		if dir, err := own(); err == nil {
			_ = os.RemoveAll(dir) // a temporary folder
		}
	}
}

// Program compiles a main package without cgo, and returns the file. The package is given by its path, by its import path, or by an
// import path with a version, which comes from the module proxy. The first test of a run that needs the program compiles it. Other
// tests wait for it.
func Program(t testing.TB, pkg string) string {
	t.Helper()
	path, err := program(pkg)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func program(pkg string) (path string, err error) {
	folder, err := Folder()
	if err != nil {
		return "", err
	}
	name := pkg
	if strings.HasPrefix(pkg, ".") {
		if name, err = filepath.Abs(pkg); err != nil {
			return "", err
		}
	}
	path = filepath.Join(folder, fmt.Sprintf("%s-%x", filepath.Base(name), sha256.Sum256([]byte(name)))[:40])
	l, err := filelock.Acquire(context.Background(), path+".lock")
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, l.Release()) }()
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", path+".new", pkg)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	if strings.Contains(pkg, "@") { // go build knows no versions, and go install no -o
		cmd.Args = []string{"go", "install", "-trimpath", "-ldflags=-s -w", pkg}
		cmd.Env = append(cmd.Env, "GOBIN="+path+".bin")
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("compiling %q for the tests: %w\n%s", pkg, err, out)
	}
	made, err := filepath.Glob(path + ".bin/*")
	if err != nil || len(made) != 1 {
		made = []string{path + ".new"}
	}
	return path, os.Rename(made[0], path)
}
