package registry_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/registry"
	"github.com/fromscratch-go/fromscratch/buildkit/registrytest"
)

// isUpload reports whether a request carries a blob.
func isUpload(r *http.Request) bool {
	return r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/blobs/uploads/")
}

// cut reads a part of a body, and breaks the connection.
func cut(r *http.Request, after int64) bool {
	_, _ = io.CopyN(io.Discard, r.Body, after)
	panic(http.ErrAbortHandler)
}

// A push to a registry that fails in the middle is complete in the end, with the same digest.
func TestPushSurvives(t *testing.T) {
	t.Parallel()
	host := registrytest.StartProgram(t, registrytest.ProgramOptions{})
	want := push(t, request(t, host, hello(t, 1))).Digest
	for _, tt := range []struct {
		name string
		fail func(w http.ResponseWriter, r *http.Request) bool
	}{
		{"uploads that are cut", func(_ http.ResponseWriter, r *http.Request) bool { return isUpload(r) && cut(r, 100_000) }},
		{"uploads that fail at the end", func(w http.ResponseWriter, r *http.Request) bool {
			if !isUpload(r) {
				return false
			}
			_, _ = io.Copy(io.Discard, r.Body)
			w.WriteHeader(http.StatusBadGateway)
			return true
		}},
		{"uploads that are refused at once", func(w http.ResponseWriter, r *http.Request) bool {
			if isUpload(r) {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
			return isUpload(r)
		}},
		{"a login that has run out", func(w http.ResponseWriter, r *http.Request) bool {
			if isUpload(r) {
				w.WriteHeader(http.StatusUnauthorized)
			}
			return isUpload(r)
		}},
		{"every kind of request", func(w http.ResponseWriter, _ *http.Request) bool {
			w.WriteHeader(http.StatusInternalServerError)
			return true
		}},
		{"connections that break", func(http.ResponseWriter, *http.Request) bool { panic(http.ErrAbortHandler) }},
		{"too many requests", func(w http.ResponseWriter, r *http.Request) bool {
			w.Header().Set("Retry-After", "0")
			w.WriteHeader(http.StatusTooManyRequests)
			return true
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			host := registrytest.StartProgram(t, registrytest.ProgramOptions{})
			var n atomic.Int32
			p := startProxy(t, host, func(w http.ResponseWriter, r *http.Request) bool {
				return n.Add(1) <= 20 && n.Load()%2 == 0 && tt.fail(w, r)
			})
			r := request(t, p.host, hello(t, 1))
			r.Parallel, r.Retries = 1, 20
			var last registry.Progress
			r.Progress = func(p registry.Progress) {
				if last = p; p.Sent < 0 || p.Sent > p.Total {
					t.Errorf("%d of %d bytes were sent", p.Sent, p.Total)
				}
			}
			pushed := push(t, r)
			if pushed.Digest != want {
				t.Errorf("the digest is %s, want %s", pushed.Digest, want)
			}
			if pushed.Sent != pushed.Total || last != pushed.Progress {
				t.Errorf("the progress ends at %+v, want %+v", last, pushed.Progress)
			}
			wantNoTemps(t, r.Cache)
		})
	}
}

// A retry waits for Retry-After, in both of its forms. A wait that is too long is an error.
func TestPushWaitsAsAsked(t *testing.T) {
	t.Parallel()
	host := registrytest.StartProgram(t, registrytest.ProgramOptions{})
	for name, value := range map[string]func() string{
		"seconds": func() string { return "1" },
		"a time":  func() string { return time.Now().Add(2 * time.Second).UTC().Format(http.TimeFormat) },
	} {
		t.Run(name, func(t *testing.T) {
			var refused, came atomic.Int64
			p := startProxy(t, host, func(w http.ResponseWriter, _ *http.Request) bool {
				if refused.CompareAndSwap(0, time.Now().UnixNano()) {
					w.Header().Set("Retry-After", value())
					w.WriteHeader(http.StatusTooManyRequests)
					return true
				}
				came.CompareAndSwap(0, time.Now().UnixNano())
				return false
			})
			r := request(t, p.host, hello(t, 1))
			r.Parallel = 1
			push(t, r)
			if waited := time.Duration(came.Load() - refused.Load()); waited < time.Second-50*time.Millisecond {
				t.Errorf("the next request came after %s", waited)
			}
		})
	}
	p := startProxy(t, host, func(w http.ResponseWriter, _ *http.Request) bool {
		w.Header().Set("Retry-After", "3600")
		w.WriteHeader(http.StatusTooManyRequests)
		return true
	})
	_, err := registry.Push(context.Background(), request(t, p.host, hello(t, 1)))
	wantError(t, err, "429", "1h0m0s", "fix: ")
}

// A permanent failure is an error with the registry's words, after a few tries at most.
func TestPushGivesUp(t *testing.T) {
	t.Parallel()
	host := registrytest.StartProgram(t, registrytest.ProgramOptions{})
	for _, tt := range []struct {
		name   string
		answer func(w http.ResponseWriter, r *http.Request) bool
		want   []string
		tries  int
	}{
		{"broken for good", func(w http.ResponseWriter, r *http.Request) bool {
			if isUpload(r) {
				w.WriteHeader(http.StatusInternalServerError)
			}
			return isUpload(r)
		}, []string{"sending the blob sha256:", "500 Internal Server Error"}, 4},
		{"refused", func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method == http.MethodPost {
				w.WriteHeader(http.StatusForbidden)
				_, _ = io.WriteString(w, `{"errors":[{"code":"DENIED","message":"you may only read"}]}`)
			}
			return r.Method == http.MethodPost
		}, []string{"403 Forbidden", "denied (you may only read)", "fix: log in"}, 0},
		{"too big", func(w http.ResponseWriter, r *http.Request) bool {
			if isUpload(r) {
				_, _ = io.Copy(io.Discard, r.Body)
				w.WriteHeader(http.StatusRequestEntityTooLarge)
			}
			return isUpload(r)
		}, []string{"413", "fix: raise the size limit"}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := startProxy(t, host, tt.answer)
			r := request(t, p.host, hello(t, 77))
			r.Parallel, r.Retries, r.Repository = 1, 3, p.host+"/acme/"+strings.ReplaceAll(tt.name, " ", "")
			_, err := registry.Push(context.Background(), r)
			wantError(t, err, append(tt.want, `pushing to "`+r.Repository+`"`)...)
			var e *registry.Error
			if !errors.As(err, &e) || e.Local {
				t.Errorf("error %v is not the registry's", err)
			}
			if strings.Contains(err.Error(), "_state=") {
				t.Errorf("error %q has the signed query", err)
			}
			if n := p.count("PUT", "/blobs/uploads/"); n != tt.tries {
				t.Errorf("the blob was sent %d times, want %d", n, tt.tries)
			}
			if p.count("PUT", "/manifests/") > 0 {
				t.Error("a manifest was sent without its layers")
			}
		})
	}
}

