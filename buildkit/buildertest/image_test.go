package buildertest_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/buildertest"
)

// The image compiles a C program, and a Go program with cgo. The glibc is that of its Debian.
func TestImage(t *testing.T) { compiles(t, buildertest.Image, "") }

// The same with the packages of an older release.
func TestHeavyOlder(t *testing.T) { compiles(t, buildertest.Older, "2.31 ") }

// compiles checks that the image is made only once, and what it compiles.
func compiles(t *testing.T, made func(testing.TB) string, glibc string) {
	t.Helper()
	const script = `set -e
cd /tmp
printf '#include <sqlite3.h>\n#include <stdio.h>\n#include <gnu/libc-version.h>\nint main(void){printf("%%s %%d\\n", gnu_get_libc_version(), sqlite3_threadsafe());}\n' >a.c
cc a.c -o a -lsqlite3
./a
printf 'package main\n// #include <stdlib.h>\nimport "C"\nfunc main() { println("go", C.abs(-7)) }\n' >b.go
go run b.go 2>&1
pkg-config --cflags --libs sqlite3
`
	image := made(t)
	if again := made(t); again != image {
		t.Errorf("the second image is %s, the first %s", again, image)
	}
	out, err := exec.Command("docker", "run", "--rm", "--network", "none", "--label", "fromscratch-test", image, "sh", "-c", script).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{"go 7", "-lsqlite3"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if !strings.HasPrefix(string(out), glibc) {
		t.Errorf("the glibc is not %s:\n%s", glibc, out)
	}
}

// The standard library is already compiled, with cgo and without.
func TestBuildCache(t *testing.T) {
	image := buildertest.Image(t)
	for _, cgo := range []string{"0", "1"} {
		out, err := exec.Command("docker", "run", "--rm", "--network", "none", "--label", "fromscratch-test", "--env", "CGO_ENABLED="+cgo, image,
			"go", "build", "-trimpath", "-x", "net/http", "os/user").CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if n := strings.Count(string(out), "/compile -o "); n > 0 || !strings.Contains(string(out), "WORK=") {
			t.Errorf("with CGO_ENABLED=%s, %d packages had to be compiled:\n%.2000s", cgo, n, out)
		}
	}
}
