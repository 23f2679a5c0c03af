package image

import (
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/platform"
)

// Platform is the platform that an image runs on.
type Platform = platform.Platform

// Config is an image's configuration: how it is run. Every field but Platform.Architecture may be zero. [New] checks
// all fields and normalises them to the form that the comments call "kept as".
type Config struct {
	Platform Platform
	// Entrypoint is the program with its fixed arguments. Cmd is the arguments that "docker run IMAGE …" replaces. Both
	// are passed on unchanged, because the image has no shell.
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
	// Volumes are folders whose content is not part of the container: absolute paths. Kept clean.
	Volumes []string
	// Labels are anything about the image, under any name.
	Labels map[string]string
	// Healthcheck is how the engine checks that the program works. Nil means no check.
	Healthcheck *Healthcheck
	// StopSignal ends the program: "SIGINT", "int", "SIGRTMIN+3", "2". Empty is SIGTERM. Kept as "SIGINT", or the number.
	StopSignal string
	// Created is the time of the image in whole seconds (a fraction is cut off). The zero time means
	// 1970-01-01T00:00:00Z.
	Created time.Time
}
