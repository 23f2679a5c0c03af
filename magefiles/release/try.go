package release

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// program is what the trial makes an image of.
const program = `package main

import "fmt"

func main() { fmt.Println("hello from scratch") }
`

// Trial is a new user's first project, with our modules from a proxy.
type Trial struct {
	Proxy Proxy
	Dir   string    // an empty folder for the project and caches
	Out   io.Writer // receives each command, how long it took, and its output
	Env   []string  // further variables
}

// Run does what the README says, in an empty folder: a module, init, an image, and a container of it. Without an engine it runs
// the program of the archive's root file system. It also runs a tool outside of any module.
func (t Trial) Run(ctx context.Context) error {
	project := filepath.Join(t.Dir, "hello")
	if err := os.MkdirAll(project, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(project, "main.go"), []byte(program), 0o644); err != nil {
		return err
	}
	steps := [][]string{
		{"go", "mod", "init", "example.com/hello"},
		{"go", "run", mainModule + "/" + targetsDir + "/init@" + t.Proxy.version},
		{"go", "tool", "mage", "imagePlan"},
		{"go", "tool", "mage", "image"},
	}
	last := ""
	for _, args := range steps {
		var err error
		if last, err = t.command(ctx, project, args...); err != nil {
			return err
		}
	}
	run := []string{"docker", "run", "--rm", last}
	if filepath.IsAbs(last) { // an archive
		run = []string{filepath.Join(project, "dist/hello/rootfs/hello")}
	}
	said, err := t.command(ctx, project, run...)
	if err != nil {
		return err
	}
	if said != "hello from scratch" {
		return fmt.Errorf("%q prints %q", run, said)
	}
	said, err = t.command(ctx, t.Dir, "go", "run", mainModule+"/rootfs/ldd/cmd/ldd@"+t.Proxy.version, "/bin/ls")
	if err == nil && !strings.Contains(said, "libc.so") {
		err = fmt.Errorf("ldd prints %q for /bin/ls", said)
	}
	return err
}

// command runs a command and returns its stdout.
func (t Trial) command(ctx context.Context, dir string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	var stdout strings.Builder
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, io.MultiWriter(t.Out, &stdout), t.Out
	cmd.Env = append(append(os.Environ(), t.Proxy.Environ(filepath.Join(t.Dir, "modules"))...), t.Env...)
	fmt.Fprintf(t.Out, "$ %s\n", strings.Join(args, " "))
	began := time.Now()
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("running %q: %w", args, err)
	}
	fmt.Fprintf(t.Out, "(%.1f s)\n", time.Since(began).Seconds())
	return strings.TrimSpace(stdout.String()), nil
}
