package cleaner

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/docker/dockertest"
)

// The test binary is the cleaner too, as the worker is.
func TestMain(m *testing.M) {
	if Main(os.Args) {
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// engine is an engine with one container. It has the container from the second list until the removal, as if it were just
// creating it.
type engine struct {
	mu      sync.Mutex
	removed bool
	asked   []string // method and last part of the path, for lists with the mark that they are for
}

func (e *engine) answer(w http.ResponseWriter, r *http.Request) {
	e.mu.Lock()
	defer e.mu.Unlock()
	_, path, _ := strings.Cut(r.URL.Path, "/containers/")
	switch {
	case path == "json":
		path += " " + r.URL.Query().Get("filters")
	case r.URL.Query().Has("t"):
		path += " " + r.URL.Query().Get("t")
	}
	e.asked = append(e.asked, r.Method+" "+path)
	e.removed = e.removed || r.Method == http.MethodDelete
	switch {
	case r.Method == http.MethodGet && (len(e.asked) == 1 || e.removed):
		fmt.Fprint(w, "[]")
	case r.Method == http.MethodGet:
		fmt.Fprint(w, `[{"Id":"c1"}]`)
	default:
		w.WriteHeader(http.StatusNoContent)
	}
}

func (e *engine) requests() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.asked)
}

// begin starts a cleaner that speaks to the engine.
func begin(t *testing.T, e *engine, grace time.Duration) *Cleaner {
	t.Helper()
	t.Setenv("DOCKER_HOST", dockertest.Engine(t, e.answer))
	c, err := Start("mark-1", grace)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.cmd.Process.Kill() })
	return c
}

// If the starter is gone, the cleaner looks for the container until it is there, gives its program time to end, and removes it.
func TestStarterIsGone(t *testing.T) {
	e := &engine{}
	c := begin(t, e, 3*time.Second)
	if err := c.in.Close(); err != nil { // as the end of the process would
		t.Fatal(err)
	}
	if err := c.cmd.Wait(); err != nil {
		t.Errorf("the cleaner ended with %v", err)
	}
	list := `GET json {"label":{"io.github.fromscratch-go.run=mark-1":true}}`
	if got, want := e.requests(), []string{list, list, "POST c1/stop 3", "DELETE c1", list}; !slices.Equal(got, want) {
		t.Errorf("the engine was asked %q, want %q", got, want)
	}
}

// A container that has ended by itself is left to its starter.
func TestRelease(t *testing.T) {
	e := &engine{}
	c := begin(t, e, 0)
	c.Release()
	if !c.cmd.ProcessState.Success() {
		t.Errorf("the cleaner ended with %v", c.cmd.ProcessState)
	}
	if got := e.requests(); len(got) > 0 {
		t.Errorf("the engine was asked %q", got)
	}
	(*Cleaner)(nil).Release() // without a cleaner it does nothing
}

// Without an order there is nothing to remove: the starter ended before it had written one.
func TestRunWithoutOrder(t *testing.T) {
	e := &engine{}
	t.Setenv("DOCKER_HOST", dockertest.Engine(t, e.answer))
	cmd := exec.Command(os.Args[0], argument)
	cmd.Stdin = strings.NewReader(`{"Mark":`)
	if err := cmd.Run(); err != nil {
		t.Errorf("the cleaner ended with %v", err)
	}
	if got := e.requests(); len(got) > 0 {
		t.Errorf("the engine was asked %q", got)
	}
}
