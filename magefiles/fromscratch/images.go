package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit"
	"github.com/fromscratch-go/fromscratch/magefiles/fromscratch/internal/settings"
)

// images are the images of the magefile: everything that decides what is built, and the state that an earlier run has kept.
type images struct {
	inputs     buildkit.Inputs // for a plan alone; see buildInputs
	began      time.Time       // when the run began; zero ignores the state of an earlier run
	engines    *buildkit.Engines
	engineOnly bool
	opened     *buildkit.Opened // nil before open
	out        *output
	contract   settings.Contract
}

// images returns the images of the magefile.
func (r *run) images() (*images, error) {
	dir, err := os.Getwd()
	if err != nil {
		return nil, fmt.Errorf("finding the folder that mage runs in: %w", err)
	}
	m := &images{began: r.began, engines: r.engines, out: r.out, contract: r.contract}
	m.inputs = buildkit.Inputs{
		Dir: dir, Environ: os.Environ(), Configs: r.Configs, EnginePlatform: m.platform, Builders: r.builders,
		Bases:  buildkit.Bases{Engine: r.engines.AnyReachable, RegistryFirst: r.Target == "imagePush" || r.Target == "imageLayout" || r.Target == "imageCheck"},
		Report: r.out.report(r.progress.Report),
	}
	return m, nil
}

// selectEnginePlatform makes the build use only the platform that the engine runs.
func (m *images) selectEnginePlatform() { m.engineOnly, m.inputs.Choose = true, m.choose }

// platform returns the platform of the engine and its origin for people.
func (m *images) platform(ctx context.Context) (buildkit.Platform, string, error) {
	return m.engines.Platform(ctx, m.last())
}

// choose returns the one of several platforms that the engine runs.
func (m *images) choose(ctx context.Context, list []buildkit.Platform) (buildkit.Platform, error) {
	return m.engines.Choose(ctx, list, m.last())
}

// last returns the platforms of the last run, which may be assumed if only the engine can use the images. Otherwise it returns nil.
func (m *images) last() func(origin string) (buildkit.Platform, bool) {
	if m.opened == nil || !m.engineOnly {
		return nil
	}
	return m.opened.Platform
}

// buildInputs returns the inputs of a build that began at a time.
func (m *images) buildInputs(began time.Time) buildkit.Inputs {
	in := m.inputs
	in.Prepare, in.Began = true, began
	return in
}

// open reads the state that an earlier run has kept, once.
func (m *images) open(ctx context.Context) (*buildkit.Opened, error) {
	if m.opened != nil {
		return m.opened, nil
	}
	opened, err := buildkit.Open(ctx, m.buildInputs(m.began))
	if err != nil {
		return nil, err
	}
	m.opened = &opened
	return m.opened, nil
}

// plans resolves the images for a build. It runs their Before.
func (m *images) plans(ctx context.Context) ([]buildkit.Plan, error) {
	opened, err := m.open(ctx)
	if err != nil {
		return nil, err
	}
	plans, err := opened.Resolve(ctx)
	if err != nil {
		return nil, err
	}
	for _, p := range plans {
		if err := m.contract.Check(p.Name, p.Reference); err != nil {
			return nil, err
		}
	}
	return plans, nil
}

// unchanged finds the images that need no work: nothing has changed since their last
// build, and they are already where they go. all reports whether these are all images.
// Then not even the go command runs.
func (m *images) unchanged(ctx context.Context, to buildkit.Destination) (list []buildkit.Deliverable, all bool, err error) {
	opened, err := m.open(ctx)
	if err != nil || to.Engine == nil {
		return nil, false, err
	}
	candidates, all := opened.Unchanged()
	for _, d := range candidates {
		if err := m.contract.Check(d.Name, d.Reference); err != nil {
			return nil, false, err
		}
		if !opened.SameBase(ctx, d) {
			continue
		}
		there, err := to.Has(ctx, d.Deliverable)
		if err != nil {
			return nil, false, err
		}
		if there {
			list = append(list, d)
		}
	}
	return list, all && len(list) == len(candidates), nil
}

// reportUnchanged reports the images that needed no work.
func reportUnchanged(report buildkit.Report, list []buildkit.Deliverable) {
	for _, d := range list {
		report.Note(d.Name, "image", d.Reference+" is unchanged")
	}
}
