package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit"
	"github.com/fromscratch-go/fromscratch/buildkit/docker"
	"github.com/fromscratch-go/fromscratch/magefiles/dialogue"
)

// job is one run of a target.
type job struct {
	target  string
	module  string   // folder of the module that the magefile is compiled in
	args    []string // for the program; nil without "--"
	configs []buildkit.Config
	grace   time.Duration // of the program; zero: as an engine gives
	watcher *watcher
	began   time.Time
	// recalled is what is known of an earlier run.
	recalled buildkit.Recalled

	progress *progress
	output   output
	engine   *docker.Engine // nil without one
	noEngine error          // why there is none

	code  int  // of the program that imageRun has run
	exits bool // the process is to end with it
}

// output says where an image goes.
type output string

const (
	outputAuto    output = "auto"    // into the engine, else into an archive
	outputDocker  output = "docker"  // into the engine
	outputArchive output = "archive" // into an archive; the engine is not asked
)

func newJob(s dialogue.Start, w *watcher) *job {
	return &job{
		target: s.Target, module: s.Module, args: s.Args, configs: s.Configs, grace: s.Grace, watcher: w, began: time.Now(),
		progress: newProgress(os.Stderr, os.Getenv),
	}
}

// run runs the target. The code is that of the program, if one was run; exits says
// that the process is to end with it.
func (j *job) run(ctx context.Context) (code int, exits bool, err error) {
	verbs := map[string]func(context.Context) error{
		"image": j.image, "imageRootfs": j.imageRootfs, "imageArchive": j.imageArchive,
		"imageRun": j.imageRun, "imageDev": j.imageDev, "imagePlan": j.imagePlan, "imageExplain": j.imageExplain, "imageClean": j.imageClean,
		"imageDockerfile": j.imageDockerfile,
	}
	verb, ok := verbs[j.target]
	if !ok {
		return 0, false, fmt.Errorf("running the target %q: there is none of that name", j.target)
	}
	err = j.begin()
	if err == nil {
		err = verb(ctx)
	}
	return j.code, j.exits, errors.Join(err, j.end())
}

// begin reads the environment.
func (j *job) begin() error {
	j.output = output(os.Getenv("IMAGE_OUTPUT"))
	switch j.output {
	case "":
		j.output = outputAuto
	case outputAuto, outputDocker, outputArchive:
	default:
		return &buildkit.ConfigError{Err: fmt.Errorf("IMAGE_OUTPUT is %q\nfix: set it to docker, archive or auto, or unset it", j.output)}
	}
	return nil
}

func (j *job) end() error {
	j.progress.close()
	if j.engine == nil {
		return nil
	}
	return j.engine.Close()
}

// connect asks for the engine, once. None is not an error yet: it is kept for
// those who need one.
func (j *job) connect(ctx context.Context) error {
	if j.engine != nil || j.noEngine != nil || j.output == outputArchive {
		return nil
	}
	engine, err := docker.Open(ctx, docker.Options{Getenv: os.Getenv})
	var unreachable *docker.UnreachableError
	var config *docker.ConfigError
	switch {
	case errors.As(err, &unreachable):
		j.noEngine = err
	case errors.As(err, &config):
		return &buildkit.ConfigError{Err: err}
	case err != nil:
		return &buildkit.EngineError{Err: err}
	default:
		j.engine = engine
	}
	return nil
}

// inputs are all that decides what is built.
func (j *job) inputs() (buildkit.Inputs, error) {
	dir, err := os.Getwd()
	if err != nil {
		return buildkit.Inputs{}, fmt.Errorf("finding the folder that mage runs in: %w", err)
	}
	return buildkit.Inputs{Dir: dir, Environ: os.Environ(), Configs: j.configs, EnginePlatform: j.platform}, nil
}

// plans resolves the images of this magefile; to build them, their Before is run.
func (j *job) plans(ctx context.Context, build bool) ([]buildkit.Plan, error) {
	in, err := j.inputs()
	if err != nil {
		return nil, err
	}
	in.Prepare, in.Report = build, j.progress.report
	in.Began, in.Recalled = j.began, j.recalled
	return buildkit.Resolve(ctx, in)
}

// platform is the engine's platform, the zero one without an engine.
func (j *job) platform(ctx context.Context) (buildkit.Platform, string, error) {
	if err := j.connect(ctx); err != nil || j.engine == nil {
		return buildkit.Platform{}, "", err
	}
	system, arch, variant, err := j.engine.Platform(ctx)
	if err != nil {
		return buildkit.Platform{}, "", &buildkit.EngineError{Err: err}
	}
	return buildkit.Platform{OS: system, Architecture: arch, Variant: variant}, "engine at " + j.engine.Host(), nil
}

// each builds every image, does something with it, and prints what that has to say on
// stdout, in the order of the images.
func (j *job) each(ctx context.Context, do func(context.Context, *buildkit.Built) (string, error)) error {
	plans, err := j.plans(ctx, true)
	if err != nil {
		return err
	}
	return j.eachOf(ctx, plans, nil, do)
}

// eachOf is each for some plans. Of the others there are said already: what to print
// of them, by the names of their images.
func (j *job) eachOf(ctx context.Context, plans []buildkit.Plan, said map[string]string, do func(context.Context, *buildkit.Built) (string, error)) error {
	var todo []buildkit.Plan
	for _, p := range plans {
		if said[p.Name] == "" {
			todo = append(todo, p)
		}
	}
	var one sync.Mutex
	all := maps.Clone(said)
	if all == nil {
		all = map[string]string{}
	}
	err := buildkit.BuildEach(ctx, todo, j.progress.report, func(ctx context.Context, b *buildkit.Built) error {
		text, err := do(ctx, b)
		one.Lock()
		defer one.Unlock()
		if err == nil {
			all[b.Plan.Name] = text
		}
		return err
	})
	for _, p := range plans {
		if text := all[p.Name]; text != "" {
			_, printErr := fmt.Println(strings.TrimSuffix(text, "\n"))
			err = errors.Join(err, printErr)
		}
	}
	return err
}

// build builds one image and does something with it, while its folder is held.
func (j *job) build(ctx context.Context, p buildkit.Plan, do func(*buildkit.Built) error) error {
	return buildkit.BuildEach(ctx, []buildkit.Plan{p}, j.progress.report, func(_ context.Context, b *buildkit.Built) error { return do(b) })
}
