package buildkit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fromscratch-go/fromscratch/buildkit/base"
	"github.com/fromscratch-go/fromscratch/buildkit/gobuild"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/builder"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/plan"
)

// subject is a Config with the package that it is about.
type subject struct {
	config   Config
	index    int // of the Config
	main     gobuild.Main
	binary   string // instead of main
	name     string
	platform Platform
	of       int        // how many platforms the image has
	from     string     // who chose the platform
	base     *base.Base // nil is scratch
	baseErr  error      // why there is none

	builder *builder.Builder // nil compiles on this machine
	gocmd   gobuild.Go       // that compiles
	module  gobuild.Module   // as that sees it
	bundle  string           // certificates of the builder, "" for none
	zones   string           // a GOROOT with the time zones of the builder's Go
}

// what names the program for people.
func (s subject) what() string { return cmp.Or(s.binary, s.main.ImportPath) }

// label names the image, and its platform if it has several.
func (s subject) label() string {
	return plan.Image{Name: s.name, Platform: s.platform, Of: s.of}.Label()
}

// facts are what is known of a subject for its plan.
func (in Inputs) facts(m gobuild.Module, s subject) plan.Facts {
	return plan.Facts{
		Config: s.config, Index: s.index, Name: s.name, Main: s.main, Binary: s.binary, For: s.platform, Of: s.of, From: s.from,
		Module: m, Inside: s.module, Host: in.gocmdIn(m), Go: s.gocmd, Builder: s.builder, Bundle: s.bundle, Zones: s.zones,
		Base: s.base, BaseErr: s.baseErr, Getenv: in.getenv,
	}
}

// subjects finds the package of every Config; without Configs every main package
// is a subject of its own.
func (in Inputs) subjects(ctx context.Context, m gobuild.Module) ([]subject, error) {
	configs := in.Configs
	if len(configs) == 0 {
		configs = []Config{{Origin: "default"}}
	}
	var all []subject
	for i, c := range configs {
		platforms, of, from, err := in.platforms(ctx, c)
		if err != nil {
			return nil, err
		}
		if err := in.before(ctx, m, c); err != nil {
			return nil, err
		}
		for _, p := range platforms {
			found, err := in.programs(ctx, m, subject{config: c, index: i, platform: p, of: of, from: from})
			if err != nil {
				return nil, err
			}
			all = append(all, found...)
		}
	}
	return all, distinct(all)
}

// programs finds what a Config is about: a file, a package, or without Configs
// every main package.
func (in Inputs) programs(ctx context.Context, m gobuild.Module, s subject) ([]subject, error) {
	c := s.config
	s.gocmd, s.module = in.gocmdIn(m), m
	if c.Binary != "" {
		s, err := in.elsewhere(m, s)
		return []subject{s}, err
	}
	s, err := in.equip(ctx, m, s)
	if err != nil {
		return nil, err
	}
	mains, recalled := in.Recalled.Mains(s.index, s.platform)
	if recalled {
		return s.each(mains), nil
	}
	mains, err = in.mains(ctx, s)
	if err != nil {
		return nil, fmt.Errorf("finding the program of the Config (%s): %w", c.Origin, err)
	}
	if len(mains) > 1 && len(in.Configs) > 0 {
		return nil, tooMany(c, mains)
	}
	return s.each(mains), nil
}

// equip decides where the program is compiled, and makes ready what is asked there.
func (in Inputs) equip(ctx context.Context, m gobuild.Module, s subject) (subject, error) {
	c := s.config
	if c.Builder == "" || in.leftOut(c) {
		return s, nil
	}
	var err error
	if s.builder, err = in.Builders.Get(ctx, builder.Request{Dir: in.Dir, Root: m.Dir, Environ: in.Environ, Report: in.Report}, c, s.platform); err != nil {
		return s, err
	}
	if s.gocmd, err = s.builder.Go(ctx, c, m.Dir); err != nil {
		return s, err
	}
	if s.module, err = s.gocmd.Module(ctx); err != nil {
		var failed *gobuild.CommandError
		if errors.As(err, &failed) && strings.Contains(failed.Output, "(running go") {
			failed.Fix = "name a Builder that has this Go version, or set GOTOOLCHAIN to \"auto\" in GoEnv"
		}
		return s, fmt.Errorf("asking the go command of the Builder %q (%s): %w", c.Builder, c.Origin, err)
	}
	s.bundle, err = s.builder.Bundle(ctx)
	if err == nil {
		s.zones, err = s.builder.Zones(ctx, s.module.GOROOT)
	}
	return s, err
}

