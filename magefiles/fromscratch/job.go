package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit"
	"github.com/fromscratch-go/fromscratch/buildkit/docker"
	"github.com/fromscratch-go/fromscratch/buildkit/docker/host"
	"github.com/fromscratch-go/fromscratch/buildkit/docker/kind"
	"github.com/fromscratch-go/fromscratch/magefiles/dialogue"
)

// job is one run of a target.
type job struct {
	target  string
	module  string   // folder of the module in which the magefile is compiled
	args    []string // for the program; nil without "--"
	configs []buildkit.Config
	grace   time.Duration // for the program to end; zero is the engine's default
	watcher *watcher
	began   time.Time
	// recalled is the state that an earlier run has kept.
	recalled   buildkit.Recalled
	recallDone bool

	progress     *progress
	output       output
	waits        docker.Waits   // limits for answers of engines
	engine       *docker.Engine // nil without one
	noEngine     error          // why engine is nil
	builders     *buildkit.Builders
	opening      sync.Mutex
	namedEngines map[string]*docker.Engine // those in Builders of a Config, by address
	sideEngine   *docker.Engine            // for bases and builders, if the images do not go into an engine

	// engineOnly makes the build use only the platform that the engine runs.
	engineOnly  bool
	clusterName string        // kind cluster in IMAGE_OUTPUT
	cluster     *kind.Cluster // nil if the images go elsewhere

	assuming sync.Mutex  // guards assumed and mistaken
	assumed  *assumption // about the engine, or nil
	mistaken bool        // whether an assumption was wrong

	code  int  // exit code of imageRun's program
	exits bool // whether the target's process must end with code
}

func newJob(s dialogue.Start, w *watcher) *job {
	return &job{
		target: s.Target, module: s.Module, args: s.Args, configs: s.Configs, grace: s.Grace, watcher: w, began: time.Now(),
		progress: newProgress(os.Stderr, os.Getenv),
	}
}

// run runs the target. code is the program's exit code, if one was run. exits reports
// whether the target's process must end with it.
func (j *job) run(ctx context.Context) (code int, exits bool, err error) {
	verbs := map[string]func(context.Context) error{
		"image": j.image, "imageRootfs": j.imageRootfs, "imageArchive": j.imageArchive, "imageSBOM": j.imageSBOM,
		"imageRun": j.imageRun, "imageDev": j.imageDev, "imagePlan": j.imagePlan, "imageExplain": j.imageExplain, "imageClean": j.imageClean,
		"imageLayout": j.imageLayout, "imagePush": j.imagePush, "imageDockerfile": j.imageDockerfile,
	}
	verb, ok := verbs[j.target]
	if !ok {
		return 0, false, fmt.Errorf("running the target %q: there is no such target", j.target)
	}
	err = j.begin()
	if err == nil {
		err = verb(ctx)
	}
	return j.code, j.exits, errors.Join(err, j.end(ctx))
}

// begin reads the environment.
func (j *job) begin() (err error) {
	j.warnVariables(os.Environ())
	if j.waits, err = readWaits(os.Getenv); err != nil {
		return err
	}
	j.output, j.clusterName, err = readOutput(os.Getenv)
	return err
}

// end releases everything that the job holds, even if ctx has ended.
func (j *job) end(ctx context.Context) error {
	err := j.builders.Close(ctx)
	if j.assumed != nil {
		<-j.assumed.done // it must not ask a closed engine
	}
	j.progress.close()
	for _, engine := range append(slices.Collect(maps.Values(j.namedEngines)), j.engine, j.sideEngine) {
		if engine != nil {
			err = errors.Join(err, engine.Close())
		}
	}
	return err
}

// connect connects to the engine, once. If there is none, it keeps the reason in
// noEngine for callers that need an engine, and returns no error.
func (j *job) connect(ctx context.Context) error {
	if j.engine != nil || j.noEngine != nil || j.output == outputArchive {
		return nil
	}
	engine, err := docker.Open(ctx, j.engineOptions())
	var unreachable *host.UnreachableError
	var config *host.ConfigError
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
	return j.findCluster(ctx)
}

// anyEngine returns the engine, even if the images go elsewhere, or an error that says
// why there is none.
func (j *job) anyEngine(ctx context.Context) (*docker.Engine, error) {
	if err := j.connect(ctx); err != nil {
		return nil, err
	}
	switch {
	case j.engine != nil:
		return j.engine, nil
	case j.noEngine != nil:
		return nil, j.noEngine
	case j.sideEngine != nil:
		return j.sideEngine, nil
	}
	engine, err := docker.Open(ctx, j.engineOptions())
	var config *host.ConfigError
	if errors.As(err, &config) {
		return nil, &buildkit.ConfigError{Err: err}
	}
	j.sideEngine = engine
	return engine, err
}

// baseEngine returns the engine in which base images are looked up, or nil if none can be reached.
func (j *job) baseEngine(ctx context.Context) (*docker.Engine, error) {
	engine, err := j.anyEngine(ctx)
	var unreachable *host.UnreachableError
	if errors.As(err, &unreachable) {
		return nil, nil
	}
	return engine, err
}

