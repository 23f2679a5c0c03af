package docker

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
)

func TestDevHealth(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, e *Engine) {
		ti := (&testImage{}).build(t).load(t, e)
		req := newDev(t, e, newDevHost(t), ti)
		req.Healthcheck = &Healthcheck{Test: []string{"CMD", "/program", "exit", "0"}, Interval: 100 * time.Millisecond}
		r := startDev(t, e, req)
		verdicts, starts := make(chan Verdict, 9), make(chan time.Time)
		ctx, end := context.WithCancel(context.Background())
		followed := make(chan struct{})
		go func() {
			defer close(followed)
			r.FollowHealth(ctx, starts, func(v Verdict) { verdicts <- v })
		}()
		defer func() { end(); <-followed }()
		wait := func(want string) {
			t.Helper()
			for {
				select {
				case v := <-verdicts:
					if v.Status == want {
						return
					}
					t.Logf("%+v", v)
				case <-time.After(testkit.Patience):
					t.Fatalf("never %q", want)
				}
			}
		}
		starts <- time.Time{}
		if strings.Contains(e.Host(), "podman") {
			wait("starting") // it leaves the checks to systemd
		} else {
			wait("healthy")
			starts <- time.Now() // as if it had been replaced: what was told is told again, of that one
			wait("healthy")
		}
		plain := startDev(t, e, newDev(t, e, newDevHost(t), ti))
		if health, err := plain.Health(context.Background()); health.Status != "" || err != nil {
			t.Errorf("without a check: %+v, %v", health, err)
		}
	})
}

// Until a check has tested the new program, the engine's state is about the old one.
func TestHealthFollower(t *testing.T) {
	t.Parallel()
	swap := time.Date(2024, 1, 1, 12, 0, 0, 0, time.UTC)
	check := func(seconds, code int) Check {
		return Check{Started: swap.Add(time.Duration(seconds) * time.Second), Code: code, Output: " no\nanswer\n"}
	}
	before := Health{"healthy", []Check{check(-20, 0), check(-10, 0)}}
	unwell := Health{"unhealthy", []Check{check(-20, 1), check(-10, 1)}}
	after := func(h Health, status string, more ...Check) Health {
		return Health{status, append(append([]Check{}, h.Checks...), more...)}
	}
	for name, row := range map[string]struct {
		since  time.Time
		before Health
		now    Health
		want   Verdict // the zero value is none
	}{
		"a new container":                      {now: Health{Status: "starting"}, want: Verdict{Status: "starting"}},
		"its first check":                      {now: after(Health{}, "healthy", check(-1, 0)), want: Verdict{Status: "healthy"}},
		"its first failure":                    {now: after(Health{}, "starting", check(-1, 1)), want: Verdict{"failing", "no answer"}},
		"no check":                             {since: swap},
		"nothing new":                          {since: swap, before: before, now: before},
		"a check on the program before":        {since: swap, before: before, now: after(before, "healthy", check(-1, 0))},
		"a check":                              {since: swap, before: before, now: after(before, "healthy", check(1, 0)), want: Verdict{Status: "healthy"}},
		"a failure":                            {since: swap, before: before, now: after(before, "healthy", check(1, 1)), want: Verdict{"failing", "no answer"}},
		"the last of many failures":            {since: swap, before: before, now: after(before, "unhealthy", check(1, 1)), want: Verdict{"unhealthy", "no answer"}},
		"the engine's clock is behind":         {since: swap, before: before, now: after(before, "healthy", check(-6, 0), check(-5, 0)), want: Verdict{Status: "healthy"}},
		"well again":                           {since: swap, before: unwell, now: after(unwell, "healthy", check(1, 0)), want: Verdict{Status: "healthy"}},
		"still not well":                       {since: swap, before: unwell, now: after(unwell, "unhealthy", check(1, 1)), want: Verdict{"unhealthy", "no answer"}},
		"an engine that keeps no checks":       {since: swap, before: Health{Status: "healthy"}, now: Health{Status: "healthy"}},
		"such an engine, and another status":   {since: swap, before: Health{Status: "healthy"}, now: Health{Status: "unhealthy"}, want: Verdict{Status: "unhealthy"}},
		"a container that does not run longer": {since: swap, before: before, now: Health{}},
	} {
		t.Run(name, func(t *testing.T) {
			f := healthFollower{since: row.since, before: row.before}
			got, ok := f.verdict(row.now)
			if ok != (row.want != Verdict{}) || ok && got != row.want {
				t.Errorf("%+v, %t; want %+v", got, ok, row.want)
			}
		})
	}
}
