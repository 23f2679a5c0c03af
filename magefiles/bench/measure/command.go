// Package measure is shared by the benchmarks of this repository: samples and their medians, tables, facts about the
// machine, and commands without disturbance from the environment.
package measure

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// Command returns a command that is interrupted, not killed, when the context ends. A killed compiler would leave its
// children behind.
func Command(ctx context.Context, dir string, environ []string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir, cmd.Env = dir, environ
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	return cmd
}

// Output runs a command and returns its trimmed stdout. The error has all of its output.
func Output(cmd *exec.Cmd) (string, error) {
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("running %q in %q: %w\n%s%s", strings.Join(cmd.Args, " "), cmd.Dir, err, said.Bytes(), out.Bytes())
	}
	return strings.TrimSpace(out.String()), nil
}

// Environment returns environ without variables that would change what is measured.
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

// Settle makes the system write out the data of earlier commands, so that the next one does not pay for it.
func Settle(ctx context.Context) {
	// Without the command, the figures only spread more.
	_ = exec.CommandContext(ctx, "sync").Run()
}
