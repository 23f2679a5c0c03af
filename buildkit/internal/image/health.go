package image

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
)

// Healthcheck is a command that an engine runs in the container repeatedly. Exit code 0 means healthy. Times are at
// least a millisecond; zero means the engine's default.
// https://docs.docker.com/reference/dockerfile/#healthcheck
type Healthcheck struct {
	// Test is the program with its arguments, without Docker's "CMD" in front. CMD-SHELL is refused, because an image
	// from scratch has no shell.
	Test          []string
	Interval      time.Duration // between two checks; engine's default: 30 s
	Timeout       time.Duration // of one check; engine's default: 30 s
	StartPeriod   time.Duration // in which failures do not count; engine's default: none
	StartInterval time.Duration // between two checks in the StartPeriod; engine's default: 5 s; engines before 25 ignore it
	Retries       int           // failures in a row that make the container unhealthy; engine's default: 3
}

// document returns h for the configuration document, with CMD, the exec form, before the command.
func (h *Healthcheck) document() *dockerspec.HealthcheckConfig {
	if h == nil {
		return nil
	}
	return &dockerspec.HealthcheckConfig{
		Test: slices.Concat([]string{"CMD"}, h.Test), Interval: h.Interval, Timeout: h.Timeout,
		StartPeriod: h.StartPeriod, StartInterval: h.StartInterval, Retries: h.Retries,
	}
}

// healthAct starts every error about a health check.
const healthAct = "setting the health check"

// checkHealth applies the engine's limits: the daemon refuses a container whose image breaks them.
func checkHealth(c *Config) error {
	if c.Healthcheck == nil {
		return nil
	}
	// A copy, like the others in normalise.
	h := *c.Healthcheck
	h.Test = slices.Clone(h.Test)
	c.Healthcheck = &h
	if len(h.Test) == 0 || h.Test[0] == "" {
		return invalid(healthAct, "", "it has no command", "name a program of the image, or leave the health check out")
	}
	for _, arg := range h.Test {
		if err := checkText(healthAct, arg); err != nil {
			return err
		}
	}
	if err := checkExecForm(h.Test); err != nil {
		return err
	}
	// MinimumDuration of github.com/docker/docker/api/types/container.
	for _, d := range []time.Duration{h.Interval, h.Timeout, h.StartPeriod, h.StartInterval} {
		if d != 0 && d < time.Millisecond {
			return invalid(healthAct, h.Test[0], fmt.Sprintf("the time %s is less than a millisecond", d),
				"use zero for the engine's default, or seconds")
		}
	}
	if h.Retries < 0 {
		return invalid(healthAct, h.Test[0], fmt.Sprintf("%d retries are fewer than none", h.Retries), "use zero for the engine's default")
	}
	return nil
}

// checkExecForm rejects the words that start Docker's own form, and a command line that only a shell could split.
func checkExecForm(test []string) error {
	switch program := test[0]; {
	case program == "CMD-SHELL" || len(test) == 1 && strings.ContainsFunc(program, unicode.IsSpace):
		return invalid(healthAct, strings.Join(test, " "), "it needs a shell and the image has none",
			`write the program and each argument as a string of its own, like "/app", "-health"`)
	case program == "CMD":
		return invalid(healthAct, strings.Join(test, " "), "CMD is not part of the command", "begin with the program")
	case program == "NONE":
		return invalid(healthAct, program, "there is no base image whose health check could be switched off",
			"leave the health check out")
	}
	return nil
}
