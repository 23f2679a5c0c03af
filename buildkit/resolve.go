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
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit/base"
	"github.com/fromscratch-go/fromscratch/buildkit/docker"
	"github.com/fromscratch-go/fromscratch/buildkit/gobuild"
	"github.com/fromscratch-go/fromscratch/buildkit/record"
)

// Inputs are all that decides what is built.
type Inputs struct {
	// Dir is the folder where the build was started; the module around it is built.
	Dir string
	// Environ is the environment as os.Environ gives it: for the go command, and
	// for the IMAGE_… variables and SOURCE_DATE_EPOCH, which win over Configs.
	Environ []string
	// Configs are the images as their user describes them. None is one image with
	// every default for each main package of the module.
	Configs []Config
	// EnginePlatform asks the Docker Engine what it runs, and says who answered.
	// The zero Platform means that there is no engine. nil does not ask.
	EnginePlatform func(ctx context.Context) (Platform, string, error)
	// Choose says which of several platforms is built, where only one can be made use
	// of. nil builds all of them.
	Choose func(ctx context.Context, list []Platform) (Platform, error)
	// Engine gives the Docker Engine that base images are looked for in before their
	// registry; a nil function, or a nil Engine, is none.
	Engine func(ctx context.Context) (*docker.Engine, error)
	// Cache is the folder that the layers of base images are kept in, for all
	// modules. Default: fromscratch in the user's cache folder.
	Cache string
	// Builders compile the programs of Configs with a Builder; without them such a
	// Config is an [*EngineError].
	Builders *Builders
	// Prepare runs the Before of the Configs: it may generate what is then found and
	// decided about. Without it nothing is run, and what Before would change is not
	// known.
	Prepare bool
	// Report hears of that. nil hears nothing.
	Report Report
	// Began is when the run began, before it read anything: what changes later is
	// not known to be in an image. The zero time keeps no memory of the build.
	Began time.Time
	// Recalled is what is known of an earlier run, by [Recall]; the zero value is
	// nothing.
	Recalled Recalled

	// What AskBuilders has found: the images, and whether one is not there yet.
	builderIDs     []string
	builderMissing bool
}

// Resolve decides what is to be built, and compiles nothing: one Plan per image, for
// each of its platforms, in the order of the Configs, or of the import paths when there are none. What
// is decided is, from weakest to strongest: the defaults, what the module says,
// the Config, the environment. A mistake of the user's is a [*ConfigError].
func Resolve(ctx context.Context, in Inputs) ([]Plan, error) {
	// mage writes in these folders, and a first build makes dist/ in one.
	magefiles := filepath.Join(in.Dir, "magefiles")
	names := map[string]uint64{in.Dir: record.Names(in.Dir, mageFile, "dist"), magefiles: record.Names(magefiles, mageFile)}
	module, err := in.module(ctx)
	if err != nil {
		return nil, err
	}
	subjects, err := in.subjects(ctx, module)
	if err != nil {
		return nil, err
	}
	programs := foldersOfPrograms(subjects)
	if subjects, err = selected(subjects, in.getenv("IMAGE_NAME")); err != nil {
		return nil, err
	}
	if err := in.findBases(ctx, module, subjects); err != nil {
		return nil, err
	}
	plans := make([]Plan, 0, len(subjects))
	for _, s := range subjects {
		p, err := in.plan(module, s)
		if err != nil {
			return nil, fmt.Errorf("planning image %q: %w", s.name, err)
		}
		p.programs = programs
		plans = append(plans, p)
	}
	if err := in.AskBuilders(ctx); err != nil { // what was missing has been pulled
		return nil, err
	}
	in.mark(plans, names)
	return plans, in.unambiguous(plans)
}

// module is the module around the folder, as it was if it is the same still.
func (in Inputs) module(ctx context.Context) (gobuild.Module, error) {
	if m, ok := in.Recalled.module(); ok {
		return m, nil
	}
	return in.gocmd().Module(ctx)
}

// mark notes in each plan what its memory will need.
func (in Inputs) mark(plans []Plan, names map[string]uint64) {
	key := in.key()
	var set []string
	for _, p := range plans {
		set = append(set, p.folder())
	}
	for i := range plans {
		plans[i].dir, plans[i].set, plans[i].began, plans[i].names = in.Dir, set, in.Began, names
		if !in.Began.IsZero() {
			plans[i].key = key
		}
	}
}

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

	builder *builder       // nil compiles on this machine
	gocmd   gobuild.Go     // that compiles
	module  gobuild.Module // as that sees it
	bundle  string         // certificates of the builder, "" for none
	zones   string         // a GOROOT with the time zones of the builder's Go
}

