package endtoend_test

import (
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
)

// A program without a health check of its own gets one from outside: it is healthy, unhealthy when its page fails, and when the page
// takes longer than the Timeout.
func TestHealthProbe(t *testing.T) {
	t.Parallel()
	testkit.NeedEngine(t)
	dir := project(t, map[string]string{
		"main.go": `package main

import (
	"net/http"
	"os"
	"time"
)

func main() {
	http.HandleFunc("/healthz", func(w http.ResponseWriter, r *http.Request) {
		switch os.Args[1] {
		case "broken":
			http.Error(w, "no", http.StatusInternalServerError)
		case "slow":
			time.Sleep(time.Minute)
		}
	})
	panic(http.ListenAndServe(":8080", nil))
}
`,
		"magefile.go": `//go:build mage

package main

import (
	"time"

	//mage:import
	"github.com/fromscratch-go/fromscratch/magefiles/targets"
)

var health = targets.HTTPProbe("/healthz", 8080)

var _ = targets.Configure(targets.Config{Name: "probed", Repo: "fromscratch-test-probed", Healthcheck: health})

func init() { health.Interval, health.Timeout, health.Retries = time.Second, 3*time.Second, 1 }
`})
	ref := "fromscratch-test-probed:" + tag
	removeImages(t, ref)
	mage(t, dir, nil, "image").wantOK(t)
	for word, want := range map[string]struct{ status, log string }{
		"well": {"healthy", ""}, "broken": {"unhealthy", "/healthz: the status is 500 Internal Server Error"}, "slow": {"unhealthy", "3s"},
	} {
		id := strings.TrimSpace(docker(t, "run", "-d", "--label", "fromscratch-test", ref, word))
		t.Cleanup(func() { docker(t, "rm", "-f", id) })
		status := ""
		testkit.WaitFor(t, "the container "+word+" to be "+want.status, func() bool {
			status = strings.TrimSpace(docker(t, "inspect", "--format", "{{.State.Health.Status}}", id))
			return status == want.status
		}, func() string { return status })
		if log := docker(t, "inspect", "--format", "{{range .State.Health.Log}}{{.Output}}{{end}}", id); !strings.Contains(log, want.log) {
			t.Errorf("%s: the engine's log is %q, want %q in it", word, log, want.log)
		}
	}
	mage(t, dir, nil, "imageExplain", "--", "/usr/lib/fromscratch/probe").wantOK(t)
	mage(t, dir, nil, "imageDockerfile").wantError(t, 2, "Healthcheck.Probe", "fix: set Test")
}
