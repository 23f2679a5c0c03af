package resolve

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/fromscratch-go/fromscratch/buildkit/config"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/base"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/builder"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/expand"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/gobuild"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/plan"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/platform"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/report"
)

// subject is what one plan is made for: a Config, its program and a platform.
type subject struct {
	config   config.Config
	index    int // of the Config
	main     gobuild.Main
	binary   string // a finished program instead of main, absolute
	name     string // of the image
	platform platform.Platform
	of       int    // how many platforms the image has
	from     string // the setting that chose the platform

	base    *base.Base // nil is scratch
	baseErr error      // why the base was not found
	compiler
}

// compiler is where a program is compiled.
type compiler struct {
	builder *builder.Builder // nil compiles on this machine
	gocmd   gobuild.Go       // the go command there
	module  gobuild.Module   // as seen by that go command
	bundle  string           // certificates of the builder, "" for none
	zones   string           // a GOROOT with the time zones of the builder's Go
}

// what names the program for people.
func (s subject) what() string { return cmp.Or(s.binary, s.main.ImportPath) }

// label names the image, and its platform if it has several.
func (s subject) label() string {
	return plan.Image{Name: s.name, Platform: s.platform, Of: s.of}.Label()
}

// facts returns what the plan of a subject is made from.
func (in Inputs) facts(m gobuild.Module, s subject) plan.Facts {
	return plan.Facts{
		Config: s.config, Index: s.index, Name: s.name, Main: s.main, Binary: s.binary, For: s.platform, Of: s.of, From: s.from,
		Module: m, Inside: s.module, Host: in.gocmdIn(m.Dir), Go: s.gocmd, Builder: s.builder, Bundle: s.bundle, Zones: s.zones,
		Base: s.base, BaseErr: s.baseErr, Getenv: in.getenv,
	}
}

// subjects finds the programs of all Configs, or without Configs of the module.
func (o Opened) subjects(ctx context.Context, m gobuild.Module) ([]subject, error) {
	in := o.in
	configs := in.Configs
	if len(configs) == 0 {
		configs = []config.Config{{Origin: "default"}}
	}
	if err := in.distinctNames(configs); err != nil {
		return nil, err
	}
	var all []subject
	for i, c := range configs {
		platforms, of, from, err := in.platforms(ctx, c)
		if err != nil {
			return nil, err
		}
		if err := in.before(ctx, m, c, platforms); err != nil {
			return nil, err
		}
		for n, p := range platforms {
			found, err := o.programs(ctx, m, subject{config: c, index: i, platform: p, of: of, from: from})
			if err != nil {
				return nil, err
			}
			if n == 0 {
				in.tellOthers(found)
			}
			all = append(all, found...)
		}
	}
	return all, distinct(all)
}

// tellOthers says which programs of the module are no images.
func (in Inputs) tellOthers(found []subject) {
	const most = 5
	if len(found) == 0 || len(found[0].main.Others) == 0 {
		return
	}
	list := found[0].main.Others
	text := strings.Join(list[:min(most, len(list))], ", ")
	if n := len(list) - most; n > 0 {
		text += fmt.Sprintf(" and %d more", n)
	}
	in.Report.Note(found[0].name, "main", "other programs of the module are no images: "+text+"; a Config with Main makes one of any")
}

// perhapsVersion matches the end of an import path that is perhaps not the program's name.
var perhapsVersion = regexp.MustCompile(`(^|\.)v[0-9]+$`)

// distinctNames refuses two Configs whose images would have one name or one reference, as far as that is known before the packages are
// listed, so that no function of a Config runs for nothing. What is found later, [distinct] and distinctReferences refuse.
func (in Inputs) distinctNames(configs []config.Config) error {
	type image struct {
		config.Config
		name string
	}
	names, refs := map[string]image{}, map[string]image{}
	for _, c := range configs {
		name := likelyName(c)
		if name == "." || c.Name == "" && perhapsVersion.MatchString(name) || in.excluded(c) || strings.Contains(fmt.Sprint(c.Repo, c.TagSuffix, c.Tags), "{{") {
			continue
		}
		if other, ok := names[name]; ok {
			return &report.ConfigError{Err: fmt.Errorf("two images have the name %q: (%s) and (%s)\nfix: set Name in a Config of each", name, other.Origin, c.Origin)}
		}
		names[name] = image{c, name}
		repo := cmp.Or(in.getenv("IMAGE_REPO"), c.Repo)
		if repo == "" {
			continue // made from the name
		}
		for _, tag := range plan.Tags(c, in.getenv) {
			if other, ok := refs[repo+":"+tag]; ok && other.name != name {
				return in.oneReference(plan.Image{Name: other.name, Origin: other.Origin}, plan.Image{Name: name, Origin: c.Origin}, repo+":"+tag)
			}
			refs[repo+":"+tag] = image{c, name}
		}
	}
	return nil
}

