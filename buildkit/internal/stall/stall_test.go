package stall_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/stall"
)

// limit is the limit of these tests. The servers stay far below or far above it.
const limit = 400 * time.Millisecond

// trickle writes single bytes with pauses, for longer than the limit in total.
func trickle(w http.ResponseWriter) {
	for range 6 {
		_, _ = io.WriteString(w, "x")
		_ = http.NewResponseController(w).Flush()
		time.Sleep(limit / 4)
	}
}

func TestTransport(t *testing.T) {
	for _, tt := range []struct {
		name   string
		body   io.Reader
		server func(w http.ResponseWriter, r *http.Request, left <-chan struct{})
		want   string // of the error, or ""
	}{
		{"an answer at once", nil, func(http.ResponseWriter, *http.Request, <-chan struct{}) {}, ""},
		{"an answer in pieces", nil, func(w http.ResponseWriter, _ *http.Request, left <-chan struct{}) { trickle(w) }, ""},
		{"a body in pieces", &pieces{n: 6}, func(_ http.ResponseWriter, r *http.Request, left <-chan struct{}) { _, _ = io.Copy(io.Discard, r.Body) }, ""},
		{"a source that takes its time", &pieces{n: 1, first: 2 * limit}, func(_ http.ResponseWriter, r *http.Request, left <-chan struct{}) { _, _ = io.Copy(io.Discard, r.Body) }, ""},
		{"no answer", nil, func(_ http.ResponseWriter, _ *http.Request, left <-chan struct{}) { <-left }, "the server has not answered for 400ms"},
		{"no answer to a body", strings.NewReader("body"), func(_ http.ResponseWriter, r *http.Request, left <-chan struct{}) {
			_, _ = io.Copy(io.Discard, r.Body)
			<-left
		}, "the server has not answered for 400ms"},
		{"a body that is not read", io.LimitReader(endless{}, 1<<30), func(_ http.ResponseWriter, _ *http.Request, left <-chan struct{}) { <-left }, "no byte was taken by the server for 400ms"},
		{"half an answer", nil, func(w http.ResponseWriter, _ *http.Request, left <-chan struct{}) { trickle(w); <-left }, "no byte has come from the server for 400ms"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			left, transport := make(chan struct{}), &http.Transport{}
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { tt.server(w, r, left) }))
			t.Cleanup(func() { transport.CloseIdleConnections(); close(left); server.CloseClientConnections(); server.Close() })
			client := &http.Client{Transport: &stall.Transport{Base: transport, Answer: limit, Move: limit}}
			err := request(context.Background(), client, server.URL, tt.body)
			var stalled *stall.Error
			switch {
			case tt.want == "" && err != nil, tt.want != "" && (!errors.As(err, &stalled) || stalled.Error() != tt.want || !stalled.Timeout()):
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
}

// A request that the caller ends does not fail with a stall.
func TestTransportIsCancelled(t *testing.T) {
	left := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-left }))
	t.Cleanup(func() { close(left); server.Close() })
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(10*time.Millisecond, cancel)
	client := &http.Client{Transport: &stall.Transport{Base: http.DefaultTransport}}
	if err := request(ctx, client, server.URL, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want the context's", err)
	}
}

func request(ctx context.Context, client *http.Client, url string, body io.Reader) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, body)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return errors.Join(err, resp.Body.Close())
}

// pieces is a body of some bytes, with a wait before each.
type pieces struct {
	n     int
	first time.Duration
}

func (p *pieces) Read(b []byte) (int, error) {
	if p.n--; p.n < 0 {
		return 0, io.EOF
	}
	time.Sleep(max(p.first, limit/4))
	return copy(b, "x"), nil
}

// endless is a body of zeros.
type endless struct{}

func (endless) Read(b []byte) (int, error) { clear(b); return len(b), nil }

// Slow is called repeatedly, also for requests without a limit, but not for waits on the client's own side.
func TestTransportTells(t *testing.T) {
	for _, tt := range []struct {
		name   string
		body   io.Reader
		server func(w http.ResponseWriter, r *http.Request, enough <-chan struct{})
		want   string // "" if Slow is not called
	}{
		{"no answer", nil, func(_ http.ResponseWriter, _ *http.Request, enough <-chan struct{}) { <-enough }, "the server has not answered"},
		{"half an answer", nil, func(w http.ResponseWriter, _ *http.Request, enough <-chan struct{}) {
			_ = http.NewResponseController(w).Flush()
			<-enough
		}, "no byte has come from the server"},
		{"a source that takes its time", &pieces{n: 1, first: 2 * limit}, func(_ http.ResponseWriter, r *http.Request, _ <-chan struct{}) {
			_, _ = io.Copy(io.Discard, r.Body)
		}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			enough, transport := make(chan struct{}), &http.Transport{}
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { tt.server(w, r, enough) }))
			t.Cleanup(func() { transport.CloseIdleConnections(); server.Close() })
			calls := make(chan string, 100)
			slow := func(r *http.Request, what string, waited time.Duration) {
				select {
				case calls <- r.Method + " " + what:
				default:
				}
				if waited == 2*limit {
					close(enough)
				}
			}
			client := &http.Client{Transport: &stall.Transport{Base: transport, Answer: stall.Unlimited, Move: stall.Unlimited, Notice: limit, Slow: slow}}
			if err := request(context.Background(), client, server.URL, tt.body); err != nil {
				t.Error(err)
			}
			var got []string
			for len(calls) > 0 {
				got = append(got, <-calls)
			}
			switch {
			case tt.want == "" && len(got) > 0, tt.want != "" && (len(got) < 2 || !strings.HasSuffix(got[0], " "+tt.want) || got[1] != got[0]):
				t.Errorf("got %q, want %q at least twice", got, tt.want)
			}
		})
	}
}
