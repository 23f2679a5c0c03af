package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// command is a command whose output is kept.
type command struct {
	dir  string
	env  []string // on top of the environment of all
	args []string // with the name
}

// call runs a command in the way of all here: with the engine that is measured.
func (b *bench) call(ctx context.Context, c command) (stdout string, err error) {
	cmd := b.prepare(ctx, c)
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("running %q in %q: %w\n%s%s", strings.Join(c.args, " "), c.dir, err, said.Bytes(), out.Bytes())
	}
	return strings.TrimSpace(out.String()), nil
}

func (b *bench) prepare(ctx context.Context, c command) *exec.Cmd {
	cmd := exec.CommandContext(ctx, c.args[0], c.args[1:]...)
	cmd.Dir, cmd.Env = c.dir, append(b.environ[:len(b.environ):len(b.environ)], c.env...)
	if b.engine != nil {
		cmd.Env = append(cmd.Env, "DOCKER_HOST="+b.engine.host)
	}
	// A compiler that is killed leaves its children behind; interrupted it does not.
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	return cmd
}

// environment is the caller's without what would tell a way to do something else.
func environment(environ []string) []string {
	var kept []string
	for _, v := range environ {
		name, _, _ := strings.Cut(v, "=")
		if !disturbs(name) {
			kept = append(kept, v)
		}
	}
	return kept
}

func disturbs(name string) bool {
	switch name {
	case "GOOS", "GOARCH", "GOARM", "CGO_ENABLED", "SOURCE_DATE_EPOCH", "KOCACHE", "DOCKER_CONTEXT", "DOCKER_BUILDKIT", "DOCKER_DEFAULT_PLATFORM":
		return true
	}
	for _, group := range []string{"IMAGE_", "MAGEFILE_", "KO_", "BUILDX_", "BUILDKIT_"} {
		if strings.HasPrefix(name, group) {
			return true
		}
	}
	return false
}

// settle has the system write out what earlier commands have left to it, which
// would be done at the cost of the next one.
func (b *bench) settle(ctx context.Context) {
	// Where the command is not, the figures spread more; that is all.
	_ = exec.CommandContext(ctx, "sync").Run()
}
