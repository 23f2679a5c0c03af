package docker

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/docker/docker/client"
)

// environment makes a Getenv of "KEY=value" words.
func environment(words ...string) func(string) string {
	return func(name string) string {
		for _, w := range words {
			if key, value, _ := strings.Cut(w, "="); key == name {
				return value
			}
		}
		return ""
	}
}

// files writes files below a new folder.
func files(t *testing.T, content map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range content {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func metaFile(name string) string { return "contexts/meta/" + contextID(name) + "/meta.json" }
func tlsFile(name, file string) string {
	return "contexts/tls/" + contextID(name) + "/docker/" + file
}

// The folder's name as the docker command made it (docker context create fromscratch-test-ctx).
func TestContextID(t *testing.T) {
	t.Parallel()
	const want = "091fedd2f5168a9898b1bb79589a5c6dd605f17fc1f90c805084bd8636b31f85"
	if got := contextID("fromscratch-test-ctx"); got != want {
		t.Error(got)
	}
}

func TestResolve(t *testing.T) {
	t.Parallel()
	dir := files(t, map[string]string{
		"config.json":            `{"auths": {}, "currentContext": "remote"}`,
		metaFile("remote"):       `{"Name":"remote","Metadata":{"Description":"x"},"Endpoints":{"docker":{"Host":"tcp://remote.example:2375","SkipTLSVerify":false}}}`,
		metaFile("shell"):        `{"Name":"shell","Metadata":{},"Endpoints":{"docker":{"Host":"ssh://me@shell.example:2222","SkipTLSVerify":false}}}`,
		metaFile("desktop"):      `{"Name":"desktop","Metadata":{},"Endpoints":{"docker":{"Host":"unix:///home/me/.docker/desktop/docker.sock"}}}`,
		metaFile("skip"):         `{"Name":"skip","Endpoints":{"docker":{"Host":"tcp://skip.example:2376","SkipTLSVerify":true}}}`,
		metaFile("web"):          `{"Name":"web","Endpoints":{"docker":{"Host":"https://web.example:443/engine"}}}`,
		metaFile("hostless"):     `{"Name":"hostless","Endpoints":{"docker":{"Host":""}}}`,
		metaFile("kube"):         `{"Name":"kube","Endpoints":{"kubernetes":{"Host":"https://kube.example"}}}`,
		metaFile("torn"):         `{"Name":"torn","Endpo`,
		metaFile("pem"):          `{"Name":"pem","Endpoints":{"docker":{"Host":"tcp://pem.example:2376"}}}`,
		tlsFile("pem", "ca.pem"): `no certificate`,
	})
	torn := files(t, map[string]string{"config.json": `{"currentContext":`})
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
		{name: "DOCKER_HOST", o: Options{Getenv: environment("DOCKER_HOST=tcp://h:1")}, host: "tcp://h:1", origin: "DOCKER_HOST"},
		{name: "DOCKER_HOST over contexts", o: Options{Getenv: environment("DOCKER_HOST=tcp://h:1", "DOCKER_CONTEXT=shell"), ConfigDir: dir},
			host: "tcp://h:1", origin: "DOCKER_HOST"},
		{name: "Host over all", o: Options{Getenv: environment("DOCKER_HOST=tcp://h:1"), ConfigDir: dir, Host: "unix:///x"},
			host: "unix:///x", origin: "the Host option"},
		{name: "DOCKER_CONTEXT over config.json", o: Options{Getenv: environment("DOCKER_CONTEXT=shell"), ConfigDir: dir},
			host: "ssh://me@shell.example:2222", origin: `context "shell" (DOCKER_CONTEXT)`},
		{name: "currentContext", o: Options{ConfigDir: dir}, host: "tcp://remote.example:2375",
			origin: `context "remote" (` + filepath.Join(dir, "config.json") + `)`},
		{name: "DOCKER_CONFIG", o: Options{Getenv: environment("DOCKER_CONFIG=" + dir)}, host: "tcp://remote.example:2375",
			origin: `context "remote" (` + filepath.Join(dir, "config.json") + `)`},
		{name: "ConfigDir over DOCKER_CONFIG", o: Options{Getenv: environment("DOCKER_CONFIG=" + dir), ConfigDir: t.TempDir()},
			host: client.DefaultDockerHost, origin: "platform default"},
		{name: "default context", o: Options{Getenv: environment("DOCKER_CONTEXT=default"), ConfigDir: dir},
			host: client.DefaultDockerHost, origin: `context "default" (DOCKER_CONTEXT)`},
		{name: "context on a socket", o: Options{Getenv: environment("DOCKER_CONTEXT=desktop"), ConfigDir: dir},
			host: "unix:///home/me/.docker/desktop/docker.sock", origin: `context "desktop" (DOCKER_CONTEXT)`},
		{name: "context without host", o: Options{Getenv: environment("DOCKER_CONTEXT=hostless"), ConfigDir: dir},
			host: client.DefaultDockerHost, origin: `context "hostless" (DOCKER_CONTEXT)`},
		{name: "SkipTLSVerify", o: Options{Getenv: environment("DOCKER_CONTEXT=skip"), ConfigDir: dir},
			host: "tcp://skip.example:2376", origin: `context "skip" (DOCKER_CONTEXT)`, tls: "skip"},
		{name: "https context", o: Options{Getenv: environment("DOCKER_CONTEXT=web"), ConfigDir: dir},
			host: "https://web.example:443/engine", origin: `context "web" (DOCKER_CONTEXT)`, tls: "verify"},
		{name: "environment's TLS is not for contexts", o: Options{Getenv: environment("DOCKER_TLS_VERIFY=1"), ConfigDir: dir},
			host: "tcp://remote.example:2375", origin: `context "remote" (` + filepath.Join(dir, "config.json") + `)`},
		{name: "TLS is not for sockets", o: Options{Getenv: environment("DOCKER_TLS_VERIFY=1", "DOCKER_HOST=unix:///x")},
			host: "unix:///x", origin: "DOCKER_HOST"},

		{name: "unknown context", o: Options{Getenv: environment("DOCKER_CONTEXT=nowhere"), ConfigDir: dir},
			err: `context "nowhere" (DOCKER_CONTEXT): no such context in`, fix: others + "; or unset DOCKER_CONTEXT"},
		{name: "unknown context, no folder", o: Options{Getenv: environment("DOCKER_CONTEXT=nowhere")},
			err: "no HOME or DOCKER_CONFIG", fix: "choose one of these contexts: default; or unset DOCKER_CONTEXT"},
		{name: "hostile context name", o: Options{Getenv: environment("DOCKER_CONTEXT=../x"), ConfigDir: dir},
			err: "not a context's name", fix: others},
		{name: "no docker endpoint", o: Options{Getenv: environment("DOCKER_CONTEXT=kube"), ConfigDir: dir},
			err: "no docker endpoint", fix: others},
		{name: "torn context", o: Options{Getenv: environment("DOCKER_CONTEXT=torn"), ConfigDir: dir}, err: "meta.json", fix: others},
		{name: "torn config.json", o: Options{ConfigDir: torn}, err: "config.json", fix: "repair the file, or set DOCKER_HOST"},
		{name: "torn config.json, not needed", o: Options{ConfigDir: torn, Getenv: environment("DOCKER_HOST=tcp://h:1")},
			host: "tcp://h:1", origin: "DOCKER_HOST"},
		{name: "context with a bad ca.pem", o: Options{Getenv: environment("DOCKER_CONTEXT=pem"), ConfigDir: dir},
			err: "no certificate in it", fix: "ca.pem"},
		{name: "TLS without ca.pem", o: Options{Getenv: environment("DOCKER_TLS=1", "DOCKER_HOST=tcp://h:1", "DOCKER_CERT_PATH="+torn)},
			err: "ca.pem", fix: "put ca.pem, cert.pem and key.pem where"},
		{name: "bad port with TLS", o: Options{Getenv: environment("DOCKER_HOST=tcp://h:99999", "DOCKER_TLS=1")},
			err: "no port between", fix: "use a host like"},
		{name: "a login", o: Options{Getenv: environment("DOCKER_HOST=tcp://user:s3cret@host:1")}, err: "a user", fix: "use a host like"},
		{name: "a broken login", o: Options{Getenv: environment("DOCKER_HOST=tcp://user:s3/cret@host")}, err: "a host and a port", fix: "use a host like"},
		{name: "malformed", o: Options{Getenv: environment("DOCKER_HOST=ftp://x")}, err: `unknown scheme "ftp"`, fix: "unset DOCKER_HOST"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			ep, err := resolve(c.o)
			if c.err != "" {
				var config *ConfigError
				if !errors.As(err, &config) {
					t.Fatalf("%T %v", err, err)
				}
				wantError(t, err, c.err, c.fix)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			tls := ""
			if ep.tls != nil {
				tls = map[bool]string{true: "skip", false: "verify"}[ep.tls.InsecureSkipVerify]
			}
			if ep.host != c.host || ep.origin != c.origin || tls != c.tls {
				t.Errorf("%q from %q with TLS %q", ep.host, ep.origin, tls)
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

// Without any setting the first socket that exists is taken.
func TestFirstSocket(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("no unix sockets by default")
	}
	home := t.TempDir()
	run := filepath.Join(home, "run")
	o := Options{Getenv: environment("HOME="+home, "XDG_RUNTIME_DIR="+run)}
	missing := endpoint{host: "unix://" + filepath.Join(home, "docker.sock"), origin: "platform default"}
	users := o.otherSockets()[:4] // the last is the machine's own
	if got := firstSocket(missing, users); got.host != missing.host || len(got.looked) != 4 {
		t.Errorf("none: %+v", got)
	}
	// From the last to the first: each new one wins over those before.
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
		if got := firstSocket(missing, users); got.host != "unix://"+c.path || got.origin != c.origin {
			t.Errorf("%s: %+v", c.origin, got)
		}
	}
}
