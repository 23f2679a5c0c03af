//go:build mage

// These are the tasks of this repository. Users import package targets instead.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit/buildertest"
	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
	"github.com/fromscratch-go/fromscratch/magefiles/errorlist"
	"github.com/fromscratch-go/fromscratch/magefiles/release"
	"github.com/fromscratch-go/fromscratch/magefiles/testrun"
)

// The linters, at fixed versions. They run from the module proxy and are not dependencies of this module.
const (
	staticcheck = "honnef.co/go/tools/cmd/staticcheck@v0.8.2"
	govulncheck = "golang.org/x/vuln/cmd/govulncheck@v1.1.4"
)

const (
	modulePath = "github.com/fromscratch-go/fromscratch" // of this module
	targetsDir = "magefiles/targets"                     // of the module that users require
)

// Default is the task of "go tool mage" without arguments.
var Default = Test

// Test runs the tests of all packages, which also test the examples, except the heavy ones: see TestHeavy. It prints a
// line for each package and the counts. Images that the tests share stay for the next run: see TestClean.
func Test(ctx context.Context) error {
	return test(ctx,
		testrun.Options{Dir: targetsDir, Module: modulePath + "/" + targetsDir, Args: []string{"./..."}},
		// Packages are tested in this order, one per core: the slowest come first.
		testrun.Options{Args: []string{"-skip", testkit.HeavyPattern, "./magefiles/endtoend", "./buildkit", "./..."}})
}

// TestHeavy runs the tests that take minutes and rarely find what the others miss: large programs compiled from source,
// hundreds of installed programs, other releases of Debian, every recipe. CI runs it after Test. One of these tests alone may
// take more than ten minutes on a busy machine.
func TestHeavy(ctx context.Context) error {
	heavy, err := testFunctions("TestHeavy")
	if err != nil {
		return err
	}
	args := []string{"-run", testkit.HeavyPattern, "./magefiles/endtoend", "./buildkit"} // the slowest come first
	for _, f := range heavy {
		args = append(args, f.pkg)
	}
	return test(ctx, testrun.Options{Args: args, Stall: 30 * time.Minute})
}

// test runs go test once for each Options, also after a failure. If FROMSCRATCH_TEST_RECORD is set, the events are written to that
// file, for magefiles/bench/tests.
func test(ctx context.Context, runs ...testrun.Options) (err error) {
	signals := []os.Signal{syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // nohup wants it ignored
		signals = append(signals, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(ctx, signals...)
	defer stop()
	var record io.Writer
	if path := os.Getenv("FROMSCRATCH_TEST_RECORD"); path != "" {
		f, createErr := os.Create(path)
		if createErr != nil {
			return fmt.Errorf("creating the file in FROMSCRATCH_TEST_RECORD: %w", createErr)
		}
		defer func() { err = errors.Join(err, f.Close()) }()
		record = f
	}
	release, err := testkit.Share()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, release()) }()
	for _, o := range runs {
		o.Record = record
		if o.Module == "" {
			o.Module = modulePath
		}
		// More tests than cores run at once, because many of them wait for an engine. Check vets.
		o.Args = slices.Concat([]string{"-parallel=3", "-vet=off"}, o.Args)
		_, runErr := testrun.Run(ctx, o)
		err = errors.Join(err, runErr)
		if ctx.Err() != nil {
			break
		}
	}
	return err
}

// Errors writes docs/errors.md, the list of all errors that have a fix.
func Errors() error {
	text, err := errorlist.Markdown(".")
	if err != nil {
		return err
	}
	return os.WriteFile(errorlist.Page, []byte(text), 0o644)
}

// Fuzz runs each fuzz target for a while: ten seconds, or FROMSCRATCH_FUZZ_TIME ("10m").
func Fuzz(ctx context.Context) error {
	duration := os.Getenv("FROMSCRATCH_FUZZ_TIME")
	if duration == "" {
		duration = "10s"
	}
	targets, err := testFunctions("Fuzz")
	if err != nil {
		return err
	}
	if len(targets) == 0 {
		return errors.New("there is no fuzz target")
	}
	// Two at a time, each with one worker: while one is compiled, the other one uses the second core.
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var wg sync.WaitGroup
	free := make(chan struct{}, 2)
	for _, target := range targets {
		free <- struct{}{}
		wg.Add(1)
		go func() {
			defer func() { <-free; wg.Done() }()
			if err := fuzz(ctx, target, duration); err != nil {
				stop(err)
			}
		}()
	}
	wg.Wait()
	return context.Cause(ctx)
}

// testFunction is a function in a test file: the folder of its module, its package for the go command there, and its name.
type testFunction struct{ module, pkg, name string }

// testFunctions finds functions by the beginning of their names. It reads the sources: go test -list would link the tests
// of every package.
func testFunctions(prefix string) (found []testFunction, err error) {
	declared := regexp.MustCompile(`(?m)^func (` + prefix + `\w*)\(`)
	err = filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && d.Name() == "testdata" {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, "_test.go") {
			return nil
		}
		source, err := os.ReadFile(path)
		for _, m := range declared.FindAllSubmatch(source, -1) {
			f := testFunction{module: ".", pkg: "./" + filepath.ToSlash(filepath.Dir(path)), name: string(m[1])}
			if rest, ok := strings.CutPrefix(f.pkg, "./"+targetsDir); ok {
				f.module, f.pkg = targetsDir, "."+rest
			}
			found = append(found, f)
		}
		return err
	})
	return found, err
}

