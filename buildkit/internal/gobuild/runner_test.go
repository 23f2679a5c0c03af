package gobuild_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/gobuild"
	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
)

// elsewhere is a Runner in another folder of this machine.
type elsewhere struct {
	scratch string
	broken  error // if set, no command can be run

	mu  sync.Mutex
	ran []string
}

func (e *elsewhere) Run(ctx context.Context, c gobuild.Command) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.ran = append(e.ran, strings.Join(c.Args[:min(2, len(c.Args))], " "))
	if e.broken != nil {
		return e.broken
	}
	cmd := exec.CommandContext(ctx, c.Args[0], c.Args[1:]...)
	cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = c.Env, c.Dir, c.Stdout, c.Stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return &gobuild.ExitError{Code: exit.ExitCode()}
	}
	return err
}

func (e *elsewhere) Look(_ context.Context, _ []string, name string) (string, error) {
	found, err := exec.LookPath(name)
	if err != nil {
		return "", nil
	}
	return found, nil
}

func (e *elsewhere) Scratch() string { return e.scratch }

func (e *elsewhere) Fetch(_ context.Context, name string, use func(io.Reader) error) error {
	content, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	return use(bytes.NewReader(content))
}

// The Runner runs all commands for a program, and the result is the same as without a Runner.
func TestRunner(t *testing.T) {
	t.Parallel()
	need(t, "gcc")
	dir := files{
		"go.mod":            mod,
		"csum/csum.go":      csum,
		"cmd/plain/main.go": main,
		"cmd/other/main.go": main,
		"cmd/c/main.go": `package main

import "example.com/app/csum"

func main() { println(csum.Sum(1, 2)) }
`,
	}.write(t)
	e := &elsewhere{scratch: t.TempDir()}
	g, here := goIn(dir), goIn(dir)
	g.Runner = e
	m, err := g.Module(ctx(t))
	if err != nil || m.Dir != dir {
		t.Fatalf("%+v, %v", m, err)
	}
	mains, err := g.Mains(ctx(t), linux, gobuild.Options{})
	if err != nil || len(mains) != 3 {
		t.Fatalf("%+v, %v", mains, err)
	}
	outputs := t.TempDir()
	var theirs, ours []gobuild.Request
	for _, m := range mains {
		theirs = append(theirs, gobuild.Request{Main: m, Output: filepath.Join(outputs, "there", m.Name), Target: linux})
		ours = append(ours, gobuild.Request{Main: m, Output: filepath.Join(outputs, "here", m.Name), Target: linux})
		for _, file := range m.Sources.Files { // this machine's toolchain is no source
			if !strings.HasPrefix(file, dir) {
				t.Errorf("%s is a source", file)
			}
		}
	}
	if _, err := g.BuildAll(ctx(t), outputs, theirs); err != nil {
		t.Fatal(err)
	}
	e.ran = append(e.ran, "--")
	if _, err := here.BuildAll(ctx(t), outputs, ours); err != nil {
		t.Fatal(err)
	}
	for i := range ours {
		a, errA := os.ReadFile(theirs[i].Output)
		b, errB := os.ReadFile(ours[i].Output)
		if errA != nil || errB != nil || !bytes.Equal(a, b) {
			t.Errorf("%s is not the same: %v, %v", mains[i].Name, errA, errB)
		}
	}
	if !slices.Contains(e.ran, "go build") || !slices.Contains(e.ran, "go list") || e.ran[len(e.ran)-1] != "--" {
		t.Errorf("ran %q", e.ran)
	}
}

// lying is a Runner whose go command claims that the sources are in another folder of this machine.
type lying struct {
	*elsewhere
	from, to string
}

func (l lying) Run(ctx context.Context, c gobuild.Command) error {
	var out bytes.Buffer
	stdout := c.Stdout
	c.Stdout = &out
	if err := l.elsewhere.Run(ctx, c); err != nil {
		return err
	}
	_, err := io.WriteString(stdout, strings.ReplaceAll(out.String(), l.from, l.to))
	return err
}