// programs completes a subject with its program: a finished file, a package, or without Configs each main package.
func (o Opened) programs(ctx context.Context, m gobuild.Module, s subject) ([]subject, error) {
	in, c := o.in, s.config
	var secrets []gobuild.Secret
	var err error
	if !in.excluded(c) { // nobody needs them otherwise
		if secrets, err = in.secrets(m, c); err != nil {
			return nil, err
		}
	}
	s.gocmd, s.module = in.gocmdIn(m.Dir).WithSecrets(secrets), m
	if c.Binary != "" || len(c.BinaryFor) > 0 {
		s, err := in.finished(m, s)
		return []subject{s}, err
	}
	if c.Build.Container != "" && !in.excluded(c) {
		if s.compiler, err = in.builderFor(ctx, m, c, s.platform, secrets); err != nil {
			return nil, err
		}
	}
	mains, recalled := o.recalled.Mains(s.index, s.platform)
	if recalled {
		return s.each(mains), nil
	}
	mains, err = in.oneMain(ctx, s)
	return s.each(mains), err
}

// builderFor asks the builder of a Config for its go command, its view of the module, certificates and time zones.
func (in Inputs) builderFor(ctx context.Context, m gobuild.Module, c config.Config, p platform.Platform, secrets []gobuild.Secret) (to compiler, err error) {
	if to.builder, err = in.Builders.Get(ctx, builder.Request{Dir: in.Dir, Root: m.Dir, Environ: in.Environ, Report: in.Report}, c, p); err != nil {
		return to, err
	}
	if to.gocmd, err = to.builder.Go(ctx, c, m.Dir, secrets); err != nil {
		return to, err
	}
	if to.module, err = to.gocmd.Module(ctx); err != nil {
		var failed *gobuild.CommandError
		if errors.As(err, &failed) && strings.Contains(failed.Output, "(running go") {
			failed.Fix = "name a Build.Container that has this Go version, or set GOTOOLCHAIN to \"auto\" in Build.Env"
		}
		return to, fmt.Errorf("asking the go command of the Build.Container %q (%s): %w", c.Build.Container, c.Origin, err)
	}
	if to.bundle, err = to.builder.Bundle(ctx); err == nil {
		to.zones, err = to.builder.Zones(ctx, to.module.GOROOT)
	}
	return to, err
}

// each returns the subject once for each main package.
func (s subject) each(mains []gobuild.Main) []subject {
	var found []subject
	for _, main := range mains {
		s.main, s.name = main, plan.NameOf(s.config, main)
		found = append(found, s)
	}
	return found
}

// before runs the Before of a Config, unless the image is known not to be built.
func (in Inputs) before(ctx context.Context, m gobuild.Module, c config.Config, platforms []platform.Platform) error {
	if !in.Prepare || c.Build.Before == nil || in.excluded(c) {
		return nil
	}
	name := likelyName(c)
	if name == "." { // the package of the module's root, or not known before the packages are listed
		name = cmp.Or(path.Base(m.Path), filepath.Base(m.Dir))
	}
	done := in.Report.Step(name, "before", "running Before of "+c.Origin)
	var names []string
	for _, p := range platforms {
		names = append(names, p.String())
	}
	tagged, err := in.expand(ctx, config.Config{Tags: c.Tags, TagSuffix: c.TagSuffix, Origin: c.Origin, Build: config.Build{Secrets: c.Build.Secrets}}, expand.Values{
		Name: name, Platform: names[0], Several: len(names) > 1,
	})
	if err == nil {
		err = c.Build.Before(ctx, config.BuildInfo{Dir: m.Dir, Name: name, Version: plan.Tags(tagged, in.getenv)[0], Platforms: names})
	}
	done("Before of "+c.Origin, err)
	if err != nil {
		return fmt.Errorf("running Before of %s: %w", c.Origin, err)
	}
	return nil
}

// excluded reports whether IMAGE_NAME excludes an image, as far as that is known before its program is found.
func (in Inputs) excluded(c config.Config) bool {
	name, selected := likelyName(c), plan.Fields(in.getenv("IMAGE_NAME"))
	return len(selected) > 0 && name != "." && !slices.Contains(selected, name)
}

