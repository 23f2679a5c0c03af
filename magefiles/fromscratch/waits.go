package main

import (
	"fmt"
	"os"
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit"
	"github.com/fromscratch-go/fromscratch/buildkit/docker"
	"github.com/fromscratch-go/fromscratch/buildkit/docker/host"
)

// noticeShare divides an engine's time: after that part of it, a note says what the run is waiting for.
const noticeShare = 4

// readWaits reads IMAGE_ENGINE_TIMEOUT, the time that an engine may take to answer.
func readWaits(getenv func(string) string) (docker.Waits, error) {
	value := getenv("IMAGE_ENGINE_TIMEOUT")
	if value == "" {
		return docker.Waits{}, nil
	}
	d, err := time.ParseDuration(value)
	if err != nil || d <= 0 {
		return docker.Waits{}, &buildkit.ConfigError{Err: fmt.Errorf("IMAGE_ENGINE_TIMEOUT is %q\nfix: set it to a duration like 5m, or unset it", value)}
	}
	return docker.Waits{Answer: d, Notice: max(d/noticeShare, time.Millisecond)}, nil
}

// engineOptions returns the options for opening engines.
func (j *job) engineOptions() docker.Options {
	waits := j.waits
	waits.Slow = func(text string) {
		j.progress.report(buildkit.Event{Image: "fromscratch", Step: "docker", State: buildkit.Note, Text: text})
	}
	return docker.Options{Options: host.Options{Getenv: os.Getenv}, Waits: waits}
}
