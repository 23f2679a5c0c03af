package release

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// program is what the trial makes an image of.
const program = `package main

import "fmt"

func main() { fmt.Println("hello from scratch") }
`

// Trial is a new user's first project, with our modules from a proxy. It has caches of its own for what has our version: that is not
// published yet, and may change. The image has a name that nothing else has, and is removed.
type Trial struct {
	Proxy   Proxy
	Dir     string    // an empty folder for the project
	Modules string    // folder of the module cache; in Dir if ""
	Out     io.Writer // receives each command and its output
	Env     []string  // further variables
}

// Step is a command of a trial, and how long it took.
type Step struct {
	Command string
	Took    time.Duration
}

// Run does what the README says, in an empty folder: a module, init, an image, and a container of it. Without an engine it runs
// the program of the archive's root file system.
func (t Trial) Run(ctx context.Context) (steps []Step, err error) {
	defer func() { t.removeImage() }()
	project := filepath.Join(t.Dir, "hello")
	if err := os.MkdirAll(project, 0o755); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(project, "main.go"), []byte(program), 0o644); err != nil {
		return nil, err
	}
	last := ""
	run := func(args ...string) error {
		began := time.Now()
		last, err = t.command(ctx, project, args...)
		steps = append(steps, Step{strings.Join(args, " "), time.Since(began)})
		return err
	}
	for _, args := range [][]string{
		{"go", "mod", "init", "example.com/hello"},
		{"go", "run", mainModule + "/" + targetsDir + "/init@" + t.Proxy.version},
		{"go", "tool", "mage", "image"},
	} {
		if err := run(args...); err != nil {
			return steps, err
		}
	}
	start := []string{"docker", "run", "--rm", last}
	if filepath.IsAbs(last) { // an archive
		start = []string{filepath.Join(project, "dist/hello/rootfs/hello")}
	}
	if err := run(start...); err != nil {
		return steps, err
	}
	if last != "hello from scratch" {
		return steps, fmt.Errorf("%q prints %q", start, last)
	}
	return steps, nil
}

// Tool runs one of our tools in a folder that is in no module.
func (t Trial) Tool(ctx context.Context) error {
	said, err := t.command(ctx, t.Dir, "go", "run", mainModule+"/rootfs/ldd/cmd/ldd@"+t.Proxy.version, "/bin/ls")
	if err == nil && !strings.Contains(said, "libc.so") {
		err = fmt.Errorf("ldd prints %q for /bin/ls", said)
	}
	return err
}

// image is the name of the trial's image.
const image = "fromscratch-release-trial:latest"

// caches returns the variables for the caches. What the go command has compiled may be used again: it goes by content.
func (t Trial) caches() []string {
	env := []string{"XDG_CACHE_HOME=" + filepath.Join(t.Dir, "cache"), "IMAGE_NAME=", "IMAGE_TAG=", "IMAGE_REPO=" + strings.TrimSuffix(image, ":latest")}
	if out, err := exec.Command("go", "env", "GOCACHE").Output(); err == nil {
		env = append(env, "GOCACHE="+strings.TrimSpace(string(out)))
	}
	return env
}

// removeImage removes the trial's image from the engine, if there is one.
func (t Trial) removeImage() {
	if _, err := exec.LookPath("docker"); err == nil {
		_ = exec.Command("docker", "image", "rm", "-f", image).Run() // nothing depends on it
	}
}

// command runs a command and returns its stdout.
func (t Trial) command(ctx context.Context, dir string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	var stdout strings.Builder
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, io.MultiWriter(t.Out, &stdout), t.Out
	cmd.Env = slices.Concat(os.Environ(), t.Proxy.Environ(cmp.Or(t.Modules, filepath.Join(t.Dir, "modules"))), t.caches(), t.Env)
	fmt.Fprintf(t.Out, "$ %s\n", strings.Join(args, " "))
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("running %q: %w", args, err)
	}
	return strings.TrimSpace(stdout.String()), nil
}
