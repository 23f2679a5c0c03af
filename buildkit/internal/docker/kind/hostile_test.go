package kind

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/docker/docker/pkg/stdcopy"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/docker"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/docker/dockertest"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/docker/host"
)

// Whatever an engine answers, only the last line of the error is a fix line.
func TestHostileEngine(t *testing.T) {
	t.Parallel()
	node := func(state, cluster string) string {
		return fmt.Sprintf(`[{"Id":"n1","Names":["/n; reboot"],"State":"%s","Labels":{"io.x-k8s.kind.cluster":"%s","io.x-k8s.kind.role":"worker"}}]`, state, cluster)
	}
	has := func(c *Cluster) error {
		_, err := c.Has(context.Background(), "hello")
		return err
	}
	platform := func(c *Cluster) error {
		_, err := c.Platform(context.Background())
		return err
	}
	for _, tt := range []struct {
		name  string
		nodes string // the list of containers
		do    func(*Cluster) error
		fix   string
	}{
		{"no such cluster", node("running", dockertest.Evil), has, "kind create cluster"},
		{"a node that does not run", node(dockertest.Evil, "kind"), has, `docker start 'n; reboot'`},
		{"a node that fails", node("running", "kind"), has, `docker exec 'n; reboot' journalctl`},
		{"a node's platform", node("running", "kind"), platform, "engine's log"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			e := open(t, host.Options{Host: dockertest.Engine(t, func(w http.ResponseWriter, r *http.Request) {
				switch {
				case strings.HasSuffix(r.URL.Path, "/containers/json"):
					io.WriteString(w, tt.nodes)
				case strings.HasSuffix(r.URL.Path, "/start"):
					dockertest.TakeOver(w, stdcopy.Stdout, "")
				default:
					io.WriteString(w, `{"Id":"x1","ExitCode":1,"Image":"i1","Os":"linux","Architecture":"`+dockertest.Evil+`"}`)
				}
			})})
			c, err := Find(context.Background(), e, "kind")
			if err == nil {
				err = tt.do(c)
			}
			if err == nil {
				t.Fatal("no error")
			}
			dockertest.WantNothingForged(t, err, tt.fix)
		})
	}
}

// The names in an error are words of a shell.
func TestNoClusterQuotes(t *testing.T) {
	t.Parallel()
	text := (&NoClusterError{Name: "a b", Host: "unix:///x", Have: []string{"kind", "x; reboot", "$(y)\n"}}).Error()
	for _, want := range []string{"there are kind, 'x; reboot', $'$(y)\\012'\n", "kind create cluster --name 'a b'"} {
		if !strings.Contains(text, want) {
			t.Errorf("the error is %q, want %q in it", text, want)
		}
	}
}

// open opens an engine for a test.
func open(t *testing.T, where host.Options) *docker.Engine {
	t.Helper()
	e, err := docker.Open(context.Background(), docker.Options{Options: where})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}
