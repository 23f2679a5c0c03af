package docker

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
)

// Health is the state of a container's health check. The zero value means that there is no check or that the container
// doesn't run.
type Health struct {
	Status string  // "starting", "healthy" or "unhealthy", from the checks in a row; they may span a replaced program and its successor
	Checks []Check // the latest checks, oldest first; an engine keeps about five
}

// Check is one run of a health check.
type Check struct {
	Started time.Time // by the engine's clock
	Code    int       // exit code: 0 is healthy, -1 means that it took too long
	Output  string    // the first 4 kB of its output
}

// Health returns the state of the container's health check.
func (c *DevContainer) Health(ctx context.Context) (Health, error) {
	info, err := c.engine.api.ContainerInspect(ctx, c.ID)
	if errdefs.IsNotFound(err) { // it has ended and is removed
		return Health{}, nil
	}
	if err != nil {
		return Health{}, c.failed("inspecting", notRunning(err))
	}
	if info.ContainerJSONBase == nil || info.State == nil || info.State.Health == nil || !info.State.Running {
		return Health{}, nil
	}
	if info.State.Health.Status == container.NoHealthcheck {
		return Health{}, nil
	}
	h := Health{Status: string(info.State.Health.Status)}
	for _, r := range info.State.Health.Log {
		if r != nil {
			h.Checks = append(h.Checks, Check{r.Start, r.ExitCode, r.Output})
		}
	}
	return h, nil
}

// Verdict is the health of the program that runs now.
type Verdict struct {
	Status string // "starting", "healthy", "failing", or "unhealthy" after as many failures as the check allows
	Detail string // the output of a failed check, as one line
}

// healthPoll is the time between two questions to the engine.
const healthPoll = 500 * time.Millisecond

// FollowHealth calls tell with each new verdict until ctx ends. starts receives the time when a program has replaced
// another one; the zero time means the first program. FollowHealth then waits for a check of the new program, because the
// engine's state is still about the old one.
func (c *DevContainer) FollowHealth(ctx context.Context, starts <-chan time.Time, tell func(Verdict)) {
	tick := time.NewTicker(healthPoll)
	defer tick.Stop()
	var f healthFollower
	for {
		var started *time.Time
		select {
		case <-ctx.Done():
			return
		case at := <-starts:
			started = &at
		case <-tick.C:
		}
		now, err := c.Health(ctx)
		if started != nil {
			f = healthFollower{since: *started, before: now} // before is empty if the engine didn't answer
		}
		if err != nil {
			continue // the caller learns elsewhere that a container is gone
		}
		if v, ok := f.verdict(now); ok && v.Status != f.told {
			f.told = v.Status
			tell(v)
		}
	}
}

// healthFollower follows the health of one program.
type healthFollower struct {
	since  time.Time // when it started; zero for the first program
	before Health    // the state at that time
	told   string    // the last status reported
	looked bool      // a check has tested this program
}

// verdict returns the program's health. ok is false while it is unknown.
func (f *healthFollower) verdict(now Health) (v Verdict, ok bool) {
	f.looked = f.looked || f.checked(now)
	switch {
	case now.Status == "":
		return v, false
	case !f.looked:
		// Some engines don't keep the checks. Then a changed status shows that there was one.
		news := f.since.IsZero() || len(now.Checks) == 0 && now.Status != f.before.Status
		return Verdict{Status: now.Status}, news
	}
	last := now.Checks[len(now.Checks)-1]
	switch {
	case last.Code == 0:
		return Verdict{Status: "healthy"}, true
	case now.Status == "unhealthy":
		v.Status = "unhealthy"
	default:
		v.Status = "failing"
	}
	v.Detail = cmp.Or(strings.Join(strings.Fields(last.Output), " "), fmt.Sprintf("exit code %d", last.Code))
	return v, true
}

// checked reports whether a check began after the program started. If two checks ended since then, the second did. The time
// of the first may also show it, but an engine on another machine has another clock.
func (f *healthFollower) checked(now Health) bool {
	ended := 0
	for _, c := range now.Checks {
		if !c.Started.Before(f.since) {
			return true
		}
		if n := len(f.before.Checks); n == 0 || c.Started.After(f.before.Checks[n-1].Started) {
			ended++
		}
	}
	return ended > 1
}
