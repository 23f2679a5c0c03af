package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit"
	"github.com/fromscratch-go/fromscratch/magefiles/dialogue"
	"github.com/fromscratch-go/fromscratch/magefiles/fromscratch/internal/interrupt"
	"github.com/fromscratch-go/fromscratch/magefiles/fromscratch/internal/progress"
	"github.com/fromscratch-go/fromscratch/magefiles/fromscratch/internal/settings"
	"github.com/fromscratch-go/fromscratch/magefiles/fromscratch/internal/talk"
)

// verbs does the work of each target. A verb returns how the target's process must end, if it must.
var verbs = map[string]func(context.Context, *run) (dialogue.End, error){
	"image": withImages(image), "imageRootfs": withImages(imageRootfs), "imageArchive": withImages(imageArchive),
	"imageSBOM": withImages(imageSBOM), "imageRun": imageRun, "imageDev": imageDev, "imagePlan": withImages(imagePlan),
	"imageExplain": imageExplain, "imageClean": withImages(imageClean), "imageLayout": withImages(imageLayout),
	"imagePush": withImages(imagePush), "imageDockerfile": withImages(imageDockerfile), "imageCheck": imageCheck,
	"imageResolve": imageResolve, "imageApply": imageApply,
}

// withImages returns a verb that needs the images and nothing else.
func withImages(do func(context.Context, *images) error) func(context.Context, *run) (dialogue.End, error) {
	return func(ctx context.Context, r *run) (dialogue.End, error) {
		m, err := r.images()
		if err != nil {
			return dialogue.End{}, err
		}
		return dialogue.End{}, do(ctx, m)
	}
}

// runTarget runs a target.
func runTarget(ctx context.Context, s talk.Start, w *interrupt.Watcher, out *output) (dialogue.End, error) {
	contract, err := settings.ReadContract(s.Target, os.Getenv)
	if err != nil {
		return dialogue.End{}, err
	}
	for name, value := range contract.Variables {
		if err := os.Setenv(name, value); err != nil {
			return dialogue.End{}, fmt.Errorf("setting %s for %s: %w", name, contract.Tool, err)
		}
	}
	s.Target = contract.Target
	verb, ok := verbs[s.Target]
	if !ok {
		return dialogue.End{}, fmt.Errorf("running the target %q: there is no such target", s.Target)
	}
	p := progress.New(os.Stderr, os.Getenv)
	defer p.Close()
	r, err := newRun(s, w, p, out)
	if err != nil {
		return dialogue.End{}, err
	}
	r.contract = contract
	end, err := verb(ctx, r)
	return end, errors.Join(err, r.close(ctx))
}

// run is one run of a target: what was asked, and what a verb may use. Its creator must close it.
type run struct {
	talk.Start
	began    time.Time
	engines  *buildkit.Engines
	builders *buildkit.Builders // nil unless a Config has a Builder
	progress *progress.Progress
	watcher  *interrupt.Watcher // for a program in the foreground
	out      *output
	contract settings.Contract
}

// newRun reads the environment. It opens no engine.
func newRun(s talk.Start, w *interrupt.Watcher, p *progress.Progress, out *output) (*run, error) {
	began := time.Now()
	report := out.report(p.Report)
	for _, warning := range settings.Unknown(os.Environ()) {
		report.Note("fromscratch", "variables", warning)
	}
	if err := settings.Renamed(os.Environ()); err != nil {
		return nil, err
	}
	if err := settings.Check(os.Getenv); err != nil {
		return nil, err
	}
	all := &buildkit.Engines{
		Getenv: os.Getenv, Slow: func(text string) { report.Note("fromscratch", "docker", text) },
		Elsewhere:   s.Target == "imagePush" || s.Target == "imageCheck", // it must not ask an engine for the platform
		ClusterOnly: s.Target == "imageResolve" || s.Target == "imageApply",
	}
	if err := all.Check(); err != nil {
		return nil, err
	}
	builders, err := newBuilders(s.Configs, all)
	if err != nil {
		return nil, err
	}
	return &run{Start: s, began: began, engines: all, builders: builders, progress: p, watcher: w, out: out}, nil
}

// newBuilders returns the containers that compile, or nil if no Config needs one. It starts none.
func newBuilders(configs []buildkit.Config, all *buildkit.Engines) (*buildkit.Builders, error) {
	needed := false
	for _, c := range configs {
		needed = needed || c.Build.Container != ""
	}
	if !needed {
		return nil, nil
	}
	cache, err := buildkit.UserCache()
	if err != nil {
		return nil, &buildkit.ConfigError{Err: err}
	}
	copies, err := settings.ReadCopies("IMAGE_CONTAINER_SOURCES", os.Getenv)
	if err != nil {
		return nil, err
	}
	// Even a run that writes archives may compile in an engine.
	engine := func(ctx context.Context, _ buildkit.Platform) (*buildkit.Engine, error) { return all.Any(ctx) }
	return &buildkit.Builders{Engine: engine, At: all.At, Cache: cache, Copy: copies, Anew: os.Getenv(againVariable) != ""}, nil
}

// close releases everything that the run holds, even if ctx has ended.
func (r *run) close(ctx context.Context) error {
	return errors.Join(r.builders.Close(ctx), r.engines.Close())
}
