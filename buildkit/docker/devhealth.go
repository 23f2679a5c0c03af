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

// Health is what an engine knows of a container's health check. The zero value is that there is none, or that the
// container does not run.
type Health struct {
	Status string  // "starting", "healthy" or "unhealthy", of the checks in a row; after another program has taken the place of one it is about both
	Checks []Check // the last ones, the oldest first; an engine keeps some five
}

// Check is one run of a health check.
type Check struct {
	Started time.Time // by the engine's clock
	Code    int       // exit code, 0 is healthy; -1 when it took too long
	Output  string    // what it wrote, the first 4 kB
}

// Health asks the engine what the container's health check says.
func (c *DevContainer) Health(ctx context.Context) (Health, error) {
	info, err := c.engine.api.ContainerInspect(ctx, c.ID)
	if errdefs.IsNotFound(err) { // it has ended, and is removed
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

// Verdict is what the health check says of the program that runs now.
type Verdict struct {
	Status string // "starting", "healthy", "failing" or "unhealthy", which is failing as often as the check allows
	Detail string // what the check wrote when it failed, as one line
}

// healthPoll is how often the engine is asked what the health check says.
const healthPoll = 500 * time.Millisecond

// FollowHealth tells each new verdict of the health check, until ctx ends. Whenever a program has started in the place
// of another one, starts has the time; the zero time is that of the first. Then nothing is told before a check has looked
// at that program, because what the engine knows is about the one before.
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
			f = healthFollower{since: *started, before: now} // of an engine that does not answer nothing is known
		}
		if err != nil {
			continue // a container that is gone shows elsewhere
		}
		if v, ok := f.verdict(now); ok && v.Status != f.told {
			f.told = v.Status
			tell(v)
		}
	}
}

// healthFollower follows the health of one program.
type healthFollower struct {
	since  time.Time // when it was started; zero for the first one
	before Health    // as it was known then
	told   string
	looked bool // a check has looked at it
}

// verdict is what is known of the program; ok is false as long as nothing is.
func (f *healthFollower) verdict(now Health) (v Verdict, ok bool) {
	f.looked = f.looked || f.checked(now)
	switch {
	case now.Status == "":
		return v, false
	case !f.looked:
		// Not every engine keeps the checks: then a change of the status shows that there was one.
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

// checked tells whether a check has begun after the program. Of two that have ended since, the second has; by the
// clock the first may have, too, but an engine on another machine has another clock.
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
