package main

import (
	"context"
	"os/exec"

	"github.com/fromscratch-go/fromscratch/magefiles/bench/measure"
)

// command is a command whose output is kept.
type command struct {
	dir  string
	env  []string // on top of the environment of all
	args []string // with the name
}

// call runs a command in the way of all here: with the engine that is measured.
func (b *bench) call(ctx context.Context, c command) (stdout string, err error) {
	return measure.Output(b.prepare(ctx, c))
}

func (b *bench) prepare(ctx context.Context, c command) *exec.Cmd {
	return measure.Command(ctx, c.dir, b.environment(c.env), c.args...)
}

// environment is that of a command: what it adds wins.
func (b *bench) environment(env []string) []string {
	env = append(b.environ[:len(b.environ):len(b.environ)], env...)
	if b.engine != nil {
		env = append(env, "DOCKER_HOST="+b.engine.host)
	}
	return env
}
