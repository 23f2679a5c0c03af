package main

import (
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
)

// port returns the port of an address.
func port(t *testing.T, address string) string {
	t.Helper()
	_, p, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// listen returns a listener on the loopback address of a family.
func listen(t *testing.T, address string) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// want runs the probe; text is "" for healthy, or a part of what it says.
func want(t *testing.T, text string, args ...string) {
	t.Helper()
	err := run(args)
	switch {
	case text == "" && err != nil:
		t.Errorf("%q: %v", args, err)
	case text != "" && (err == nil || !strings.Contains(err.Error(), text) || strings.Contains(err.Error(), "\n")):
		t.Errorf("%q: %v, want an error of one line with %q", args, err, text)
	}
}

// A page of net/http's server is healthy below 400. Other servers are not.
func TestHTTP(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.RequestURI() {
		case "/ok?a=b":
			io.WriteString(w, strings.Repeat("x", 1<<20))
		case "/early":
			w.Header().Set("Link", "</a>")
			w.WriteHeader(http.StatusEarlyHints)
			w.WriteHeader(http.StatusNoContent)
		case "/elsewhere":
			http.Redirect(w, r, "https://example.com/", http.StatusFound)
		default:
			http.Error(w, "no", http.StatusServiceUnavailable)
		}
	}))
	t.Cleanup(s.Close)
	p := port(t, s.Listener.Addr().String())
	want(t, "", "http", p, "/ok?a=b")
	want(t, "", "http", p, "/early")
	want(t, "", "http", p, "/elsewhere")
	want(t, "/ok: the status is 503 Service Unavailable", "http", p, "/ok")
	want(t, "", "tcp", p)
	want(t, "no answer by gRPC", "grpc", p)
	want(t, "usage", "https", p, "/")
	for answer, text := range map[string]string{"": "no answer", "220 mail.example ESMTP\r\n": "no answer", "HTTP/1.1 20x\r\n": "no answer", strings.Repeat("a", 1<<20): "no answer", "HTTP/1.1 100 \r\n\r\n": "no answer"} {
		l := listen(t, "127.0.0.1:0")
		go func() {
			c, err := l.Accept()
			if err == nil {
				c.Read(make([]byte, 1))
				io.WriteString(c, answer)
				c.Close()
			}
		}()
		want(t, text, "http", port(t, l.Addr().String()), "/")
	}
	l := listen(t, "127.0.0.1:0")
	l.Close()
	want(t, "connection refused", "tcp", port(t, l.Addr().String()))
}

// A program that listens on IPv6 alone is found.
func TestIPv6(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		testkit.Missing(t, "IPv6 ("+err.Error()+")")
	}
	defer l.Close()
	want(t, "", "tcp", port(t, l.Addr().String()))
}

// The server of google.golang.org/grpc is asked for its status.
func TestGRPC(t *testing.T) {
	t.Parallel()
	l := listen(t, "127.0.0.1:0")
	checks := health.NewServer()
	checks.SetServingStatus("shop", healthpb.HealthCheckResponse_NOT_SERVING)
	s := grpc.NewServer()
	healthpb.RegisterHealthServer(s, checks)
	go s.Serve(l)
	t.Cleanup(s.Stop)
	p := port(t, l.Addr().String())
	want(t, "", "grpc", p)
	want(t, "the status is 2, not SERVING", "grpc", p, "shop")
	want(t, "the call failed", "grpc", p, "unknown")
	checks.SetServingStatus("shop", healthpb.HealthCheckResponse_SERVING)
	want(t, "", "grpc", p, "shop")

	without := listen(t, "127.0.0.1:0")
	other := grpc.NewServer()
	go other.Serve(without)
	t.Cleanup(other.Stop)
	want(t, "the call failed", "grpc", port(t, without.Addr().String()))
}

// Answers that no server gives are no success and no panic.
func TestHostileGRPC(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string][]byte{
		"a long frame":      {0xff, 0xff, 0xff, frameData, 0, 0, 0, 0, 1},
		"padding":           frame(frameData, flagPadded, 1, []byte{9, 1}),
		"no padding":        frame(frameData, flagPadded, 1, nil),
		"a long message":    frame(frameData, 0, 1, binary.BigEndian.AppendUint32([]byte{0}, 1<<31)),
		"another stream":    frame(frameData, flagEndStream, 3, []byte{0, 0, 0, 0, 2, 8, 1}),
		"compressed":        frame(frameData, flagEndStream, 1, []byte{1, 0, 0, 0, 2, 8, 1}),
		"an empty message":  frame(frameData, flagEndStream, 1, []byte{0, 0, 0, 0, 0}),
		"the server leaves": frame(frameGoAway, 0, 0, make([]byte, 8)),
	} {
		l := listen(t, "127.0.0.1:0")
		go func() {
			c, err := l.Accept()
			if err == nil {
				c.Write(answer)
				c.Close()
			}
		}()
		if err := run([]string{"grpc", port(t, l.Addr().String())}); err == nil {
			t.Errorf("%s is healthy", name)
		}
	}
}

// It is smaller than 2 MB.
func TestSize(t *testing.T) {
	t.Parallel()
	out := filepath.Join(t.TempDir(), "probe")
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", out, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64")
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if info, err := os.Stat(out); err != nil || info.Size() >= 2_000_000 {
		t.Errorf("%v, %v", info, err)
	}
}
