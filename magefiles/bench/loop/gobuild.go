package main

import (
	"context"
	"os"
	"path/filepath"
)

// buildFlags are the flags that the targets pass to the go command.
var buildFlags = []string{"-trimpath", "-buildvcs=false", "-ldflags=-s -w"}

// goBuildAlone compiles without making an image.
func (s *site) goBuildAlone(ctx context.Context) error {
	enabled := "CGO_ENABLED=0"
	if s.program.cgo {
		enabled = "CGO_ENABLED=1"
	}
	return s.goBuild(ctx, enabled)
}

func (s *site) goBuild(ctx context.Context, env ...string) error {
	args := append([]string{"go", "build"}, buildFlags...)
	_, err := s.call(ctx, command{dir: s.dir, env: env, args: append(args, "-o", s.binary(), ".")})
	return err
}

// compileMagefile compiles the magefile to a program.
func (s *site) compileMagefile(ctx context.Context) error {
	_, err := s.run(ctx, "go", "tool", "mage", "-compile", s.magefile())
	return err
}

func (s *site) magefile() string { return filepath.Join(s.work, "magefile") }

func (s *site) imageByCompiled(ctx context.Context) error { return s.image(ctx, s.magefile()) }

func (s *site) imageByTool(ctx context.Context) error { return s.image(ctx, "go", "tool", "mage") }

func (s *site) image(ctx context.Context, mage ...string) error {
	_, err := s.call(ctx, command{dir: s.dir, env: []string{"IMAGE_REPO=" + s.repo()}, args: append(mage, "image")})
	return err
}

// forget removes the image and the output of earlier builds, but not the build cache.
func (s *site) forget(ctx context.Context) error {
	if err := s.engine.removeImages(ctx, s.repo()+":", ""); err != nil {
		return err
	}
	s.id = ""
	for _, path := range []string{s.binary(), filepath.Join(s.dir, "dist")} {
		if err := os.RemoveAll(path); err != nil {
			return err
		}
	}
	return nil
}
