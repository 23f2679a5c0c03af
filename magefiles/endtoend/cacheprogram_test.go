package endtoend_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
)

// cacheProgram is a program for GOCACHEPROG. It says at its end how often it had what the go command asked for.
const cacheProgram = "github.com/bradfitz/go-tool-cache/cmd/go-cacher@v0.0.0-20260722201841-0bb331e19f64"

// A second machine, which has an empty cache of its own, compiles nothing that the user's remote cache has.
func TestHeavyCacheProgram(t *testing.T) {
	t.Parallel()
	bin, remote := t.TempDir(), t.TempDir()
	install := exec.Command("go", "install", cacheProgram)
	install.Env = append(os.Environ(), "GOBIN="+bin, "GOFLAGS=", "CGO_ENABLED=0")
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	// What a command of the go command's says is not shown unless it fails.
	log, script := filepath.Join(bin, "log"), filepath.Join(bin, "cacher")
	if err := os.WriteFile(script, []byte("#!/bin/sh\nexec "+filepath.Join(bin, "go-cacher")+" --verbose --cache-dir="+remote+" 2>>"+log+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	said := regexp.MustCompile(`gets \((\d+) hits, (\d+) misses`)
	dir := project(t, map[string]string{"main.go": "package main\n\nimport \"fmt\"\n\nfunc main() { fmt.Println(1) }\n"})
	archives := map[string]bool{}
	for machine := 1; machine <= 2; machine++ {
		if err := os.WriteFile(log, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		r := mage(t, dir, []string{"GOCACHE=" + t.TempDir(), "GOCACHEPROG=" + script}, "imageArchive").wantOK(t)
		text, err := os.ReadFile(log)
		if err != nil {
			t.Fatal(err)
		}
		hits, misses := 0, 0
		for _, m := range said.FindAllStringSubmatch(string(text), -1) {
			h, _ := strconv.Atoi(m[1])
			n, _ := strconv.Atoi(m[2])
			hits, misses = hits+h, misses+n
		}
		// Packages of this machine alone, such as the magefile, may be asked for by other names.
		if machine == 1 && misses < 20 || machine == 2 && (hits < 20 || misses > hits/4) {
			t.Errorf("machine %d has %d hits and %d misses:\n%s\n%s", machine, hits, misses, text, r.stderr)
		}
		content, err := os.ReadFile(filepath.Join(dir, "dist/hello/image.tar"))
		if err != nil {
			t.Fatal(err)
		}
		archives[string(content)] = true
		if err := os.RemoveAll(filepath.Join(dir, "dist")); err != nil {
			t.Fatal(err)
		}
	}
	if len(archives) != 1 {
		t.Error("the two machines make different images")
	}
}
