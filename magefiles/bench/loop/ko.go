package main

import (
	"context"
	"path/filepath"
	"runtime"
)

// setUpKo configures ko for speed (https://ko.build/configuration/): its own cache, no SBOM, and a base image of one
// small file on this machine, because ko asks the base's registry on each run.
func (s *site) setUpKo(ctx context.Context) error {
	if s.program.cgo {
		return left("ko compiles without cgo, and ships no libraries")
	}
	if _, err := s.koCommand(ctx); err != nil {
		return left("ko could not be compiled: " + lastLine(err))
	}
	if s.base == nil {
		base, err := serveBase()
		if err != nil {
			return err
		}
		s.bench.base = base
	}
	s.env = []string{
		"KO_DEFAULTBASEIMAGE=" + s.base.reference(), "KO_DOCKER_REPO=" + s.repo(),
		"KOCACHE=" + filepath.Join(s.work, "ko"),
	}
	return nil
}

func (s *site) ko(ctx context.Context) error {
	path, err := s.koCommand(ctx)
	if err != nil {
		return err
	}
	_, err = s.run(ctx, path, "build", "--local", "--bare", "--sbom=none", "--ldflags=-s -w", "--platform=linux/"+runtime.GOARCH, ".")
	return err
}
