package dev

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/fsx"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/report"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/supervisor"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/usercache"
)

// populate makes the folder that the container sees, with the supervisor, which it compiles, and the program.
func (c *Container) populate(ctx context.Context) error {
	dir := c.plan.Dist().Dev()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("making the folder of the development container: %w", err)
	}
	// The image's user must be able to enter it under any umask.
	if err := os.Chmod(dir, 0o755); err != nil {
		return err
	}
	cache, err := usercache.Dir()
	if err != nil {
		return &report.ConfigError{Err: err}
	}
	g := c.plan.Go
	if c.plan.Builder != nil {
		g = c.plan.Builder.HostGo
	}
	program, err := supervisor.Program.Compile(ctx, g, cache, c.plan.Platform)
	if err != nil {
		return fmt.Errorf("compiling PID 1 of the development container: %w", err)
	}
	err = fsx.Create(filepath.Join(dir, "supervisor"), 0o755, func(f *os.File) error {
		_, err := f.Write(program)
		return err
	})
	if err != nil {
		return fmt.Errorf("placing PID 1 of the development container: %w", err)
	}
	return c.place()
}

// placed returns the path of the program in the folder that the container sees.
func (c *Container) placed() string {
	return filepath.Join(c.plan.Dist().Dev(), path.Base(c.plan.Program()))
}

// place puts the compiled program into the folder that the container sees, atomically. It makes a hard link: the go command
// replaces the file that it has written and never writes to it again.
func (c *Container) place() error {
	temp := filepath.Join(c.plan.Dist().Dev(), ".new")
	err := errors.Join(fsx.Remove(temp), os.Chmod(c.plan.Executable(), 0o755))
	if err == nil {
		err = os.Link(c.plan.Executable(), temp)
	}
	if err == nil {
		err = os.Rename(temp, c.placed())
	}
	if err != nil {
		return fmt.Errorf("placing the program for the development container: %w", err)
	}
	return nil
}