// The end of ctx ends a push to a slow registry at once, and no temporary file stays.
func TestPushToASlowRegistryIsCancelled(t *testing.T) {
	t.Parallel()
	host := registrytest.StartProgram(t, registrytest.ProgramOptions{})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	gone := make(chan struct{})
	p := startProxy(t, host, func(_ http.ResponseWriter, r *http.Request) bool {
		if !isUpload(r) {
			return false
		}
		// It reads one byte, and no more before the client is gone.
		_, _ = io.ReadFull(r.Body, make([]byte, 1))
		cancel()
		<-gone
		panic(http.ErrAbortHandler)
	})
	r := request(t, p.host, hello(t, 1))
	_, err := registry.Push(ctx, r)
	close(gone)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want the context's", err)
	}
	wantNoTemps(t, r.Cache)
}

// The end of ctx also ends the wait before a retry.
func TestPushIsCancelledWhileItWaits(t *testing.T) {
	t.Parallel()
	host := registrytest.StartProgram(t, registrytest.ProgramOptions{})
	ctx, cancel := context.WithCancel(context.Background())
	p := startProxy(t, host, func(w http.ResponseWriter, _ *http.Request) bool {
		w.Header().Set("Retry-After", "200")
		w.WriteHeader(http.StatusTooManyRequests)
		time.AfterFunc(10*time.Millisecond, cancel)
		return true
	})
	_, err := registry.Push(ctx, request(t, p.host, hello(t, 1)))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want the context's", err)
	}
}

// A changed source is an error of this machine, and leaves nothing in the cache.
func TestPushOfALayerThatChanged(t *testing.T) {
	t.Parallel()
	host := registrytest.StartProgram(t, registrytest.ProgramOptions{})
	content := "first"
	f := text("app", content)
	f.Open = func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(content)), nil }
	img := imageOn(t, "amd64", layer(t, f))
	content = "other"
	r := request(t, host, img)
	_, err := registry.Push(context.Background(), r)
	wantError(t, err, "compressing the layer", `"app"`, "a source changed", "fix: run again")
	var e *registry.Error
	if !errors.As(err, &e) || !e.Local {
		t.Errorf("error %v is not this machine's", err)
	}
	entries, err := os.ReadDir(r.Cache)
	if err != nil || len(entries) > 0 {
		t.Errorf("there are %v in the cache (%v)", entries, err)
	}
}
