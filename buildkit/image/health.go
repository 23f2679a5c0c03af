package image

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
)

// Healthcheck is a command that an engine runs in the container again and again: exit code 0 is healthy.
// Times are at least a millisecond, and zero for the engine's default.
// https://docs.docker.com/reference/dockerfile/#healthcheck
type Healthcheck struct {
	// Test is the program with its arguments, without Docker's "CMD" in front. CMD-SHELL needs a shell, which an
	// image from scratch has not.
	Test          []string
	Interval      time.Duration // between two checks. Engine's default: 30 s
	Timeout       time.Duration // of one check. Engine's default: 30 s
	StartPeriod   time.Duration // in which failures do not count. Engine's default: none
	StartInterval time.Duration // between two checks in the StartPeriod. Engine's default: 5 s; engines before 25 ignore it
	Retries       int           // failures in a row that make the container unhealthy. Engine's default: 3
}

// document puts CMD, the exec form, before the command.
func (h *Healthcheck) document() *dockerspec.HealthcheckConfig {
	if h == nil {
		return nil
	}
	return &dockerspec.HealthcheckConfig{
		Test: slices.Concat([]string{"CMD"}, h.Test), Interval: h.Interval, Timeout: h.Timeout,
		StartPeriod: h.StartPeriod, StartInterval: h.StartInterval, Retries: h.Retries,
	}
}

// healthAct opens every error about a health check.
const healthAct = "setting the health check"

// checkHealth has the limits of the engine: the daemon refuses a container whose image breaks them.
func checkHealth(c *Config) error {
	if c.Healthcheck == nil {
		return nil
	}
	// A copy, as everywhere in normalise.
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

// checkExecForm refuses the words with which Docker's own form begins, and a command line that only a shell could
// split.
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
