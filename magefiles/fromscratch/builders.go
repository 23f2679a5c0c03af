package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/fromscratch-go/fromscratch/buildkit"
	"github.com/fromscratch-go/fromscratch/buildkit/docker"
)

// provideBuilders makes the containers that compile possible; none is started yet.
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
	// "copy" copies sources also where they could be mounted.
	how := os.Getenv("IMAGE_BUILDER_SOURCES")
	switch how {
	case "", "bind", "copy":
	default:
		return &buildkit.ConfigError{Err: fmt.Errorf("IMAGE_BUILDER_SOURCES is %q\nfix: set it to bind or copy, or unset it", how)}
	}
	j.builders = &buildkit.Builders{
		Engine: j.builderEngine, At: j.engineAt, Cache: cache, Copy: how == "copy",
	}
	return nil
}

// builderEngine is the engine that compiles. An archive may need one, too.
func (j *job) builderEngine(ctx context.Context, _ buildkit.Platform) (*docker.Engine, error) {
	return j.anyEngine(ctx)
}

// engineAt opens an engine by its address, or by the name of a docker context, once.
func (j *job) engineAt(ctx context.Context, address string) (*docker.Engine, error) {
	j.opening.Lock()
	defer j.opening.Unlock()
	if engine := j.far[address]; engine != nil {
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
	if j.far == nil {
		j.far = map[string]*docker.Engine{}
	}
	j.far[address] = engine
	return engine, nil
}
