package docker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/containerd/errdefs"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/docker/dockertest"
	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
)

// newBuilder starts a container of the test image, which has only a program. The test must remove it.
func newBuilder(t *testing.T, e *Engine, change func(*BuilderRequest)) *Builder {
	t.Helper()
	req := builderRequest(t, e)
	if change != nil {
		change(&req)
	}
	b, err := e.StartBuilder(context.Background(), req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for range 2 { // the second time it is gone, which is no error
			if err := b.Remove(context.Background()); err != nil {
				t.Error(err)
			}
		}
		eventually(t, "the container is gone", func() bool { return isGone(e, b.ID) })
	})
	return b
}

// builderRequest returns a request for a container of an image that it loads for the test.
func builderRequest(t *testing.T, e *Engine) BuilderRequest {
	t.Helper()
	program, err := os.ReadFile(testkit.Program(t, "../attendant/program"))
	if err != nil {
		t.Fatal(err)
	}
	run := newRun(t, e, (&testImage{}).build(t).load(t, e))
	return BuilderRequest{
		Image: run.Image, Name: run.Name, Labels: run.Labels, Network: run.Network,
		Attendant: program, AttendantPath: "/.tools/attendant", Memory: []string{"/secrets"}, Folders: []string{"/out"},
	}
}

func isGone(e *Engine, id string) bool {
	_, err := e.api.ContainerInspect(context.Background(), id)
	return errdefs.IsNotFound(err)
}

// If the engine makes a container and its answer is lost, the container is found by its mark and removed.
func TestBuilderLostAnswer(t *testing.T) {
	t.Parallel()
	e := openEngine(t)
	req := builderRequest(t, e)
	proxy := forwarder(t, e)
	var made atomic.Int32
	proxy.ModifyResponse = func(r *http.Response) error {
		if strings.HasSuffix(r.Request.URL.Path, "/containers/create") && r.StatusCode == http.StatusCreated {
			made.Add(1)
			panic(http.ErrAbortHandler)
		}
		return nil
	}
	b, err := behind(t, proxy, func(http.ResponseWriter, *http.Request) bool { return false }).StartBuilder(context.Background(), req)
	if err == nil {
		t.Error("there is no error", b.Remove(context.Background()))
	}
	if made.Load() == 0 {
		t.Fatal("no container was made")
	}
	if !isGone(e, req.Name) {
		t.Errorf("the container %q is left", req.Name)
		t.Cleanup(func() { _ = e.remove(context.Background(), req.Name) })
	}
}

func TestBuilderExec(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, e *Engine) {
		ctx := context.Background()
		b := newBuilder(t, e, nil)
		for _, row := range []struct {
			name           string
			command        BuilderCommand
			code           int
			stdout, stderr string
		}{
			{"both streams", BuilderCommand{Args: []string{"/program", "output"}}, 0, "one to stdout\ntwo to stdout\n", "one to stderr\n"},
			{"exit code", BuilderCommand{Args: []string{"/program", "exit", "9"}}, 9, "", ""},
			{"environment", BuilderCommand{Args: []string{"/program", "env", "WORD"}, Env: []string{"WORD=two words"}}, 0, "two words\n", ""},
			{"found in PATH", BuilderCommand{Args: []string{"program", "exit", "3"}, Env: []string{"PATH=/nowhere:/"}}, 3, "", ""},
			{"not there", BuilderCommand{Args: []string{"gcc"}, Env: []string{"PATH=/"}}, 127, "", "attendant: run: exec: \"gcc\": executable file not found in $PATH\n"},
		} {
			t.Run(row.name, func(t *testing.T) {
				var stdout, stderr bytes.Buffer
				row.command.Stdout, row.command.Stderr = &stdout, &stderr
				code, err := b.Exec(ctx, row.command)
				if err != nil || code != row.code || stdout.String() != row.stdout || stderr.String() != row.stderr {
					t.Errorf("%d, %v, stdout %q, stderr %q", code, err, stdout.String(), stderr.String())
				}
			})
		}
		if found, err := b.Look(ctx, []string{"PATH=/nowhere:/.tools"}, "attendant"); found != "/.tools/attendant" || err != nil {
			t.Errorf("found %q, %v", found, err)
		}
		if found, err := b.Look(ctx, []string{"PATH=/"}, "none"); found != "" || err != nil {
			t.Errorf("found %q, %v", found, err)
		}
		var names bytes.Buffer
		if err := b.List(ctx, &names, "/"); err != nil || !strings.Contains(names.String(), " /program\x00\x00") || strings.Contains(names.String(), "attendant") || strings.Contains(names.String(), " /proc/") {
			t.Errorf("%v, names:\n%s", err, names.String())
		}
	})
}