// inputs returns everything that decides what is built.
func (j *job) inputs() (buildkit.Inputs, error) {
	dir, err := os.Getwd()
	if err != nil {
		return buildkit.Inputs{}, fmt.Errorf("finding the folder that mage runs in: %w", err)
	}
	if err := j.provideBuilders(); err != nil {
		return buildkit.Inputs{}, err
	}
	in := buildkit.Inputs{
		Dir: dir, Environ: os.Environ(), Configs: j.configs, EnginePlatform: j.platform, Engine: j.baseEngine, Builders: j.builders,
		RegistryFirst: j.target == "imagePush" || j.target == "imageLayout",
	}
	if j.engineOnly {
		in.Choose = j.choose
	}
	return in, nil
}

// plans resolves the images of this magefile. If they are built, it runs their Before.
func (j *job) plans(ctx context.Context, build bool) ([]buildkit.Plan, error) {
	in, err := j.inputs()
	if err != nil {
		return nil, err
	}
	if build {
		if err := j.recall(ctx, in); err != nil {
			return nil, err
		}
	}
	in.Prepare, in.Report = build, j.progress.report
	in.Began, in.Recalled = j.began, j.recalled
	return buildkit.Resolve(ctx, in)
}

// choose returns the one of several platforms that the engine runs.
func (j *job) choose(ctx context.Context, list []buildkit.Platform) (buildkit.Platform, error) {
	machine, from, err := j.platform(ctx)
	if err != nil {
		return buildkit.Platform{}, err
	}
	if p, ok := buildkit.Runs(machine, list); ok {
		return p, nil
	}
	var names []string
	for _, p := range list {
		names = append(names, p.String())
	}
	return buildkit.Platform{}, &buildkit.ConfigError{Err: fmt.Errorf("the image is for %s, but the %s runs %s\nfix: add %s to Platforms, or select one platform with IMAGE_PLATFORM=%s",
		strings.Join(names, ", "), from, machine, machine, names[0])}
}

// each builds every image and calls do with it. It prints the texts that do returns to
// stdout, in the order of the images.
func (j *job) each(ctx context.Context, do func(context.Context, *buildkit.Built) (string, error)) error {
	plans, err := j.plans(ctx, true)
	if err != nil {
		return err
	}
	return j.eachOf(ctx, plans, nil, do)
}

// eachOf is each for given plans. Those whose image has a text in known are not built:
// it prints that text.
func (j *job) eachOf(ctx context.Context, plans []buildkit.Plan, known map[string]string, do func(context.Context, *buildkit.Built) (string, error)) error {
	var todo []buildkit.Plan
	all := map[buildkit.Dist]string{}
	for _, p := range plans {
		if all[p.Dist()] = known[p.Name]; all[p.Dist()] == "" {
			todo = append(todo, p)
		}
	}
	var mu sync.Mutex
	err := buildkit.BuildEach(ctx, todo, j.progress.report, func(ctx context.Context, b *buildkit.Built) error {
		text, err := do(ctx, b)
		mu.Lock()
		defer mu.Unlock()
		if err == nil {
			all[b.Plan.Dist()] = text
		}
		return err
	})
	for _, p := range plans {
		if text := all[p.Dist()]; text != "" {
			_, printErr := fmt.Println(strings.TrimSuffix(text, "\n"))
			err = errors.Join(err, printErr)
		}
	}
	return err
}

// groups builds every image for all of its platforms and calls do with them. It prints
// the texts that do returns to stdout, in the order of the images.
func (j *job) groups(ctx context.Context, do func(context.Context, []*buildkit.Built) (string, error)) error {
	plans, err := j.plans(ctx, true)
	if err != nil {
		return err
	}
	return j.eachGroup(ctx, plans, do)
}

// eachGroup is groups for given plans.
func (j *job) eachGroup(ctx context.Context, plans []buildkit.Plan, do func(context.Context, []*buildkit.Built) (string, error)) error {
	var mu sync.Mutex
	all := map[string]string{}
	err := buildkit.BuildGroups(ctx, plans, j.progress.report, func(ctx context.Context, group []*buildkit.Built) error {
		text, err := do(ctx, group)
		mu.Lock()
		defer mu.Unlock()
		all[group[0].Plan.Name] = text
		return err
	})
	for _, p := range plans {
		text := all[p.Name]
		if delete(all, p.Name); text != "" {
			_, printErr := fmt.Println(strings.TrimSuffix(text, "\n"))
			err = errors.Join(err, printErr)
		}
	}
	return err
}

// build builds one image and calls do with it while its folder is locked.
func (j *job) build(ctx context.Context, p buildkit.Plan, do func(*buildkit.Built) error) error {
	return buildkit.BuildEach(ctx, []buildkit.Plan{p}, j.progress.report, func(_ context.Context, b *buildkit.Built) error { return do(b) })
}
