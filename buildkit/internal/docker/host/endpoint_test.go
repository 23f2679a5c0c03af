package host

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/docker/docker/client"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/docker/dockertest"
)

// The docker command gave this name to the folder of "docker context create fromscratch-test-ctx".
func TestContextID(t *testing.T) {
	t.Parallel()
	const want = "091fedd2f5168a9898b1bb79589a5c6dd605f17fc1f90c805084bd8636b31f85"
	if got := contextID("fromscratch-test-ctx"); got != want {
		t.Error(got)
	}
}

func TestResolve(t *testing.T) {
	t.Parallel()
	dir := dockertest.Files(t, map[string]string{
		"config.json":                       `{"auths": {}, "currentContext": "remote"}`,
		dockertest.MetaFile("remote"):       `{"Name":"remote","Metadata":{"Description":"x"},"Endpoints":{"docker":{"Host":"tcp://remote.example:2375","SkipTLSVerify":false}}}`,
		dockertest.MetaFile("shell"):        `{"Name":"shell","Metadata":{},"Endpoints":{"docker":{"Host":"ssh://me@shell.example:2222","SkipTLSVerify":false}}}`,
		dockertest.MetaFile("desktop"):      `{"Name":"desktop","Metadata":{},"Endpoints":{"docker":{"Host":"unix:///home/me/.docker/desktop/docker.sock"}}}`,
		dockertest.MetaFile("skip"):         `{"Name":"skip","Endpoints":{"docker":{"Host":"tcp://skip.example:2376","SkipTLSVerify":true}}}`,
		dockertest.MetaFile("web"):          `{"Name":"web","Endpoints":{"docker":{"Host":"https://web.example:443/engine"}}}`,
		dockertest.MetaFile("hostless"):     `{"Name":"hostless","Endpoints":{"docker":{"Host":""}}}`,
		dockertest.MetaFile("kube"):         `{"Name":"kube","Endpoints":{"kubernetes":{"Host":"https://kube.example"}}}`,
		dockertest.MetaFile("torn"):         `{"Name":"torn","Endpo`,
		dockertest.MetaFile("pem"):          `{"Name":"pem","Endpoints":{"docker":{"Host":"tcp://pem.example:2376"}}}`,
		dockertest.TLSFile("pem", "ca.pem"): `no certificate`,
	})
	torn := dockertest.Files(t, map[string]string{"config.json": `{"currentContext":`})
	const others = "default, desktop, hostless, kube, pem, remote, shell, skip, web"
	cases := []struct {
		name   string
		o      Options
		host   string
		origin string
		tls    string // "", "verify", "skip"
		err    string // of a ConfigError
		fix    string
	}{
		{name: "nothing", host: client.DefaultDockerHost, origin: "platform default"},
		{name: "DOCKER_HOST", o: Options{Getenv: dockertest.Environment("DOCKER_HOST=tcp://h:1")}, host: "tcp://h:1", origin: "DOCKER_HOST"},
		{name: "DOCKER_HOST over contexts", o: Options{Getenv: dockertest.Environment("DOCKER_HOST=tcp://h:1", "DOCKER_CONTEXT=shell"), ConfigDir: dir},
			host: "tcp://h:1", origin: "DOCKER_HOST"},
		{name: "Host over all", o: Options{Getenv: dockertest.Environment("DOCKER_HOST=tcp://h:1"), ConfigDir: dir, Host: "unix:///x"},
			host: "unix:///x", origin: "the Host option"},
		{name: "DOCKER_CONTEXT over config.json", o: Options{Getenv: dockertest.Environment("DOCKER_CONTEXT=shell"), ConfigDir: dir},
			host: "ssh://me@shell.example:2222", origin: `context "shell" (DOCKER_CONTEXT)`},
		{name: "currentContext", o: Options{ConfigDir: dir}, host: "tcp://remote.example:2375",
			origin: `context "remote" (` + filepath.Join(dir, "config.json") + `)`},
		{name: "DOCKER_CONFIG", o: Options{Getenv: dockertest.Environment("DOCKER_CONFIG=" + dir)}, host: "tcp://remote.example:2375",
			origin: `context "remote" (` + filepath.Join(dir, "config.json") + `)`},
		{name: "ConfigDir over DOCKER_CONFIG", o: Options{Getenv: dockertest.Environment("DOCKER_CONFIG=" + dir), ConfigDir: t.TempDir()},
			host: client.DefaultDockerHost, origin: "platform default"},
		{name: "default context", o: Options{Getenv: dockertest.Environment("DOCKER_CONTEXT=default"), ConfigDir: dir},
			host: client.DefaultDockerHost, origin: `context "default" (DOCKER_CONTEXT)`},
		{name: "context on a socket", o: Options{Getenv: dockertest.Environment("DOCKER_CONTEXT=desktop"), ConfigDir: dir},
			host: "unix:///home/me/.docker/desktop/docker.sock", origin: `context "desktop" (DOCKER_CONTEXT)`},
		{name: "context without host", o: Options{Getenv: dockertest.Environment("DOCKER_CONTEXT=hostless"), ConfigDir: dir},
			host: client.DefaultDockerHost, origin: `context "hostless" (DOCKER_CONTEXT)`},
		{name: "SkipTLSVerify", o: Options{Getenv: dockertest.Environment("DOCKER_CONTEXT=skip"), ConfigDir: dir},
			host: "tcp://skip.example:2376", origin: `context "skip" (DOCKER_CONTEXT)`, tls: "skip"},
		{name: "https context", o: Options{Getenv: dockertest.Environment("DOCKER_CONTEXT=web"), ConfigDir: dir},
			host: "https://web.example:443/engine", origin: `context "web" (DOCKER_CONTEXT)`, tls: "verify"},
		{name: "environment's TLS is not for contexts", o: Options{Getenv: dockertest.Environment("DOCKER_TLS_VERIFY=1"), ConfigDir: dir},
			host: "tcp://remote.example:2375", origin: `context "remote" (` + filepath.Join(dir, "config.json") + `)`},
		{name: "TLS is not for sockets", o: Options{Getenv: dockertest.Environment("DOCKER_TLS_VERIFY=1", "DOCKER_HOST=unix:///x")},
			host: "unix:///x", origin: "DOCKER_HOST"},

		{name: "unknown context", o: Options{Getenv: dockertest.Environment("DOCKER_CONTEXT=nowhere"), ConfigDir: dir},
			err: `context "nowhere" (DOCKER_CONTEXT): no such context in`, fix: others + "; or unset DOCKER_CONTEXT"},
		{name: "unknown context, no folder", o: Options{Getenv: dockertest.Environment("DOCKER_CONTEXT=nowhere")},
			err: "no HOME or DOCKER_CONFIG", fix: "choose one of these contexts: default; or unset DOCKER_CONTEXT"},
		{name: "hostile context name", o: Options{Getenv: dockertest.Environment("DOCKER_CONTEXT=../x"), ConfigDir: dir},
			err: "not a context's name", fix: others},
		{name: "no docker endpoint", o: Options{Getenv: dockertest.Environment("DOCKER_CONTEXT=kube"), ConfigDir: dir},
			err: "no docker endpoint", fix: others},
		{name: "torn context", o: Options{Getenv: dockertest.Environment("DOCKER_CONTEXT=torn"), ConfigDir: dir}, err: "meta.json", fix: others},
		{name: "torn config.json", o: Options{ConfigDir: torn}, err: "config.json", fix: "repair the file, or set DOCKER_HOST"},
		{name: "torn config.json, not needed", o: Options{ConfigDir: torn, Getenv: dockertest.Environment("DOCKER_HOST=tcp://h:1")},
			host: "tcp://h:1", origin: "DOCKER_HOST"},
		{name: "context with a bad ca.pem", o: Options{Getenv: dockertest.Environment("DOCKER_CONTEXT=pem"), ConfigDir: dir},
			err: "no certificate in it", fix: "ca.pem"},
		{name: "TLS without ca.pem", o: Options{Getenv: dockertest.Environment("DOCKER_TLS=1", "DOCKER_HOST=tcp://h:1", "DOCKER_CERT_PATH="+torn)},
			err: "ca.pem", fix: "put ca.pem, cert.pem and key.pem where"},
		{name: "bad port with TLS", o: Options{Getenv: dockertest.Environment("DOCKER_HOST=tcp://h:99999", "DOCKER_TLS=1")},
			err: "no port between", fix: "use a host like"},
		{name: "a login", o: Options{Getenv: dockertest.Environment("DOCKER_HOST=tcp://user:s3cret@host:1")}, err: "a user", fix: "use a host like"},
		{name: "a broken login", o: Options{Getenv: dockertest.Environment("DOCKER_HOST=tcp://user:s3/cret@host")}, err: "a host and a port", fix: "use a host like"},
		{name: "malformed", o: Options{Getenv: dockertest.Environment("DOCKER_HOST=ftp://x")}, err: `unknown scheme "ftp"`, fix: "unset DOCKER_HOST"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			ep, err := Find(c.o)
			if c.err != "" {
				var config *ConfigError
				if !errors.As(err, &config) {
					t.Fatalf("%T %v", err, err)
				}
				dockertest.WantError(t, err, c.err, c.fix)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			tls := ""
			if ep.TLS != nil {
				tls = map[bool]string{true: "skip", false: "verify"}[ep.TLS.InsecureSkipVerify]
			}
			if ep.Host != c.host || ep.Origin != c.origin || tls != c.tls {
				t.Errorf("%q from %q with TLS %q", ep.Host, ep.Origin, tls)
			}
		})
	}
}