// CopyOut returns the file, and a secret is in no layer.
func TestBuilderFiles(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, e *Engine) {
		ctx := context.Background()
		b := newBuilder(t, e, nil)
		var size int64
		err := b.CopyOut(ctx, "/program", func(r io.Reader, n int64, mode fs.FileMode) error {
			size = n
			got, err := io.Copy(io.Discard, r)
			if got != n || mode.Perm() != 0o755 {
				t.Errorf("%d bytes of %d, %s", got, n, mode)
			}
			return err
		})
		if err != nil || size == 0 {
			t.Error(err)
		}
		never := func(io.Reader, int64, fs.FileMode) error { return errors.New("called") }
		if err := b.CopyOut(ctx, "/none", never); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("got %v", err)
		}
		var names []string
		err = b.Read(ctx, []string{"/program", "/etc/salt"}, func(name string, r io.Reader) error {
			names = append(names, name)
			n, err := io.Copy(io.Discard, r)
			if name == "/program" && n != size {
				t.Errorf("%d bytes of %d", n, size)
			}
			return err
		})
		if err != nil || strings.Join(names, " ") != "/program /etc/salt" {
			t.Errorf("read %q, %v", names, err)
		}
		if err := b.Read(ctx, []string{"/none"}, func(string, io.Reader) error { return nil }); err == nil || !strings.Contains(err.Error(), "/none") {
			t.Errorf("got %v", err)
		}
		full := errors.New("disk full")
		if err := b.Read(ctx, []string{"/program"}, func(string, io.Reader) error { return full }); !errors.Is(err, full) {
			t.Errorf("got %v", err)
		}
		if err := b.CopyOut(ctx, "/out", never); err == nil || !strings.Contains(err.Error(), "not a file") {
			t.Errorf("got %v", err)
		}
		if err := b.WriteSecret(ctx, "/secrets/a/b", []byte("hunter2")); err != nil {
			t.Fatal(err)
		}
		var list bytes.Buffer
		if err := b.List(ctx, &list, "/"); err != nil || strings.Contains(list.String(), "/secrets/a") {
			t.Errorf("%v: the secret is in a layer:\n%s", err, list.String())
		}
		changes, err := e.api.ContainerDiff(ctx, b.ID)
		for _, c := range changes {
			if strings.HasPrefix(c.Path, "/secrets/") {
				t.Errorf("%s is in a layer", c.Path)
			}
		}
		if err != nil {
			t.Error(err)
		}
	})
}

// With mounts and with copies, a command sees the current files and none that are gone.
func TestBuilderSync(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, e *Engine) {
		for _, copied := range []bool{false, true} {
			t.Run(fmt.Sprintf("copied %t", copied), func(t *testing.T) {
				ctx, dir := context.Background(), t.TempDir()
				write := func(name, text string) {
					t.Helper()
					path := filepath.Join(dir, name)
					if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o600)); err != nil {
						t.Fatal(err)
					}
				}
				write("go.mod", "module a")
				write("part/a.go", "package part")
				write(".git/config", "secret")
				b := newBuilder(t, e, func(r *BuilderRequest) {
					r.Copy, r.Binds = copied, []Bind{{Host: dir, Container: dir, ReadOnly: true}}
					r.Skip = func(host string) bool { return filepath.Base(host) == ".git" }
				})
				if (b.Copied != nil) != copied {
					t.Fatalf("copied: %v", b.Copied)
				}
				there := func(name string) bool {
					t.Helper()
					if err := b.Sync(ctx); err != nil {
						t.Fatal(err)
					}
					_, err := e.api.ContainerStatPath(ctx, b.ID, filepath.Join(dir, name))
					return err == nil
				}
				if !there("part/a.go") || there(".git/config") == copied {
					t.Error("the wrong files are there")
				}
				write("part/b.go", "package part")
				write("odd\n"+dir+"/go.mod", "a name of two lines")
				if !there("odd\n" + dir + "/go.mod") {
					t.Error("a name of two lines is not there")
				}
				if err := errors.Join(os.Remove(filepath.Join(dir, "part/a.go")), os.RemoveAll(filepath.Join(dir, "odd\n"))); err != nil {
					t.Fatal(err)
				}
				if there("odd\n"+dir+"/go.mod") || !there("go.mod") {
					t.Error("of a name of two lines the wrong one is removed")
				}
				if there("part/a.go") || !there("part/b.go") {
					t.Error("the files are those from before")
				}
			})
		}
	})
}

