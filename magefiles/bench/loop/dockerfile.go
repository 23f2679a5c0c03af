package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/fromscratch-go/fromscratch/magefiles/bench/measure"
)

// copyBinary writes a Dockerfile that copies a program compiled outside. Its context contains nothing else.
func (s *site) copyBinary(context.Context) error {
	name := s.program.name
	return writeFile(filepath.Join(s.work, "context", "Dockerfile"),
		fmt.Sprintf("FROM scratch\nCOPY %s /%s\nENTRYPOINT [\"/%s\"]\n", name, name, name))
}

func (s *site) copyBinaryByBuildKit(ctx context.Context) error {
	if err := s.findBuildx(ctx); err != nil {
		return err
	}
	return s.copyBinary(ctx)
}

func (s *site) classic(ctx context.Context) error {
	return s.compileAndCopy(ctx, "DOCKER_BUILDKIT=0")
}

func (s *site) buildKit(ctx context.Context) error {
	return s.compileAndCopy(ctx, "DOCKER_BUILDKIT=1")
}

func (s *site) compileAndCopy(ctx context.Context, builder string) error {
	if err := s.goBuildAlone(ctx); err != nil {
		return err
	}
	return s.dockerBuild(ctx, filepath.Join(s.work, "context"), builder)
}

func (s *site) dockerBuild(ctx context.Context, dir, builder string) error {
	// Attestations would be work that other ways do not do, and change the image each time.
	env := append(s.env[:len(s.env):len(s.env)], builder, "BUILDX_NO_DEFAULT_ATTESTATIONS=1")
	_, err := s.call(ctx, command{dir: s.dir, env: env, args: []string{"docker", "build", "-q", "-t", s.reference(), dir}})
	return err
}

// findBuildx finds the docker command's BuildKit client: the machine's own, or one that is compiled for this run.
func (s *site) findBuildx(ctx context.Context) error {
	if s.engine.podman {
		return left("podman has no BuildKit, and buildx would pull one")
	}
	version, err := s.call(ctx, command{dir: s.dir, args: []string{"docker", "buildx", "version"}})
	if err != nil {
		var config string
		if config, err = s.buildx(ctx); err != nil {
			return left("there is no docker buildx here, and none could be compiled: " + lastLine(err))
		}
		s.env = append(s.env, "DOCKER_CONFIG="+config)
		version = "github.com/docker/buildx " + measure.BuildxVersion
	}
	if words := strings.Fields(version); len(words) > 1 {
		s.title += " (buildx " + words[1] + ")"
	}
	return nil
}

// lastLine returns the last line of an error, in which commands name the cause.
func lastLine(err error) string {
	lines := strings.Split(strings.TrimSpace(err.Error()), "\n")
	return lines[len(lines)-1]
}
