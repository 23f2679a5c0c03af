package testkit

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

// Missing skips the test because what is not installed or not running. If CI=true, it fails the test.
func Missing(t testing.TB, what string) {
	t.Helper()
	Skip(t, what+" is missing")
}

// Skip skips the test for a reason in the machine. If CI=true, it fails the test.
func Skip(t testing.TB, reason string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("CI must not skip this test: %s", reason)
	}
	t.Skip(reason)
}

// Need skips the test if a command is not in PATH, see [Missing].
func Need(t testing.TB, commands ...string) {
	t.Helper()
	for _, c := range commands {
		if _, err := exec.LookPath(c); err != nil {
			Missing(t, "the command "+c)
		}
	}
}

// NeedEngine skips the test if there is no docker command or no engine answers it, see [Missing].
func NeedEngine(t testing.TB) {
	t.Helper()
	Need(t, "docker")
	if out, err := exec.Command("docker", "version").CombinedOutput(); err != nil {
		Missing(t, "a Docker Engine ("+strings.TrimSpace(string(out))+")")
	}
}

// NeedPackage skips the test if there is no C compiler, or pkg-config does not find the library, see [Missing].
func NeedPackage(t testing.TB, name string) {
	t.Helper()
	Need(t, "gcc", "pkg-config")
	if err := exec.Command("pkg-config", "--exists", name).Run(); err != nil {
		Missing(t, "the development files of "+name)
	}
}

// Output runs a command in a folder ("" is the current one) and returns its stdout and stderr. If the command fails, so
// does the test.
func Output(t testing.TB, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// Module writes files, by name, to a new folder and returns it. It is removed when the test ends.
func Module(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// Txtar writes the files of a txtar archive, which can be read like a folder, to a new one and returns it:
//
//	-- go.mod --
//	module example.com/hello
//	-- main.go --
//	package main
//
// The folder is removed when the test ends.
func Txtar(t testing.TB, archive string) string {
	t.Helper()
	files := map[string]string{}
	for _, f := range txtar.Parse([]byte(archive)).Files {
		files[f.Name] = string(f.Data)
	}
	if len(files) == 0 {
		t.Fatal("the archive has no files")
	}
	return Module(t, files)
}

// Copy copies a folder, so that a build creates no dist/ in the original, and returns the copy. It is removed when the
// test ends.
func Copy(t testing.TB, dir string) string {
	t.Helper()
	to := t.TempDir()
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return to
}