// An engine with an old copy of the sources at the same path, as rsync leaves it, gets the files. The proof is removed.
func TestBuilderProof(t *testing.T) {
	t.Parallel()
	e := openEngine(t)
	for _, row := range []struct {
		name  string
		far   bool
		dist  bool // is there
		proof string
	}{
		{"here", false, false, "dist"},
		{"here, with a folder", false, true, "dist"},
		{"a copy", true, false, "dist"},
		{"a copy, with a folder", true, true, "dist"},
		{"here, elsewhere", false, false, "../dist"},
	} {
		t.Run(row.name, func(t *testing.T) {
			dir, other, engine := filepath.Join(t.TempDir(), "here"), filepath.Join(t.TempDir(), "there"), e
			err := os.MkdirAll(filepath.Join(dir, map[bool]string{true: "dist"}[row.dist]), 0o755)
			if err = errors.Join(err, os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module a"), 0o644)); err != nil {
				t.Fatal(err)
			}
			if out, err := exec.Command("cp", "-a", dir, other).CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			if row.far {
				engine = elsewhere(t, e, dir, other)
			}
			b := newBuilder(t, engine, func(r *BuilderRequest) {
				r.Binds, r.Proof = []Bind{{Host: dir, Container: "/src", ReadOnly: true}}, filepath.Join(dir, row.proof)
			})
			if (b.Copied != nil) != row.far || row.far && !strings.Contains(b.Copied.Error(), "does not see what was just written") {
				t.Errorf("copied: %v", b.Copied)
			}
			left, err := os.ReadDir(filepath.Join(dir, "dist"))
			if len(left) > 0 || (err == nil) != row.dist {
				t.Errorf("left are %v (%v)", left, err)
			}
		})
	}
}

// The end of ctx ends the command, even one that ignores signals, but not the container.
func TestBuilderExecCancel(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, e *Engine) {
		b := newBuilder(t, e, nil)
		ctx, stop := context.WithCancelCause(context.Background())
		defer stop(nil)
		why := errors.New("nobody waits")
		out := &lines{ready: func() { stop(why) }}
		if _, err := b.Exec(ctx, BuilderCommand{Args: []string{"/program", "stubborn"}, Stdout: out}); !errors.Is(err, why) {
			t.Errorf("got %v", err)
		}
		top, err := e.api.ContainerTop(context.Background(), b.ID, nil)
		if errors.Is(err, io.EOF) {
			err = nil // podman says nothing
		}
		if err != nil || strings.Contains(fmt.Sprint(top.Processes), "stubborn") {
			t.Errorf("the command runs on: %v, %v", top.Processes, err)
		}
		if code, err := b.Exec(context.Background(), BuilderCommand{Args: []string{"/program", "exit", "4"}}); code != 4 || err != nil {
			t.Errorf("afterwards: %d, %v", code, err)
		}
	})
}

// When the process that started a container ends in any way, the container and its commands end.
func TestBuilderAlone(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, e *Engine) {
		b := newBuilder(t, e, nil)
		ended := make(chan error, 1)
		out := &lines{ready: func() { b.alive.Close() }} // as the kernel does for a process that was killed
		go func() {
			_, err := b.Exec(context.Background(), BuilderCommand{Args: []string{"/program", "stubborn"}, Stdout: out})
			ended <- err
		}()
		<-ended
		eventually(t, "the container is gone", func() bool { return isGone(e, b.ID) })
		if _, err := b.Exec(context.Background(), BuilderCommand{Args: []string{"/program"}}); !errors.Is(err, ErrNotRunning) {
			t.Errorf("got %v", err)
		}
	})
}

func TestPullFailure(t *testing.T) {
	t.Parallel()
	e := openEngine(t)
	dockertest.WantError(t, e.Pull(context.Background(), "localhost:1/fromscratch-test/none:1", Platform{}, nil), "localhost:1", "docker login")
	dockertest.WantError(t, e.Pull(context.Background(), "No Reference", Platform{}, nil), "No Reference", "golang:1.26-bookworm")
	ctx, stop := context.WithCancelCause(context.Background())
	why := errors.New("nobody waits")
	stop(why)
	if err := e.Pull(ctx, "localhost:1/fromscratch-test/none:1", Platform{}, nil); !errors.Is(err, why) {
		t.Errorf("got %v", err)
	}
}

