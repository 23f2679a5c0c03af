package main

import (
	"context"
	"os/exec"

	"github.com/fromscratch-go/fromscratch/magefiles/bench/measure"
)

// command is a command whose output is captured.
type command struct {
	dir  string
	env  []string // added to the environment of all commands
	args []string // including the name
}

// call runs a command with the environment of all commands, which names the measured engine.
func (b *bench) call(ctx context.Context, c command) (stdout string, err error) {
	return measure.Output(b.prepare(ctx, c))
}

func (b *bench) prepare(ctx context.Context, c command) *exec.Cmd {
	return measure.Command(ctx, c.dir, b.environment(c.env), c.args...)
}

// environment returns the environment of a command. env overrides the common variables.
func (b *bench) environment(env []string) []string {
	env = append(b.environ[:len(b.environ):len(b.environ)], env...)
	if b.engine != nil {
		env = append(env, "DOCKER_HOST="+b.engine.host)
	}
	return env
}
