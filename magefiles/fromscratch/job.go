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
	looked   bool // for that

	progress *progress
	output   output
	waits    docker.Waits   // for answers of engines
	engine   *docker.Engine // nil without one
	noEngine error          // why there is none
	builders *buildkit.Builders
	opening  sync.Mutex
	far      map[string]*docker.Engine // that Builders of a Config name, by address
	beside   *docker.Engine            // asked for bases and builders, where the images go elsewhere

	// own says that only the platform that the engine runs is of use.
	own         bool
	clusterName string          // of the kind cluster that IMAGE_OUTPUT names
	cluster     *docker.Cluster // nil when images go elsewhere

	assuming sync.Mutex  // guards the two below
	assumed  *assumption // about the engine; nil for none
	mistaken bool        // one was wrong

	code  int  // of the program that imageRun has run
	exits bool // the process is to end with it
}

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
		"image": j.image, "imageRootfs": j.imageRootfs, "imageArchive": j.imageArchive, "imageSBOM": j.imageSBOM,
		"imageRun": j.imageRun, "imageDev": j.imageDev, "imagePlan": j.imagePlan, "imageExplain": j.imageExplain, "imageClean": j.imageClean,
		"imageLayout": j.imageLayout, "imagePush": j.imagePush, "imageDockerfile": j.imageDockerfile,
	}
	verb, ok := verbs[j.target]
	if !ok {
		return 0, false, fmt.Errorf("running the target %q: there is none of that name", j.target)
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

// end gives back all that the job has taken, also when ctx has ended.
func (j *job) end(ctx context.Context) error {
	err := j.builders.Close(ctx)
	if j.assumed != nil {
		<-j.assumed.asked // or it would ask an engine that is closed
	}
	j.progress.close()
	for _, engine := range append(slices.Collect(maps.Values(j.far)), j.engine, j.beside) {
		if engine != nil {
			err = errors.Join(err, engine.Close())
		}
	}
	return err
}

// connect asks for the engine, once. None is not an error yet: it is kept for
// those who need one.
func (j *job) connect(ctx context.Context) error {
	if j.engine != nil || j.noEngine != nil || j.output == outputArchive {
		return nil
	}
	engine, err := docker.Open(ctx, j.engineOptions())
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
	return j.findCluster(ctx)
}

// anyEngine is the engine, also where the images go elsewhere. The error is why there
// is none.
func (j *job) anyEngine(ctx context.Context) (*docker.Engine, error) {
	if err := j.connect(ctx); err != nil {
		return nil, err
	}
	switch {
	case j.engine != nil:
		return j.engine, nil
	case j.noEngine != nil:
		return nil, j.noEngine
	case j.beside != nil:
		return j.beside, nil
	}
	engine, err := docker.Open(ctx, j.engineOptions())
	var config *docker.ConfigError
	if errors.As(err, &config) {
		return nil, &buildkit.ConfigError{Err: err}
	}
	j.beside = engine
	return engine, err
}

// baseEngine is the engine that base images are looked for in; none is nil.
func (j *job) baseEngine(ctx context.Context) (*docker.Engine, error) {
	engine, err := j.anyEngine(ctx)
	var unreachable *docker.UnreachableError
	if errors.As(err, &unreachable) {
		return nil, nil
	}
	return engine, err
}

// inputs are all that decides what is built.
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
	if j.own {
		in.Choose = j.choose
	}
	return in, nil
}

// plans resolves the images of this magefile; to build them, their Before is run.
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

// choose gives the one of several platforms that the engine runs.
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
	return buildkit.Platform{}, &buildkit.ConfigError{Err: fmt.Errorf("the image is for %s, and the %s runs %s\nfix: add %s to Platforms, or name one platform, with IMAGE_PLATFORM=%s",
		strings.Join(names, ", "), from, machine, machine, names[0])}
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
	all := map[buildkit.Dist]string{}
	for _, p := range plans {
		if all[p.Dist()] = said[p.Name]; all[p.Dist()] == "" {
			todo = append(todo, p)
		}
	}
	var one sync.Mutex
	err := buildkit.BuildEach(ctx, todo, j.progress.report, func(ctx context.Context, b *buildkit.Built) error {
		text, err := do(ctx, b)
		one.Lock()
		defer one.Unlock()
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

// groups builds every image, does something with it and all of its platforms, and
// prints what that has to say on stdout, in the order of the images.
func (j *job) groups(ctx context.Context, do func(context.Context, []*buildkit.Built) (string, error)) error {
	plans, err := j.plans(ctx, true)
	if err != nil {
		return err
	}
	return j.eachGroup(ctx, plans, do)
}

// eachGroup is groups for some plans.
func (j *job) eachGroup(ctx context.Context, plans []buildkit.Plan, do func(context.Context, []*buildkit.Built) (string, error)) error {
	var one sync.Mutex
	all := map[string]string{}
	err := buildkit.BuildGroups(ctx, plans, j.progress.report, func(ctx context.Context, group []*buildkit.Built) error {
		text, err := do(ctx, group)
		one.Lock()
		defer one.Unlock()
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

// build builds one image and does something with it, while its folder is held.
func (j *job) build(ctx context.Context, p buildkit.Plan, do func(*buildkit.Built) error) error {
	return buildkit.BuildEach(ctx, []buildkit.Plan{p}, j.progress.report, func(_ context.Context, b *buildkit.Built) error { return do(b) })
}
