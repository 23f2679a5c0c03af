//go:build linux

package endtoend_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
)

// If no engine is chosen and none is found, image writes an archive and reports it. stdout then has the path and not the
// reference, under which an engine could have an older image. An engine that exists and does not answer is an error.
func TestEngineAbsent(t *testing.T) {
	t.Parallel()
	testkit.Need(t, "unshare", "mount")
	if out, err := exec.Command("unshare", "-m", "true").CombinedOutput(); err != nil {
		testkit.Missing(t, "the right to unshare(2) mounts ("+strings.TrimSpace(string(out))+")")
	}
	dir, empty := project(t, nil), t.TempDir()
	stale := filepath.Join(empty, "stale.sock")
	l, err := net.Listen("unix", stale)
	if err != nil {
		t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	l.Close()
	env := []string{"DOCKER_HOST=", "DOCKER_CONTEXT=", "DOCKER_CONFIG=", "HOME=" + empty, "XDG_RUNTIME_DIR=" + empty, ownCache(t)}
	for _, name := range []string{"GOCACHE", "GOMODCACHE", "GOPATH", "GOENV"} { // they would otherwise be below HOME
		out, err := exec.Command("go", "env", name).Output()
		if err != nil {
			t.Fatal(err)
		}
		env = append(env, name+"="+strings.TrimSpace(string(out)))
	}
	// inside runs mage with an empty folder for the default sockets. The script may add to it.
	inside := func(script string, target string, more ...string) result {
		cmd := mageCommand(t, dir, append(env, more...), target)
		cmd.Args = append([]string{"unshare", "-m", "sh", "-c", "mount -t tmpfs tmpfs /var/run/ && " + script + ` exec "$0" "$@"`, cmd.Path}, cmd.Args[1:]...)
		path, err := exec.LookPath("unshare")
		if err != nil {
			t.Fatal(err)
		}
		cmd.Path = path
		return runCommand(t, cmd)
	}
	archive := filepath.Join(dir, "dist/hello/image.tar")
	r := inside("", "image").wantOK(t)
	if r.stdout != archive+"\n" {
		t.Errorf("stdout is %q, want the path of the archive", r.stdout)
	}
	reported := false
	for _, line := range strings.Split(r.stderr, "\n") {
		reported = reported || strings.Contains(line, "dist/hello/image.tar") && strings.Contains(line, "no engine")
	}
	if !reported {
		t.Error("no line reports the archive and why it was written")
	}
	if _, err := os.Stat(archive); err != nil {
		t.Error(err)
	}
	inside("", "image", "IMAGE_OUTPUT=docker").wantError(t, 3, "fix: start Docker")
	inside("", "imageRun").wantError(t, 3, "fix: start Docker")
	r = inside("touch /var/run/docker.sock && mount --bind "+stale+" /var/run/docker.sock &&", "image")
	r.wantError(t, 3, "connection refused", "fix: start Docker", "IMAGE_OUTPUT=archive")
	if r.stdout != "" {
		t.Errorf("stdout is %q, want nothing", r.stdout)
	}
}

// If the engine stops during a build, the target fails, or stdout has the reference of the new image.
func TestEngineStops(t *testing.T) {
	t.Parallel()
	testkit.NeedEngine(t)
	dir := project(t, nil)
	ref := "fromscratch-test-txt-stops:" + tag
	removeImages(t, ref)
	host := strings.TrimPrefix(strings.TrimSpace(docker(t, "context", "inspect", "--format", "{{.Endpoints.docker.Host}}")), "unix://")
	for requests := range 8 {
		t.Run(strconv.Itoa(requests), func(t *testing.T) {
			socket := stoppingEngine(t, host, requests)
			epoch := strconv.Itoa(1000000000 + requests)
			r := mage(t, dir, []string{"DOCKER_HOST=unix://" + socket, "IMAGE_REPO=fromscratch-test-txt-stops", "SOURCE_DATE_EPOCH=" + epoch}, "image")
			if r.code != 0 {
				r.wantError(t, 3, "fix: ")
				if r.stdout != "" {
					t.Errorf("stdout is %q after a failure", r.stdout)
				}
				return
			}
			if r.stdout != ref+"\n" {
				t.Errorf("stdout is %q, want the reference", r.stdout)
			}
			if got := strings.TrimSpace(docker(t, "image", "inspect", "--format", `{{.Created}}`, ref)); !strings.HasPrefix(got, "2001-09-09T01:46:4"+strconv.Itoa(requests)) {
				t.Errorf("the image was created at %s, so it is an older one", got)
			}
		})
	}
}

// stoppingEngine returns a socket to the engine that stops after the given number of requests.
func stoppingEngine(t *testing.T, host string, requests int) string {
	t.Helper()
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: "engine"})
	proxy.Transport = &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", host)
	}}
	socket := filepath.Join(t.TempDir(), "docker.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	var count atomic.Int32
	server := &http.Server{}
	server.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if int(count.Add(1)) > requests {
			go server.Close() // and its connections
			panic(http.ErrAbortHandler)
		}
		proxy.ServeHTTP(w, r)
	})
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })
	return socket
}