// A Runner's go command cannot make Mains look at other folders of this machine.
func TestRunnerLies(t *testing.T) {
	t.Parallel()
	need(t, "gcc")
	sources := files{
		"go.mod": mod,
		"main.go": `package main

import _ "embed"

// #cgo CFLAGS: -I${SRCDIR}/include
import "C"

//go:embed words/a.txt
var words string

func main() { println(words) }
`,
		"words/a.txt": "a",
		"include/a.h": "// a\n",
	}
	dir, private := sources.write(t), sources.write(t)
	g := goIn(dir)
	g.Runner = lying{&elsewhere{scratch: t.TempDir()}, dir, private}
	mains, err := g.Mains(ctx(t), linux, gobuild.Options{})
	if err != nil || len(mains) != 1 {
		t.Fatalf("%+v, %v", mains, err)
	}
	src := mains[0].Sources
	for _, path := range slices.Concat(src.Folders, src.Trees, src.Cgo, src.Files, src.Headers, []string{src.Module}) {
		if strings.HasPrefix(path, private) {
			t.Errorf("%q is a source", path)
		}
	}
	// True paths are sources.
	g.Runner = &elsewhere{scratch: t.TempDir()}
	if mains, err = g.Mains(ctx(t), linux, gobuild.Options{}); err != nil || len(mains) != 1 {
		t.Fatalf("%+v, %v", mains, err)
	}
	src = mains[0].Sources
	if !slices.Contains(src.Folders, dir) || !slices.Contains(src.Headers, filepath.Join(dir, "include")) || !slices.Contains(src.Trees, filepath.Join(dir, "words/a.txt")) || src.Module != dir {
		t.Errorf("the sources are %+v", src)
	}
}

// If a Runner's go command names an endless device as go.mod, it is not read.
func TestRunnerNamesDevice(t *testing.T) {
	t.Parallel()
	large := files{"go.mod": mod}.write(t)
	if err := os.Truncate(filepath.Join(large, "go.mod"), 1<<40); err != nil {
		testkit.Skip(t, err.Error())
	}
	for _, name := range []string{"/dev/full", filepath.Join(large, "go.mod"), large} {
		dir := files{"go.mod": mod, "main.go": main}.write(t)
		g := goIn(dir)
		g.Runner = lying{&elsewhere{scratch: t.TempDir()}, filepath.Join(dir, "go.mod"), name}
		if m, err := g.Module(ctx(t)); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %+v, %v", name, m, err)
		}
		if _, err := g.Mains(ctx(t), linux, gobuild.Options{}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A command that could not be run is no compile error, and leaves nothing behind.
func TestRunnerBroken(t *testing.T) {
	t.Parallel()
	dir := files{"go.mod": mod, "main.go": main}.write(t)
	g := goIn(dir)
	m := find(t, g, linux, gobuild.Options{})
	lost := errors.New("the engine is gone")
	g.Runner = &elsewhere{scratch: t.TempDir(), broken: lost}
	output := filepath.Join(t.TempDir(), "app")
	_, err := g.Build(ctx(t), gobuild.Request{Main: m, Output: output, Target: linux})
	var command *gobuild.CommandError
	if !errors.Is(err, lost) || errors.As(err, &command) {
		t.Errorf("got %v", err)
	}
	if entries, err := os.ReadDir(filepath.Dir(output)); err != nil || len(entries) > 0 {
		t.Errorf("left: %v, %v", entries, err)
	}
}

func TestSourceFolders(t *testing.T) {
	t.Parallel()
	root := files{
		"app/go.mod": `module example.com/app

replace example.com/near => ../near

replace (
	example.com/in => ./in
	example.com/far v1.0.0 => example.com/fork v1.0.0
)
`,
		"app/cmd/x/x.go": main,
		"app/in/go.mod":  "module example.com/in\n",
		"near/go.mod": `module example.com/near

replace example.com/y => ../ignored
`,
		"ignored/go.mod": "module example.com/y\n",
		"work/go.work": `go 1.23

use (
	./a
	../near
)
`,
		"work/a/go.mod": "module example.com/a\n",
		"apple/go.mod":  "module example.com/apple\n",
		"words/go.work": `go 1.23

newer than this parser // ./apple

use bare
`,
		"words/bare/go.mod": `module example.com/bare

require (
	example.com/near main
	example.com/b/v2 main
	gopkg.in/c.v3 main
)

replace example.com/near => "../../with space"
`,
		"with space/go.mod": "module example.com/near\n",
	}.write(t)
	for _, row := range []struct {
		name, dir string
		env       []string
		want      []string // below root
	}{
		{"module", "app", nil, []string{"app", "near"}},
		{"folder of a module", "app/cmd/x", nil, []string{"app", "near"}},
		{"workspace", "work/a", nil, []string{"ignored", "near", "work"}},
		{"workspace that is off", "work/a", []string{"GOWORK=off"}, []string{"work/a"}},
		{"quoted, and without a dot", "words", nil, []string{"with space", "words"}},
		{"workspace elsewhere", "apple", []string{"GOWORK=" + filepath.Join(root, "work/go.work")}, []string{"apple", "ignored", "near", "work"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, err := gobuild.SourceFolders(filepath.Join(root, row.dir), row.env)
			for i := range got {
				got[i], _ = strings.CutPrefix(got[i], root+"/")
			}
			if err != nil || !slices.Equal(got, row.want) {
				t.Errorf("got %q, %v, want %q", got, err, row.want)
			}
		})
	}
	if _, err := gobuild.SourceFolders(t.TempDir(), nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a module: %v", err)
	}
}