// likelyName returns the name of an image, or "." if it is known only when the packages are listed.
func likelyName(c config.Config) string {
	if c.Name != "" || c.Binary != "" || c.Main != "" {
		return cmp.Or(c.Name, path.Base(cmp.Or(filepath.ToSlash(c.Binary), c.Main)))
	}
	name := "."
	for _, file := range c.BinaryFor {
		if base := path.Base(filepath.ToSlash(file)); name == "." || name == base {
			name = base
		} else {
			return "."
		}
	}
	return name
}

// mains asks the go command for the package that a Config names, or for all main packages of the module.
func (in Inputs) mains(ctx context.Context, s subject) ([]gobuild.Main, error) {
	m := s.module
	c := s.config
	if !in.excluded(c) { // of the templates, the go command lists packages with this one
		listed, err := in.expand(ctx, config.Config{Origin: c.Origin, Build: config.Build{LDFlags: c.Build.LDFlags, Secrets: c.Build.Secrets}},
			expand.Values{Name: likelyName(c), Platform: s.platform.String()})
		if err != nil {
			return nil, err
		}
		c.Build.LDFlags = listed.Build.LDFlags
	}
	options, err := plan.CompileOptions(c, s.platform)
	if err != nil {
		return nil, &report.ConfigError{Err: err}
	}
	patterns, err := patterns(m, c.Main)
	if err != nil {
		return nil, &report.ConfigError{Err: err}
	}
	mains, err := s.gocmd.Mains(ctx, s.platform, options, patterns...)
	var failed *gobuild.CommandError
	var engine *report.EngineError
	if err != nil && !errors.As(err, &failed) && !errors.As(err, &engine) && ctx.Err() == nil {
		return nil, &report.ConfigError{Err: err}
	}
	return mains, err
}

// patterns returns the patterns of the go command for Config.Main, which may name a folder of the module without "./".
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

// tooMany is the error for a Config that does not say which program it is about.
func tooMany(c config.Config, mains []gobuild.Main) error {
	var found []string
	for _, m := range mains {
		found = append(found, m.ImportPath)
	}
	return &report.ConfigError{Err: fmt.Errorf("the Config (%s) does not say which program it is about; the module has %s\nfix: set Main",
		c.Origin, strings.Join(found, ", "))}
}

// distinct returns an error if two images have the same name: they would share a folder.
func distinct(all []subject) error {
	seen := map[string]subject{}
	for _, s := range all {
		if other, ok := seen[s.name]; ok && (other.index != s.index || other.platform == s.platform) {
			return &report.ConfigError{Err: fmt.Errorf("two images have the name %q: %s (%s) and %s (%s)\nfix: set Name in a Config of each",
				s.name, other.what(), other.config.Origin, s.what(), s.config.Origin)}
		}
		seen[s.name] = s
	}
	return nil
}

// namesIn returns the names in IMAGE_NAME, each once. Without the variable there are none, which means all images.
func namesIn(value string) ([]string, error) {
	var list []string
	for _, name := range plan.Fields(value) {
		if !slices.Contains(list, name) {
			list = append(list, name)
		}
	}
	if value != "" && len(list) == 0 {
		return nil, &report.ConfigError{Err: fmt.Errorf("IMAGE_NAME is %q, which names no image\nfix: set it to the name of one, or of several with commas, or unset it", value)}
	}
	return list, nil
}

// selected returns the images that IMAGE_NAME names, in its order; all if it is empty.
func selected(all []subject, names string) ([]subject, error) {
	list, err := namesIn(names)
	if err != nil || len(list) == 0 {
		return all, err
	}
	var kept []subject
	for _, name := range list {
		before := len(kept)
		for _, s := range all {
			if s.name == name {
				kept = append(kept, s)
			}
		}
		if len(kept) == before {
			return nil, &report.ConfigError{Err: fmt.Errorf("IMAGE_NAME names the image %q; there are %s\nfix: use one of these names, or several with commas",
				name, namesOf(all))}
		}
	}
	return kept, nil
}

func namesOf(all []subject) string {
	var names []string
	for _, s := range all {
		names = append(names, s.name)
	}
	return strings.Join(names, ", ")
}

// foldersOf returns the folders of the programs; "" for a finished one.
func foldersOf(all []subject) []string {
	var dirs []string
	for _, s := range all {
		dirs = append(dirs, s.main.Dir)
	}
	return dirs
}
