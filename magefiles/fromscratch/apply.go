package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit"
	"github.com/fromscratch-go/fromscratch/magefiles/dialogue"
)

// imageApply gives what imageResolve would print to "kubectl apply".
func imageApply(ctx context.Context, r *run) (dialogue.End, error) {
	a, err := readManifestArgs(r.Target, r.Args)
	if err != nil {
		return dialogue.End{}, err
	}
	kubectl, err := exec.LookPath("kubectl")
	if err != nil {
		return dialogue.End{}, &buildkit.ConfigError{Err: fmt.Errorf("finding kubectl: %w\nfix: install kubectl (https://kubernetes.io/docs/tasks/tools) in a folder of PATH; imageResolve prints the manifests without it", err)}
	}
	manifests, err := r.resolve(ctx, a)
	if err != nil {
		return dialogue.End{}, err
	}
	if err := r.builders.Close(ctx); err != nil {
		return dialogue.End{}, err
	}
	code, err := r.apply(ctx, kubectl, a.kubectl, manifests)
	return dialogue.End{Code: code, Exit: err == nil}, err
}

// stopGrace is how long kubectl may take to end after it was interrupted.
const stopGrace = 3 * time.Second

// apply runs "kubectl apply" with further arguments, and returns its exit code.
func (r *run) apply(ctx context.Context, kubectl string, args []string, manifests []byte) (int, error) {
	cmd := exec.CommandContext(ctx, kubectl, append([]string{"apply", "-f", "-"}, args...)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(manifests), r.out.programStdout(), os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = stopGrace
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		if exit.Exited() {
			return exit.ExitCode(), nil
		}
		if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signal() == syscall.SIGINT { // Ctrl-C came there sooner than here
			return exitInterrupted, nil
		}
	}
	if err != nil {
		return 0, fmt.Errorf("running %s apply: %w", kubectl, err)
	}
	return 0, nil
}
