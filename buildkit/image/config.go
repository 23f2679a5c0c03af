package image

import (
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/platform"
)

// Platform is what an image runs on.
type Platform = platform.Platform

// Config is what an image says about how it is run. The zero value of every field but Platform.Architecture is good.
// [New] checks all of it and keeps it in the shape that the comments call "kept as".
type Config struct {
	Platform Platform
	// Entrypoint is the program with arguments that always stand, Cmd the arguments that "docker run IMAGE …"
	// replaces. Both are passed on as they are: there is no shell in the image.
	Entrypoint, Cmd []string
	// Env are the variables of the program, "NAME=value" each, every name once. Kept sorted by name.
	Env []string
	// User runs the program: "uid", "uid:gid", "name", "name:group". Empty is root.
	User string
	// Workdir is the folder the program starts in: an absolute path. Empty is "/". Kept clean.
	Workdir string
	// Ports are what the program listens on: "8080", "8080/tcp", "53/udp", "36412/sctp". Documentation for people and
	// for "docker run -P". Kept as "8080/tcp".
	Ports []string
	// Volumes are folders whose content does not belong to the container: absolute paths. Kept clean.
	Volumes []string
	// Labels are anything about the image, by any name.
	Labels map[string]string
	// Healthcheck is how the engine sees that the program works. Nil is none.
	Healthcheck *Healthcheck
	// StopSignal ends the program: "SIGINT", "int", "SIGRTMIN+3", "2". Empty is SIGTERM. Kept as "SIGINT", or the number.
	StopSignal string
	// Created is the time of the image in whole seconds (a fraction is cut off). The zero time means
	// 1970-01-01T00:00:00Z.
	Created time.Time
}
