package buildkit

import (
	"github.com/fromscratch-go/fromscratch/buildkit/internal/docker"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/engines"
)

type (
	// Engine is a Docker Engine that has answered.
	Engine = docker.Engine
	// Engines are the engines of a run, each opened when it is first needed. Whoever makes an Engines closes it.
	Engines = engines.Engines
	// Destination is where images go: into an engine, into a kind cluster, or into archives.
	Destination = engines.Destination
)