// each is the subject for each of some mains.
func (s subject) each(mains []gobuild.Main) []subject {
	var found []subject
	for _, main := range mains {
		s.main, s.name = main, plan.NameOf(s.config, main)
		found = append(found, s)
	}
	return found
}

// before runs the user's function, but not that of an image which is known not to
// be built.
func (in Inputs) before(ctx context.Context, m gobuild.Module, c Config) error {
	if !in.Prepare || c.Before == nil || in.leftOut(c) {
		return nil
	}
	name := likelyName(c)
	if name == "." { // of the module's root, or not said: the listing will tell
		name = cmp.Or(path.Base(m.Path), filepath.Base(m.Dir))
	}
	done := in.Report.Step(name, "before", "running Before of "+c.Origin)
	err := c.Before(ctx, m.Dir)
	done("Before of "+c.Origin, err)
	if err != nil {
		return fmt.Errorf("running Before of %s: %w", c.Origin, err)
	}
	return nil
}

// leftOut tells of an image that IMAGE_NAME does not name, as far as that is known before its program is found.
func (in Inputs) leftOut(c Config) bool {
	name, selected := likelyName(c), split(in.getenv("IMAGE_NAME"))
	return len(selected) > 0 && name != "." && !slices.Contains(selected, name)
}

// likelyName is the name of an image, "." when the listing will tell.
func likelyName(c Config) string {
	return cmp.Or(c.Name, path.Base(cmp.Or(filepath.ToSlash(c.Binary), c.Main)))
}

// mains asks the go command for the packages of a Config: the one that it names,
// or all main packages of the module.
func (in Inputs) mains(ctx context.Context, s subject) ([]gobuild.Main, error) {
	m, c := s.module, s.config
	options, err := plan.CompileOptions(c, s.platform)
	if err != nil {
		return nil, &ConfigError{Err: err}
	}
	patterns, err := patterns(m, c.Main)
	if err != nil {
		return nil, &ConfigError{Err: err}
	}
	mains, err := s.gocmd.Mains(ctx, s.platform, options, patterns...)
	var failed *gobuild.CommandError
	var engine *EngineError
	if err != nil && !errors.As(err, &failed) && !errors.As(err, &engine) && ctx.Err() == nil {
		return nil, &ConfigError{Err: err}
	}
	return mains, err
}

// patterns are those of the go command for Config.Main. A folder of the module may
// be named without "./" in front.
func patterns(m gobuild.Module, main string) ([]string, error) {
	if main == "" {
		return nil, nil
	}
	dir := filepath.FromSlash(main)
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(m.Dir, dir)
	}
	info, err := os.Stat(dir)
	isFolder := err == nil && info.IsDir()
	switch {
	case strings.HasPrefix(main, "."), filepath.IsAbs(main):
		if !isFolder {
			return nil, fmt.Errorf("the value of Main is %q, and there is no folder %q\nfix: name the folder of a package main, relative to %q", main, dir, m.Dir)
		}
		return []string{main}, nil
	case isFolder:
		return []string{"./" + main}, nil
	}
	return []string{main}, nil
}

// tooMany is the error of a Config that does not say which program it is about.
func tooMany(c Config, mains []gobuild.Main) error {
	var found []string
	for _, m := range mains {
		found = append(found, m.ImportPath)
	}
	return &ConfigError{Err: fmt.Errorf("the Config (%s) does not say which program it is about; the module has %s\nfix: set Main",
		c.Origin, strings.Join(found, ", "))}
}

// distinct refuses two images of one name: they would share a folder.
func distinct(all []subject) error {
	seen := map[string]subject{}
	for _, s := range all {
		if other, ok := seen[s.name]; ok && (other.index != s.index || other.platform == s.platform) {
			return &ConfigError{Err: fmt.Errorf("two images have the name %q: %s (%s) and %s (%s)\nfix: set Name in a Config of each",
				s.name, other.what(), other.config.Origin, s.what(), s.config.Origin)}
		}
		seen[s.name] = s
	}
	return nil
}

// selected keeps the images that IMAGE_NAME names, all when it is empty.
func selected(all []subject, names string) ([]subject, error) {
	if names == "" {
		return all, nil
	}
	var kept []subject
	for _, name := range split(names) {
		before := len(kept)
		for _, s := range all {
			if s.name == name {
				kept = append(kept, s)
			}
		}
		if len(kept) == before {
			return nil, &ConfigError{Err: fmt.Errorf("IMAGE_NAME names the image %q; there are %s\nfix: use one of these names, or several with commas",
				name, namesOf(all))}
		}
	}
	return kept, nil
}
