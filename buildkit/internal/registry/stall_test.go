package registry_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/registry"
	"github.com/fromscratch-go/fromscratch/buildkit/registrytest"
)

// A slow registry gets everything, even if it takes longer in total than any limit. The progress rises all the time.
func TestPushToASlowRegistry(t *testing.T) {
	t.Parallel()
	host := registrytest.StartProgram(t, registrytest.ProgramOptions{})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := startProxyAt(t, host, smallBuffers{listener}, func(_ http.ResponseWriter, r *http.Request) bool {
		if isUpload(r) {
			r.Body = &slow{r.Body}
		}
		return false
	})
	r := request(t, p.host, imageOn(t, "amd64", layer(t, text("app", noise(3, 20<<20)))))
	r.Answer, r.Move = time.Minute, 1500*time.Millisecond
	var seen []registry.Progress
	r.Progress = func(p registry.Progress) { seen = append(seen, p) }
	began := time.Now()
	pushed := push(t, r)
	if took := time.Since(began); took < r.Move {
		t.Errorf("it took %s: the registry was not slow", took)
	}
	steps := 0
	for i, p := range seen {
		if i > 0 && p.Sent > seen[i-1].Sent {
			steps++
		}
		if i > 0 && p.Sent < seen[i-1].Sent {
			t.Errorf("the progress falls from %+v to %+v: something was sent twice", seen[i-1], p)
		}
	}
	if steps < 20 || pushed.Sent < 20<<20 {
		t.Errorf("%d bytes were sent in %d steps", pushed.Sent, steps)
	}
}

// smallBuffers accepts connections with small buffers: otherwise the system would take megabytes at once, and then nothing
// for long.
type smallBuffers struct{ net.Listener }

func (s smallBuffers) Accept() (net.Conn, error) {
	c, err := s.Listener.Accept()
	if tcp, ok := c.(*net.TCPConn); ok {
		err = errors.Join(err, tcp.SetReadBuffer(64<<10))
	}
	return c, err
}

// slow is a body that can be read at 10 MB/s.
type slow struct{ io.ReadCloser }

func (s *slow) Read(p []byte) (int, error) {
	n, err := s.ReadCloser.Read(p)
	time.Sleep(time.Duration(n) * 100 * time.Nanosecond)
	return n, err
}

// A push fails after a few tries if the registry never answers or stops reading. If that happens once, the push succeeds.
func TestPushToAStalledRegistry(t *testing.T) {
	t.Parallel()
	host := registrytest.StartProgram(t, registrytest.ProgramOptions{})
	for _, tt := range []struct {
		name         string
		stall        func(*http.Request)
		size         int
		answer, move time.Duration
		want         string
	}{
		{"it takes no more", func(r *http.Request) { _, _ = io.CopyN(io.Discard, r.Body, 1000) }, 12 << 20, time.Minute, time.Second, "no byte was taken by the server"},
		{"it never answers", func(r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }, 1 << 10, 1500 * time.Millisecond, time.Minute, "the server has not answered"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var one sync.Mutex
			stalls, tries := 1000, 0
			stop := make(chan struct{})
			p := startProxy(t, host, func(_ http.ResponseWriter, r *http.Request) bool {
				if !isUpload(r) {
					return false
				}
				one.Lock()
				tries++
				now := tries <= stalls
				one.Unlock()
				if now {
					tt.stall(r)
					<-stop
				}
				return now
			})
			t.Cleanup(func() { close(stop) })
			r := request(t, p.host, imageOn(t, "amd64", layer(t, text("app", noise(4, tt.size)))))
			r.Parallel, r.Answer, r.Move = 1, tt.answer, tt.move
			r.Repository += tt.name[len(tt.name)-4:] // "more", "wers": a new repository, which lacks the blob
			_, err := registry.Push(context.Background(), r)
			wantError(t, err, "sending the blob sha256:", tt.want, "fix: see whether the registry at "+p.host)
			var e *registry.Error
			if !errors.As(err, &e) || e.Local {
				t.Errorf("error %v is not the registry's", err)
			}
			// On a busy machine, an earlier request may have stalled too.
			if tries < 2 || tries > 3 {
				t.Errorf("it was tried %d times, want three", tries)
			}
			one.Lock()
			stalls, tries = 1, 0
			one.Unlock()
			if got := push(t, r); got.Sent != got.Total || tries < 3 { // the layer twice, and the configuration
				t.Errorf("%+v in %d tries", got, tries)
			}
		})
	}
}
