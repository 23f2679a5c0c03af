package linked_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
	"github.com/fromscratch-go/fromscratch/rootfs/linked"
)

const goMod = `module example.com/program

go 1.16
`

// uses calls the functions directly, not through values that only reflection knows.
const uses = `package main

import (
	"fmt"
	"mime"
	"os"
	"os/exec"
	"os/user"
	"time"
)

func main() {
	fmt.Println(time.LoadLocation("Europe/Berlin"))
	fmt.Println(mime.TypeByExtension(".webmanifest"))
	fmt.Println(user.Lookup("nobody"))
	fmt.Println(os.UserHomeDir())
	fmt.Println(os.UserCacheDir())
	fmt.Println(os.UserConfigDir())
	fmt.Println(os.TempDir())
	fmt.Println(exec.Command("git", "--version").Output())
}
`

// imports imports the same packages and more, but needs nothing.
const imports = `package main

import (
	"errors"
	"fmt"
	"mime"
	"net"
	"os"
	"os/exec"
	"os/user"
	"time"
)

func main() {
	fmt.Println(time.Now(), mime.FormatMediaType("text/plain", nil), user.UnknownUserError("x"))
	fmt.Println(errors.Is(os.ErrExist, exec.ErrNotFound), net.ParseIP("127.0.0.1"))
}
`

// dials is a TLS client.
const dials = `package main

import (
	"crypto/tls"
	"fmt"
)

func main() { fmt.Println(tls.Dial("tcp", "example.com:https", nil)) }
`

// opens has a package that calls dlopen, like packages for hardware.
const opens = `package main

// #cgo LDFLAGS: -ldl
// #include <dlfcn.h>
import "C"

import "fmt"

func main() { fmt.Println(C.dlopen(nil, C.RTLD_NOW) != nil) }
`

// build builds a program from one file. words are the variables and then the flags of a command line.
func build(t *testing.T, source string, words ...string) string {
	t.Helper()
	dir := testkit.Module(t, map[string]string{"go.mod": goMod, "main.go": source})
	env := append(os.Environ(), "GOFLAGS=", "GOOS=linux", "CGO_ENABLED=0")
	args := []string{"build", "-o", "program"}
	for _, w := range words {
		if w[0] == '-' {
			args = append(args, w)
		} else {
			env = append(env, w)
		}
	}
	cmd := exec.Command("go", append(args, ".")...)
	cmd.Dir, cmd.Env = dir, env
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd.Args, err, out)
	}
	return filepath.Join(dir, "program")
}

// read reads a Go program.
func read(t *testing.T, file string) *linked.Program {
	t.Helper()
	p, err := linked.Read(file)
	if err != nil {
		t.Fatal(err)
	}
	return p
}