// fuzz runs one fuzz target and prints its output when it has ended.
func fuzz(ctx context.Context, target testFunction, duration string) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	// Minimizing inputs that are merely interesting would take most of the time.
	cmd := command(ctx, target.module, nil, "go", "test", "-run", "^$", "-fuzz", "^"+target.name+"$", "-fuzztime", duration,
		"-fuzzminimizetime", "10x", "-parallel", "1", target.pkg)
	cmd.Stdout, cmd.Stderr = nil, nil
	out, err := cmd.CombinedOutput()
	fmt.Printf("+ %s\n%s", strings.Join(cmd.Args, " "), out)
	// The go command may report the end of the time as a failure. A real failure writes its input.
	if err != nil && ctx.Err() == nil && bytes.Contains(out, []byte("context deadline exceeded")) && !bytes.Contains(out, []byte("Failing input written to")) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("fuzzing %s of %s: %w", target.name, target.pkg, err)
	}
	return nil
}

// Release tries a version ("v1.2.3") of both modules as a new user gets it, and tags the last commit with it. It pushes nothing.
func Release(ctx context.Context, version string) error {
	return release.Tag(ctx, ".", version, os.Stdout)
}

// TestClean removes the builder images that the tests share. Each run leaves them for the next one.
func TestClean() error {
	if _, err := exec.LookPath("docker"); err != nil {
		return nil
	}
	if exec.Command("docker", "version").Run() != nil {
		return nil // no engine, no images
	}
	return buildertest.Remove()
}

// Bench measures what importing the targets costs at each start of mage, and prints a table; the last one is in magefiles/bench/RESULTS.md.
func Bench(ctx context.Context) error { return run(ctx, ".", nil, "go", "run", "./magefiles/bench") }

// BenchLoop compares the local loop with other ways to build an image, for half an hour on an idle machine; the last results are in magefiles/bench/loop/RESULTS.md.
func BenchLoop(ctx context.Context) error {
	return run(ctx, ".", nil, "go", "run", "./magefiles/bench/loop")
}

// BenchRecipes compares the images of common Dockerfiles with those of fromscratch, for ten minutes on an idle machine; the last results are in magefiles/bench/recipes/RESULTS.md.
func BenchRecipes(ctx context.Context) error {
	return run(ctx, ".", nil, "go", "run", "./magefiles/bench/recipes")
}

// Check checks the source without running it: gofmt, vet for every system that users build on, staticcheck, govulncheck, tidy modules.
func Check(ctx context.Context) error {
	for _, check := range []func(context.Context) error{gofmt, vet, static, vulnerabilities, tidy} {
		if err := check(ctx); err != nil {
			return err
		}
	}
	return nil
}

func gofmt(ctx context.Context) error {
	out, err := exec.CommandContext(ctx, "gofmt", "-l", ".").Output()
	if err != nil {
		return fmt.Errorf("running gofmt: %w", err)
	}
	if len(out) > 0 {
		return fmt.Errorf("these files are not formatted:\n%s\nfix: run gofmt -w on them", out)
	}
	return nil
}

func vet(ctx context.Context) error {
	for _, goos := range []string{"linux", "darwin", "windows"} {
		if err := run(ctx, ".", []string{"GOOS=" + goos, "CGO_ENABLED=0"}, "go", "vet", "./..."); err != nil {
			return err
		}
	}
	if err := run(ctx, ".", nil, "go", "vet", "-tags", "mage", "./..."); err != nil {
		return err
	}
	for _, goos := range []string{"linux", "darwin", "windows"} {
		if err := run(ctx, targetsDir, []string{"GOOS=" + goos, "CGO_ENABLED=0"}, "go", "vet", "./..."); err != nil {
			return err
		}
	}
	return inModules("examples", func(dir string) error {
		return errors.Join(
			run(ctx, dir, nil, "go", "vet", "./..."),
			run(ctx, dir, nil, "go", "vet", "-tags", "mage", "."),
		)
	})
}

func static(ctx context.Context) error {
	return errors.Join(
		run(ctx, ".", nil, "go", "run", staticcheck, "-tags", "mage", "./..."),
		run(ctx, targetsDir, nil, "go", "run", staticcheck, "./..."),
	)
}

// vulnerabilities runs govulncheck. If the server with its data cannot be reached, it
// prints that and succeeds.
func vulnerabilities(ctx context.Context) error {
	cmd := command(ctx, ".", nil, "go", "run", govulncheck, "./...")
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	if err != nil && (strings.Contains(out.String(), "vuln.go.dev") || strings.Contains(out.String(), "fetching vulnerabilities")) {
		fmt.Println("govulncheck: skipped, because its data cannot be reached:", strings.TrimSpace(out.String()))
		return nil
	}
	fmt.Print(out.String())
	return err
}

// tidy checks go.mod and go.sum of every module in this repository.
func tidy(ctx context.Context) error {
	if err := run(ctx, ".", nil, "go", "mod", "tidy", "-diff"); err != nil {
		return err
	}
	return inModules(".", func(dir string) error { return run(ctx, dir, nil, "go", "mod", "tidy", "-diff") })
}

// inModules calls do for each module below root, except this one.
func inModules(root string, do func(dir string) error) error {
	return filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() && (e.Name() == "dist" || e.Name() == ".git") {
			return filepath.SkipDir
		}
		if e.Name() != "go.mod" || path == "go.mod" {
			return nil
		}
		return do(filepath.Dir(path))
	})
}

// run runs a command and passes its output on.
func run(ctx context.Context, dir string, env []string, name string, args ...string) error {
	cmd := command(ctx, dir, env, name, args...)
	fmt.Println("+", strings.Join(append(env, cmd.Args...), " "), "#", dir)
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("running %s in %s: %w", name, dir, err)
	}
	return nil
}

// command returns a command in dir whose output is passed on.
func command(ctx context.Context, dir string, env []string, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	return cmd
}
