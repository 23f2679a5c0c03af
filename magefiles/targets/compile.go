package targets

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"github.com/magefile/mage/mg"

	"github.com/fromscratch-go/fromscratch/magefiles/targets/internal/plaintext"
)

// goCommand runs the go command for a worker.
type goCommand struct {
	source source
	dir    string
}

// build compiles the worker to a file. It first counts the packages if there is somebody to tell it to.
func (g goCommand) build(ctx context.Context, output string, p *progress) error {
	if p != nil {
		var names bytes.Buffer
		if err := g.run(ctx, &names, p.line, "list", "-deps", workerPackage); err != nil {
			return err
		}
		p.compiling(bytes.Count(names.Bytes(), []byte("\n")))
	}
	// The worker needs no debug information: a panic prints names and lines without it.
	return g.run(ctx, nil, p.line, "build", "-v", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", output, workerPackage)
}

// run runs the go command. progress gets each line of stderr, and reports whether it was about the progress.
func (g goCommand) run(ctx context.Context, stdout *bytes.Buffer, progress func(string) bool, args ...string) error {
	cmd := exec.CommandContext(ctx, mg.GoCmd(), args...)
	cmd.Dir, cmd.Env = g.dir, g.environ(os.Environ())
	cmd.WaitDelay = 2 * time.Second // a program that the go command has left may hold its output
	ownGroup(cmd)
	lines := &lineWriter{use: progress}
	cmd.Stderr = lines
	if stdout != nil {
		cmd.Stdout = stdout
	}
	err := cmd.Run()
	if err == nil {
		return nil
	}
	said := strings.TrimSpace(lines.rest())
	return fmt.Errorf("compiling the worker %q of %s: %w\n%s%s", workerPackage, g.source.text, err, plaintext.Output(said), g.fix(said))
}

// environ returns the environment of the go command. The worker runs on this machine, whatever the program is built for, and
// needs no C. What says where modules come from, and how they are checked, is the user's (GOPROXY, GOPRIVATE, GONOSUMDB …).
func (g goCommand) environ(environ []string) []string {
	env := append(environ, "GOOS="+runtime.GOOS, "GOARCH="+runtime.GOARCH, "CGO_ENABLED=0", "GO111MODULE=on")
	return append(env, g.source.env...)
}

// fix returns the last line of an error for what the go command said, with a newline before it, or "".
func (g goCommand) fix(said string) string {
	has := func(texts ...string) bool {
		for _, t := range texts {
			if strings.Contains(said, t) {
				return true
			}
		}
		return false
	}
	switch {
	case has("SECURITY ERROR"):
		return "" // the go command says more
	case has("no space left on device", "disk quota exceeded"):
		return "\nfix: free space in the folders of go env GOCACHE, GOMODCACHE and GOTMPDIR, and in the cache folder of the user; what was half written is removed"
	case has("requires go >="):
		return "\nfix: use a newer Go, or let this one get it (unset GOTOOLCHAIN)"
	case g.source.fix != "":
		return "\nfix: let the go command reach a module proxy (go env GOPROXY), or " + strings.TrimPrefix(g.source.fix, "fix: ")
	case has("vendor"):
		return "\nfix: go mod vendor"
	case has("go mod tidy", "no required module", "missing go.sum entry", "go get "):
		return "\nfix: go mod tidy"
	}
	return ""
}

// plainFlags returns GOFLAGS without flags that are meant for the program in the image: some need cgo, some do not build a program.
func plainFlags(goflags string) string {
	var kept []string
	for _, word := range strings.Fields(goflags) {
		name, _, _ := strings.Cut(strings.TrimLeft(word, "-"), "=")
		switch name {
		case "race", "msan", "asan", "buildmode", "linkshared", "cover":
			continue
		}
		kept = append(kept, word)
	}
	return strings.Join(kept, " ")
}

// lineWriter passes each line to use. It keeps the lines for which use returns false.
type lineWriter struct {
	use     func(line string) bool
	partial []byte
	kept    strings.Builder
}

func (w *lineWriter) Write(p []byte) (int, error) {
	w.partial = append(w.partial, p...)
	for {
		line, after, found := bytes.Cut(w.partial, []byte("\n"))
		if !found {
			return len(p), nil
		}
		w.add(string(line))
		w.partial = after
	}
}

func (w *lineWriter) add(line string) {
	if !w.use(line) {
		w.kept.WriteString(line + "\n")
	}
}

// rest returns the kept lines, with the last one even if it has no end.
func (w *lineWriter) rest() string {
	if len(w.partial) > 0 {
		w.add(string(w.partial))
		w.partial = nil
	}
	return w.kept.String()
}