// what names the program for people.
func (s subject) what() string { return cmp.Or(s.binary, s.main.ImportPath) }

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
	mains, recalled := in.Recalled.mains(s.index, s.platform)
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
	if s.builder, err = in.Builders.get(ctx, in, c, s.platform); err != nil {
		return s, err
	}
	if s.gocmd, err = s.builder.gocmd(ctx, c, m.Dir); err != nil {
		return s, err
	}
	if s.module, err = s.gocmd.Module(ctx); err != nil {
		var failed *gobuild.CommandError
		if errors.As(err, &failed) && strings.Contains(failed.Output, "(running go") {
			failed.Fix = "name a Builder that has this Go version, or set GOTOOLCHAIN to \"auto\" in GoEnv"
		}
		return s, fmt.Errorf("asking the go command of the Builder %q (%s): %w", c.Builder, c.Origin, err)
	}
	s.bundle, err = s.builder.bundle(ctx)
	if err == nil {
		s.zones, err = s.builder.zones(ctx, s.module.GOROOT)
	}
	return s, err
}

// each is the subject for each of some mains.
func (s subject) each(mains []gobuild.Main) []subject {
	var found []subject
	for _, main := range mains {
		s.main, s.name = main, nameOf(s.config, main)
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
	done := in.Report.step(name, "before", "running Before of "+c.Origin)
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
	options, err := compileOptions(c, s.platform)
	if err != nil {
		return nil, &ConfigError{err}
	}
	patterns, err := patterns(m, c.Main)
	if err != nil {
		return nil, &ConfigError{err}
	}
	mains, err := s.gocmd.Mains(ctx, target(s.platform), options, patterns...)
	var failed *gobuild.CommandError
	var engine *EngineError
	if err != nil && !errors.As(err, &failed) && !errors.As(err, &engine) && ctx.Err() == nil {
		return nil, &ConfigError{err}
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
	return &ConfigError{fmt.Errorf("the Config (%s) does not say which program it is about; the module has %s\nfix: set Main",
		c.Origin, strings.Join(found, ", "))}
}

// distinct refuses two images of one name: they would share a folder.
func distinct(all []subject) error {
	seen := map[string]subject{}
	for _, s := range all {
		if other, ok := seen[s.name]; ok && (other.index != s.index || other.platform == s.platform) {
			return &ConfigError{fmt.Errorf("two images have the name %q: %s (%s) and %s (%s)\nfix: set Name in a Config of each",
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
			return nil, &ConfigError{fmt.Errorf("IMAGE_NAME names the image %q; there are %s\nfix: use one of these names, or several with commas",
				name, namesOf(all))}
		}
	}
	return kept, nil
}

// unambiguous refuses two images of one reference: the second would take the name
// from the first.
func (in Inputs) unambiguous(plans []Plan) error {
	seen := map[string]Plan{}
	for _, p := range plans {
		var other Plan
		ok, ref := false, ""
		for _, name := range p.references() {
			if other, ok = seen[name]; ok && other.Name != p.Name {
				ref = name
				break
			}
			ok = false
		}
		for _, name := range p.references() {
			seen[name] = p
		}
		if !ok {
			continue
		}
		fix := "set Repo or Tag in a Config of each"
		if in.getenv("IMAGE_REPO") != "" {
			fix = "select one image with IMAGE_NAME, as IMAGE_REPO is one repository, or set Repo in each Config instead"
		}
		return &ConfigError{fmt.Errorf("the images %q (%s) and %q (%s) have one reference, %s\nfix: %s",
			other.Name, other.config.Origin, p.Name, p.config.Origin, ref, fix)}
	}
	return nil
}

// split splits the value of IMAGE_NAME.
func split(names string) []string {
	return strings.FieldsFunc(names, func(c rune) bool { return c == ',' || c == ' ' })
}

func namesOf(subjects []subject) string {
	var names []string
	for _, s := range subjects {
		names = append(names, s.name)
	}
	return strings.Join(names, ", ")
}

// One gives the only plan. A target that can work on one image only needs to be
// told which.
func One(plans []Plan) (Plan, error) {
	if len(plans) == 1 {
		return plans[0], nil
	}
	var names []string
	for _, p := range plans {
		names = append(names, p.Label())
	}
	fix := "IMAGE_NAME=" + plans[0].Name
	if plans[0].of > 1 {
		fix += " IMAGE_PLATFORM=" + plans[0].Platform.String()
	}
	return Plan{}, &ConfigError{fmt.Errorf("this needs one image, and there are %s\nfix: select one, with %s", strings.Join(names, ", "), fix)}
}

func (in Inputs) gocmd() gobuild.Go { return gobuild.Go{Dir: in.Dir, Env: in.Environ} }

// gocmdIn is the go command in the module's folder, which the paths of a Config
// are relative to.
func (in Inputs) gocmdIn(m gobuild.Module) gobuild.Go {
	return gobuild.Go{Dir: m.Dir, Env: in.Environ}
}

// getenv looks a variable up as a process would: the last of a name counts.
func (in Inputs) getenv(key string) string {
	for _, v := range slices.Backward(in.Environ) {
		if name, value, _ := strings.Cut(v, "="); name == key {
			return value
		}
	}
	return ""
}
