//go:build unix

package gobuild_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/gobuild"
	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
)

// stuck replaces the go command by one that ignores signals during a build. It passes
// other commands on.
const stuck = `#!/bin/sh
case "$1" in build) ;; *) exec go "$@" ;; esac
trap '' INT
exec 9>'%PIPE%'
echo $$ >&9
exec sleep 1000
`

// slow is a slow compiler for -toolexec: it writes its pid to a pipe, which stays
// open as long as it or its child lives, and waits. It passes everything on except
// the compilation of the main.
const slow = `#!/bin/sh
case "$*" in */compile*"-p main"*) ;; *) exec "$@" ;; esac
%TRAP%
exec 9>'%PIPE%'
echo $$ >&9
exec sleep 1000
`

// A cancelled build ends at once, and leaves no process and no incomplete program.
func TestBuildCancelled(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		trap  string // for the compiler
		stuck bool   // the go command
	}{
		"the compiler ends":       {},
		"the compiler does not":   {trap: "trap '' INT"},
		"the go command does not": {stuck: true}, // needs the whole grace time
	} {
		t.Run(name, func(t *testing.T) {
			tmp := t.TempDir()
			g := goIn(files{"go.mod": mod, "main.go": main}.write(t), "GOTMPDIR="+tmp)
			m := find(t, g, linux, gobuild.Options{})
			r := gobuild.Request{Main: m, Output: filepath.Join(t.TempDir(), "app"), Target: linux}
			if _, err := g.Build(ctx(t), r); err != nil {
				t.Fatal(err)
			}
			files{"main.go": main + "\n// changed for " + name + strconv.Itoa(os.Getpid()) + "\nvar _ = 1\n"}.writeTo(t, g.Dir)

			ctx, cancel := context.WithCancelCause(ctx(t))
			why := errors.New("enough")
			ended := make(chan struct{})
			pipe := filepath.Join(t.TempDir(), "pipe")
			if err := syscall.Mkfifo(pipe, 0o600); err != nil {
				t.Fatal(err)
			}
			go func() {
				defer close(ended)
				watch(t, pipe, func() { cancel(why) })
			}()

			fill := strings.NewReplacer("%TRAP%", tt.trap, "%PIPE%", pipe)
			if tt.stuck {
				g.Command = script(t, fill.Replace(stuck))
			} else {
				r.Options.Flags = []string{"-toolexec=" + script(t, fill.Replace(slow))}
			}
			b, err := g.Build(ctx, r)
			if b != nil || !errors.Is(err, why) {
				t.Errorf("got %+v, %v; want %v", b, err, why)
			}
			select {
			case <-ended:
			case <-time.After(testkit.Patience):
				t.Error("a compiler outlived the build")
			}
			if out := run(t, r.Output); out != "hello" {
				t.Errorf("the earlier program says %q", out)
			}
			if left, err := os.ReadDir(tmp); err != nil || len(left) > 0 {
				t.Errorf("left in the temporary folder: %v, %v", left, err)
			}
		})
	}
}

// watch reads the compiler's pid, calls started, and returns when no process has the
// pipe open any more.
func watch(t *testing.T, pipe string, started func()) {
	f, err := os.OpenFile(pipe, os.O_RDONLY, 0) // waits for the writer
	if err != nil {
		t.Error(err)
		return
	}
	defer f.Close()
	in := bufio.NewReader(f)
	line, err := in.ReadString('\n')
	pid, convErr := strconv.Atoi(strings.TrimSpace(line))
	if err != nil || convErr != nil {
		t.Errorf("the compiler said %q: %v", line, err)
	}
	t.Cleanup(func() { // for a failed test
		if pid > 1 && t.Failed() {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	})
	started()
	if _, err := io.Copy(io.Discard, in); err != nil {
		t.Error(err)
	}
}

// script writes an executable file.
func script(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestCancelledBefore(t *testing.T) {
	t.Parallel()
	g := goIn(files{"go.mod": mod, "main.go": main}.write(t))
	ctx, cancel := context.WithCancel(ctx(t))
	cancel()
	if _, err := g.Module(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Module: %v", err)
	}
	if _, err := g.Mains(ctx, linux, gobuild.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("Mains: %v", err)
	}
	if _, err := g.Build(ctx, gobuild.Request{Main: gobuild.Main{ImportPath: "example.com/app"}, Output: "app", Target: linux}); !errors.Is(err, context.Canceled) {
		t.Errorf("Build: %v", err)
	}
}
