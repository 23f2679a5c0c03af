package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/fromscratch-go/fromscratch/buildkit"
	"github.com/fromscratch-go/fromscratch/buildkit/docker"
)

// provideBuilders prepares for builders, the containers that compile. It starts none.
func (j *job) provideBuilders() error {
	if j.builders != nil {
		return nil
	}
	needed := false
	for _, c := range j.configs {
		needed = needed || c.Builder != ""
	}
	if !needed {
		return nil
	}
	cache, err := buildkit.UserCache()
	if err != nil {
		return &buildkit.ConfigError{Err: err}
	}
	// "copy" copies the sources even if they could be mounted.
	mode := os.Getenv("IMAGE_BUILDER_SOURCES")
	switch mode {
	case "", "bind", "copy":
	default:
		return &buildkit.ConfigError{Err: fmt.Errorf("IMAGE_BUILDER_SOURCES is %q\nfix: set it to bind or copy, or unset it", mode)}
	}
	j.builders = &buildkit.Builders{
		Engine: j.builderEngine, At: j.engineAt, Cache: cache, Copy: mode == "copy",
	}
	return nil
}

// builderEngine returns the engine that compiles. Even a run that writes archives may need it.
func (j *job) builderEngine(ctx context.Context, _ buildkit.Platform) (*docker.Engine, error) {
	return j.anyEngine(ctx)
}

// engineAt opens an engine, given by its address or the name of a docker context, once.
func (j *job) engineAt(ctx context.Context, address string) (*docker.Engine, error) {
	j.opening.Lock()
	defer j.opening.Unlock()
	if engine := j.namedEngines[address]; engine != nil {
		return engine, nil
	}
	o := j.engineOptions()
	o.Host, o.Origin = address, "Builders"
	if !strings.Contains(address, "://") {
		o.Host, o.Context = "", address
	}
	engine, err := docker.Open(ctx, o)
	if err != nil {
		return nil, err
	}
	if j.namedEngines == nil {
		j.namedEngines = map[string]*docker.Engine{}
	}
	j.namedEngines[address] = engine
	return engine, nil
}