func TestParseHost(t *testing.T) {
	t.Parallel()
	cases := []struct {
		host, want, err string
		tls             bool
	}{
		{host: "", want: client.DefaultDockerHost},
		{host: "  ", want: client.DefaultDockerHost},
		{host: "", tls: true, want: "tcp://localhost:2376"},
		{host: "unix://", want: "unix:///var/run/docker.sock"},
		{host: "unix:///run/x.sock", want: "unix:///run/x.sock"},
		{host: "npipe://", want: "npipe:////./pipe/docker_engine"},
		{host: "tcp://", want: "tcp://localhost:2375"},
		{host: "tcp://:2375", want: "tcp://localhost:2375"},
		{host: "tcp://host", want: "tcp://host:2375"},
		{host: "host", want: "tcp://host:2375"},
		{host: "host:99", want: "tcp://host:99"},
		{host: " tcp://host:99 ", want: "tcp://host:99"},
		{host: "tcp://host:99/prefix", want: "tcp://host:99/prefix"},
		{host: "tcp://[::1]", want: "tcp://[::1]:2375"},
		{host: "tcp://[::1]:", want: "tcp://[::1]:2375"},
		{host: "tcp://[fe80::1]:5000", want: "tcp://[fe80::1]:5000"},
		{host: "ssh://u@h:22/s", want: "ssh://u@h:22/s"},
		{host: "http://x", err: "unknown scheme"},
		{host: "fd://", err: "unknown scheme"},
		{host: "tcp://unix:///x", err: "two schemes"},
		{host: "tcp://h:port", err: "invalid port"},
		{host: "tcp://h:99999", err: "no port between"},
		{host: "tcp://u@h:1", err: "more than a host"},
		{host: "tcp://h:1?x", err: "more than a host"},
	}
	for _, c := range cases {
		t.Run(c.host, func(t *testing.T) {
			got, err := parseHost(c.host, c.tls)
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Fatalf("%q, %v", got, err)
				}
				return
			}
			if got != c.want || err != nil {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
}

// Without a setting, the first socket that exists is taken.
func TestFirstSocket(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("no unix sockets by default")
	}
	home := t.TempDir()
	run := filepath.Join(home, "run")
	o := Options{Getenv: dockertest.Environment("HOME="+home, "XDG_RUNTIME_DIR="+run)}
	missing := Endpoint{Host: "unix://" + filepath.Join(home, "docker.sock"), Origin: "platform default"}
	users := o.otherSockets()[:4] // the last one is this machine's own
	if got := firstSocket(missing, users); got.Host != missing.Host || len(got.looked) != 4 {
		t.Errorf("none: %+v", got)
	}
	// The loop creates the sockets from last to first. Each new one comes before the others.
	for _, c := range []struct{ path, origin string }{
		{filepath.Join(run, "podman", "podman.sock"), "podman's socket"},
		{filepath.Join(home, ".docker", "desktop", "docker.sock"), "Docker Desktop's socket"},
		{filepath.Join(home, ".docker", "run", "docker.sock"), "Docker Desktop's socket"},
		{filepath.Join(run, "docker.sock"), "rootless Docker's socket"},
		{filepath.Join(home, "docker.sock"), "platform default"},
	} {
		if err := os.MkdirAll(filepath.Dir(c.path), 0o755); err != nil {
			t.Fatal(err)
		}
		l, err := net.Listen("unix", c.path)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		if got := firstSocket(missing, users); got.Host != "unix://"+c.path || got.Origin != c.origin {
			t.Errorf("%s: %+v", c.origin, got)
		}
	}
}
