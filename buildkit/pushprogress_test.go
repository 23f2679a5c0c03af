package buildkit_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit"
	"github.com/fromscratch-go/fromscratch/buildkit/registrytest"
)

// uploads counts what is sent to the repositories of a registry. It is a proxy before it.
type uploads struct {
	host string
	mu   sync.Mutex
	sent map[string]int64 // bytes of blobs, by repository
	slow time.Duration    // that each piece of a blob takes
}

func watchUploads(t *testing.T, registry string) *uploads {
	t.Helper()
	u := &uploads{sent: map[string]int64{}}
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: registry})
	director := proxy.Director
	proxy.Director = func(r *http.Request) { host := r.Host; director(r); r.Host = host } // it says where to send blobs
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, _, blob := strings.Cut(strings.TrimPrefix(r.URL.Path, "/v2/"), "/blobs/uploads/")
		counted := &counter{ReadCloser: r.Body}
		r.Body = counted
		if blob {
			r.Body = paused{counted, u.slow}
		}
		proxy.ServeHTTP(w, r)
		if u.mu.Lock(); blob {
			u.sent[name] += counted.n
		}
		u.mu.Unlock()
	}))
	t.Cleanup(server.Close)
	u.host = strings.TrimPrefix(server.URL, "http://")
	return u
}

// paused is a body that is read slowly.
type paused struct {
	io.ReadCloser
	each time.Duration
}

func (p paused) Read(b []byte) (int, error) {
	time.Sleep(p.each)
	return p.ReadCloser.Read(b)
}

func (u *uploads) of(repository string) int64 {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.sent[repository]
}

// Of several images that are pushed side by side, or of several platforms, it is told of each how far it is.
func TestPushTellsHowFarEachImageIs(t *testing.T) {
	t.Parallel()
	u := watchUploads(t, registrytest.StartProgram(t, registrytest.ProgramOptions{}))
	u.slow = 20 * time.Millisecond
	in := inputs(two(t), buildkit.Config{Main: "cmd/web", Repo: u.host + "/acme/web", Platforms: []string{"linux/amd64", "linux/arm64"}},
		buildkit.Config{Main: "cmd/worker", Repo: u.host + "/acme/worker"})
	plans, err := buildkit.Resolve(context.Background(), in)
	if err != nil {
		t.Fatal(err)
	}
	told := map[string]int{}
	report := func(e buildkit.Event) {
		if e.State == buildkit.Underway && e.Step == "push" && strings.HasPrefix(e.Text, "pushing "+u.host+"/acme/"+e.Image+":latest, ") && strings.Contains(e.Text, " of ") {
			told[e.Image]++
		}
	}
	err = buildkit.BuildGroups(context.Background(), plans, report, func(ctx context.Context, group []*buildkit.Result) error {
		_, err := buildkit.PushAll(ctx, group, buildkit.PushOptions{Cache: t.TempDir()})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if told["web"] == 0 || told["worker"] == 0 {
		t.Errorf("how far the pushes were is told so often: %v", told)
	}
}
