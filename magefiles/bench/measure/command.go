// Package measure is what the benchmarks of this repository share: samples and
// their medians, tables, the machine, and commands that nothing disturbs.
package measure

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// Command is a command that is interrupted, not killed, when the context ends: a
// compiler that is killed leaves its children behind.
func Command(ctx context.Context, dir string, environ []string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir, cmd.Env = dir, environ
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	return cmd
}

// Output runs a command and gives what it prints to stdout, without the spaces
// around it. The error has all that it says.
func Output(cmd *exec.Cmd) (string, error) {
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("running %q in %q: %w\n%s%s", strings.Join(cmd.Args, " "), cmd.Dir, err, said.Bytes(), out.Bytes())
	}
	return strings.TrimSpace(out.String()), nil
}

// Environment is the caller's without what would tell a way to do something else.
func Environment(environ []string) []string {
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

// Settle has the system write out what earlier commands have left to it, which
// would be done at the cost of the next one.
func Settle(ctx context.Context) {
	// Where the command is not, the figures spread more; that is all.
	_ = exec.CommandContext(ctx, "sync").Run()
}
