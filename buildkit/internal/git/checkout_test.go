package git

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
)

// gitIn runs git in a folder, without the user's settings.
func gitIn(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir, cmd.Env = dir, environ()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %q: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

func environ() []string {
	return append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null",
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.com")
}

func read(t *testing.T, dir string) Checkout {
	t.Helper()
	c, err := Read(context.Background(), dir, environ(), "noise.go")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// A working tree, starting before its first commit.
func TestRead(t *testing.T) {
	t.Parallel()
	testkit.Need(t, "git")
	dir := t.TempDir()
	if c := read(t, dir); c != (Checkout{}) {
		t.Errorf("without git, Read returns %+v", c)
	}
	gitIn(t, dir, "init", "-q")
	sub := filepath.Join(dir, "cmd", "app")
	if err := os.MkdirAll(sub, 0o755); err != nil {
		t.Fatal(err)
	}
	touch := func(name string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	touch("cmd/app/main.go")
	if c := read(t, sub); c != (Checkout{Dirty: true}) {
		t.Errorf("before the first commit, Read returns %+v", c)
	}
	gitIn(t, dir, "add", ".")
	gitIn(t, dir, "commit", "-q", "-m", "first")
	head := gitIn(t, dir, "rev-parse", "HEAD")
	touch("cmd/noise.go") // written by mage
	if c := read(t, sub); c != (Checkout{Commit: head}) || c.Revision() != head {
		t.Errorf("after the first commit, Read returns %+v", c)
	}
	gitIn(t, dir, "tag", "v1.9.0")
	gitIn(t, dir, "tag", "v1.10.0")
	gitIn(t, dir, "remote", "add", "origin", "https://user:secret@github.com/acme/app.git?token=secret")
	want := Checkout{Commit: head, Tag: "v1.10.0", Remote: "https://github.com/acme/app.git"}
	if c := read(t, sub); c != want {
		t.Errorf("with a tag and a remote, Read returns %+v, want %+v", c, want)
	}
	touch("new.go")
	want.Dirty, want.Tag = true, ""
	c := read(t, sub)
	if c != want || c.Revision() != head+"-dirty" {
		t.Errorf("with a new file, Read returns %+v, want %+v", c, want)
	}
}

// If git fails, Read returns an error and not a tree without commits.
func TestReadBroken(t *testing.T) {
	t.Parallel()
	testkit.Need(t, "git")
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, ".git"), []byte("gitdir: nowhere\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if c, err := Read(context.Background(), dir, environ()); err == nil || !strings.Contains(err.Error(), "nowhere") {
		t.Errorf("Read returns %+v (%v)", c, err)
	}
	if err := os.WriteFile(filepath.Join(dir, ".git"), []byte("gitdir: nowhere\x1b[2J\nfix: forged\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(context.Background(), dir, environ()); err == nil || strings.Contains(err.Error(), "\nfix: ") || strings.Contains(err.Error(), "\x1b") || !strings.Contains(err.Error(), "forged") {
		t.Errorf("the error is %q, want git's words without a fix line of theirs", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Read(ctx, dir, environ()); err == nil {
		t.Error("an ended context was not obeyed")
	}
}

// No setting of a repository has git run a program of the repository's choice, and no variable that is about another repository, or
// about one command of the user, changes an answer.
func TestHostileRepository(t *testing.T) {
	t.Parallel()
	testkit.Need(t, "git")
	dir := t.TempDir()
	ran := filepath.Join(t.TempDir(), "ran")
	gitIn(t, dir, "init", "-q", "-b", "same")
	gitIn(t, dir, "commit", "-q", "--allow-empty", "-m", "first")
	gitIn(t, dir, "tag", "same")
	head := gitIn(t, dir, "rev-parse", "HEAD")
	program := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(program, []byte("#!/bin/sh\necho \"$0\" \"$@\" >>"+ran+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	for key, value := range map[string]string{
		"core.fsmonitor": program, "core.pager": program, "pager.log": program, "log.showSignature": "true", "gpg.program": program, "diff.external": program,
		"core.sshCommand": program, "core.hooksPath": filepath.Dir(program), "alias.status": "!" + program,
		"remote.origin.url": "ssh://git.example/x", "remote.origin.promisor": "true", "remote.origin.partialclonefilter": "blob:none",
		"remote.origin.uploadpack": program, "extensions.partialClone": "origin", "core.repositoryformatversion": "1",
	} {
		gitIn(t, dir, "config", key, value)
	}
	missing := gitIn(t, dir, "-c", "core.fsmonitor=false", "rev-parse", "HEAD^{tree}")
	env := append(environ(), "GIT_LITERAL_PATHSPECS=1", "GIT_COMMON_DIR=/nowhere", "GIT_OBJECT_DIRECTORY=/nowhere", "GIT_TRACE=1")
	c, err := Read(context.Background(), dir, env, "noise.go")
	if want := (Checkout{Commit: head, Tag: "same", Remote: "ssh://git.example/x"}); err != nil || c != want {
		t.Errorf("Read returns %+v, want %+v (%v)", c, want, err)
	}
	r := Open(dir, env)
	for name, ask := range map[string]func(context.Context) (string, error){"tag": r.Tag, "branch": r.Branch, "describe": r.Describe} {
		if text, err := ask(context.Background()); text != "same" || err != nil {
			t.Errorf("the %s is %q (%v)", name, text, err)
		}
	}
	if _, err := r.Time(context.Background()); err != nil {
		t.Error(err)
	}
	// An object that is not there is not fetched.
	gitIn(t, dir, "-c", "core.fsmonitor=false", "update-ref", "refs/keep", head)
	if err := os.RemoveAll(filepath.Join(dir, ".git", "objects", head[:2])); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, env).Time(context.Background()); err == nil {
		t.Error("a commit that is not there has a time")
	}
	if text, err := os.ReadFile(ran); err == nil {
		t.Errorf("git has run %s (tree %s)", text, missing)
	}
}

// A program that git starts cannot hold a run up, and what git answers is bounded.
func TestGitThatHangs(t *testing.T) {
	dir := t.TempDir()
	answer := func(script string) command {
		if err := os.WriteFile(filepath.Join(dir, "git"), []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		return command{dir, os.Environ()}
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	if text, err := answer("sleep 60 & echo yes").run(context.Background(), "status"); text != "yes" || err != nil {
		t.Errorf("got %q (%v)", text, err)
	}
	ctx, stop := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer stop()
	began := time.Now()
	if _, err := answer("sleep 60; echo yes").run(ctx, "status"); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) > 20*time.Second {
		t.Errorf("after %s: %v", time.Since(began), err)
	}
	flood := answer("head -c 100000000 /dev/zero")
	if text, err := flood.run(context.Background(), "tag"); !errors.Is(err, errLarge) || text != "" {
		t.Errorf("got %d bytes (%v)", len(text), err)
	}
	if dirty, err := flood.dirty(context.Background(), nil); !dirty || err != nil {
		t.Errorf("dirty is %v (%v)", dirty, err)
	}
}

func TestPublicAddress(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"https://github.com/acme/app":             "https://github.com/acme/app",
		"https://token@github.com/acme/app.git":   "https://github.com/acme/app.git",
		"https://u:p@example.com:8443/a/b?x=y#z":  "https://example.com:8443/a/b",
		"git@github.com:acme/app.git":             "ssh://github.com/acme/app.git",
		"github.com:acme/app.git":                 "ssh://github.com/acme/app.git",
		"ssh://git@example.com:2222/acme/app.git": "ssh://example.com:2222/acme/app.git",
		"/srv/git/app.git":                        "",
		"../app":                                  "",
		"file:///srv/git/app.git":                 "",
		"https://exa mple.com/":/* no address */ "",
	} {
		if got := publicAddress(address); got != want {
			t.Errorf("%q becomes %q, want %q", address, got, want)
		}
	}
}
