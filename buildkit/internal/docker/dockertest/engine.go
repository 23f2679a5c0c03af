package dockertest

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/docker/docker/pkg/stdcopy"
)

// TCPHost returns the address of a server as a DOCKER_HOST.
func TCPHost(server *httptest.Server) string {
	_, address, _ := strings.Cut(server.URL, "://")
	return "tcp://" + address
}

// Engine starts a server that answers pings like an engine, and other requests with answer. It returns its address.
func Engine(t *testing.T, answer http.HandlerFunc) (host string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Api-Version", "1.41")
		if strings.HasSuffix(r.URL.Path, "/_ping") {
			return
		}
		w.Header().Set("Content-Type", "application/json")
		answer(w, r)
	}))
	t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	return TCPHost(server)
}

// TakeOver answers a request with a raw stream, as an engine answers an attach.
func TakeOver(w http.ResponseWriter, stream stdcopy.StdType, text string) {
	conn, out, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	io.WriteString(out, "HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n")
	if text != "" {
		fmt.Fprint(stdcopy.NewStdWriter(out, stream), text)
	}
	out.Flush()
}