func TestFollowPull(t *testing.T) {
	t.Parallel()
	const stream = `{"status":"Pulling from library/golang","id":"1.26"}
{"status":"Pulling fs layer","id":"a"}
{"status":"Pulling fs layer","id":"b"}
{"status":"Downloading","id":"a","progressDetail":{"current":1,"total":2}}
{"status":"Pull complete","id":"a"}
{"status":"Pull complete","id":"b"}
`
	var said []string
	if err := followPull(strings.NewReader(stream), func(s string) { said = append(said, s) }); err != nil || strings.Join(said, "; ") != "1 of 2 layers; 2 of 2 layers" {
		t.Errorf("%q, %v", said, err)
	}
	if err := followPull(strings.NewReader(stream+`{"errorDetail":{"message":"no space"},"error":"no space"}`), nil); err == nil || !strings.Contains(err.Error(), "no space") {
		t.Errorf("got %v", err)
	}
}

// An engine quotes signed addresses. The error leaves out the signatures.
func TestPullShowsNoSignature(t *testing.T) {
	err := pullFix(errors.New(`Get "https://s3.example/blob?X-Amz-Credential=key&X-Amz-Signature=s1gned": EOF`))
	if text := err.Error(); strings.Contains(text, "s1gned") || !strings.Contains(text, `"https://s3.example/blob?•••": EOF`) {
		t.Errorf("error %q", text)
	}
}

// An engine quotes the web page of a host that is no registry. The error leaves it out.
func TestPullShowsNoPage(t *testing.T) {
	err := pullFix(errors.New("error parsing HTTP 404 response body: invalid character '<' looking for beginning of value: \"<!DOCTYPE html>\\n<html><head><title>Welcome</title></head>It works!</html>\""))
	if got := err.Error(); strings.Contains(got, "It works!") || !strings.Contains(got, "404") || !strings.Contains(got, "Welcome") {
		t.Errorf("the error is %q", got)
	}
}

func TestCredentials(t *testing.T) {
	dir := t.TempDir()
	helper := "#!/bin/sh\nread host\n[ $host = helped.example ] && echo '{\"Username\":\"helped\",\"Secret\":\"word\"}' || { echo credentials not found in native keychain; exit 1; }\n"
	config := `{"auths": {"https://index.docker.io/v1/": {"auth": "aHViOndvcmQ="}, "https://reg.example/": {"auth": "cmVnOndvcmQ="}, "broken.example": {"auth": "!"}, "token.example": {"identitytoken": "tok"}},
		"credHelpers": {"helped.example": "fromscratch-test", "empty.example": "fromscratch-test", "absent.example": "fromscratch-absent"}}`
	err := errors.Join(os.WriteFile(filepath.Join(dir, "docker-credential-fromscratch-test"), []byte(helper), 0o755),
		os.WriteFile(filepath.Join(dir, "config.json"), []byte(config), 0o600))
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	for _, row := range []struct{ domain, user, password, token, fails string }{
		{"docker.io", "hub", "word", "", ""},
		{"reg.example", "reg", "word", "", ""},
		{"token.example", "", "", "tok", ""},
		{"other.example", "", "", "", ""},
		{"helped.example", "helped", "word", "", ""},
		{"empty.example", "", "", "", ""},
		{"broken.example", "", "", "", "broken.example"},
		{"absent.example", "", "", "", "fromscratch-absent"},
	} {
		t.Run(row.domain, func(t *testing.T) {
			got, err := configFolder(dir).credentials(context.Background(), row.domain, row.domain+"/acme/hello")
			if got.Username != row.user || got.Password != row.password || got.IdentityToken != row.token {
				t.Errorf("got %+v", got)
			}
			if (err != nil) != (row.fails != "") || err != nil && !strings.Contains(err.Error(), row.fails) {
				t.Errorf("got %v", err)
			}
		})
	}
	if got, err := configFolder(t.TempDir()).credentials(context.Background(), "reg.example", "reg.example/acme/hello"); got.Username != "" || err != nil {
		t.Errorf("without a file: %v", err)
	}
}
