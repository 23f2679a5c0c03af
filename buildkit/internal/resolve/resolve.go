// Package resolve decides what is built. Its input are [Inputs]: the Configs, the environment, and whom to ask about engines, bases
// and builders. [Open] finds out what an earlier run with the same inputs has kept; [Opened.Resolve] returns a [plan.Image] for each
// image and platform. Nothing is compiled.
package resolve

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit/config"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/builder"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/dist"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/expand"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/git"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/gobuild"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/plan"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/platform"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/record"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/report"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/state"
)

// Inputs is everything that decides what is built.
type Inputs struct {
	// Dir is the folder where the build was started. Its module is built.
	Dir string
	// Environ is the environment, as from os.Environ. The go command gets it, and its IMAGE_… variables and
	// SOURCE_DATE_EPOCH override the Configs.
	Environ []string
	// Configs describe the images. Without any, each main package of the module becomes an image with default values.
	Configs []config.Config
	// EnginePlatform asks the Docker Engine for its platform. from names the engine for people. The zero Platform means that
	// there is no engine. Default: no engine.
	EnginePlatform func(ctx context.Context) (p platform.Platform, from string, err error)
	// Choose selects one of several platforms if the caller can use only one. Default: all are built.
	Choose func(ctx context.Context, list []platform.Platform) (platform.Platform, error)
	// Bases says where base images are looked for.
	Bases Bases
	// Builders compile the programs of Configs with a Builder. Without it, such a Config is a [*report.EngineError].
	Builders *builder.Builders
	// Prepare runs the Before functions of the Configs, because they may generate sources and files. Otherwise the plans are
	// made from what is there now.
	Prepare bool
	// Report gets the events of Before functions, bases and builders. nil ignores them.
	Report report.Report
	// Began is the time before the run read anything: files that change later may not be in the images as they are then.
	// The zero time keeps no state for the next run, and uses none.
	Began time.Time

	git *git.Repository // of Dir
}

// Opened is Inputs together with the state that an earlier run with the same inputs has kept.
type Opened struct {
	in       Inputs
	recalled state.Recalled
}

// Open reads the state of an earlier run with the same inputs, and checks all files that the run has read. It asks the engines of
// Builders for their images, because the state is useless if one has changed. It starts no other program. It may wait a moment,
// so that this run counts as later than the last change of a file.
func Open(ctx context.Context, in Inputs) (Opened, error) {
	in.git = git.Open(in.Dir, in.Environ, state.MageFile)
	key, err := in.key(ctx)
	if err != nil {
		return Opened{}, err
	}
	r := state.Recall(in.Dir, key, in.Began, in.Dir, in.magefiles())
	in.Began = r.Began
	return Opened{in, r}, nil
}

// Unchanged returns the state of each image that need not be built again, in the order of the Configs. all reports whether these
// are all images.
func (o Opened) Unchanged() (list []*state.Build, all bool) { return o.recalled.Unchanged() }

// Platform returns the platform that an image of the earlier run got from an engine, where from is what
// [Inputs.EnginePlatform] said of it. ok is false if that is unknown.
func (o Opened) Platform(from string) (p platform.Platform, ok bool) {
	return o.recalled.Platform(from)
}

// Resolve returns the plans of all images, one for each platform, in the order of the Configs, or of the import paths if there
// are none. The environment overrides the Config, that overrides what the module says, and that the defaults. A mistake of the
// user is a [*report.ConfigError]. A base that is not found is no error yet, see [plan.Image.Check].
func (o Opened) Resolve(ctx context.Context) ([]plan.Image, error) {
	in := o.in
	names := in.folderNames()
	module, err := o.module(ctx)
	if err != nil {
		return nil, err
	}
	subjects, err := o.subjects(ctx, module)
	if err != nil {
		return nil, err
	}
	programs, ok := o.recalled.Programs() // what is recalled of the subjects may be the selected ones only
	if !ok {
		programs = foldersOf(subjects)
	}
	if subjects, err = selected(subjects, in.getenv("IMAGE_NAME")); err != nil {
		return nil, err
	}
	if err := in.findBases(ctx, module, subjects); err != nil {
		return nil, err
	}
	plans := make([]plan.Image, 0, len(subjects))
	for _, s := range subjects {
		if s.config, err = in.expand(ctx, s.config, expand.Values{Name: s.name, Platform: s.platform.String(), Several: s.of > 1}); err != nil {
			return nil, err
		}
		img, err := plan.New(in.facts(module, s))
		if err != nil {
			return nil, fmt.Errorf("planning image %q: %w", s.name, err)
		}
		plans = append(plans, img)
	}
	run := plan.Run{Dir: in.Dir, Began: in.Began, Names: names, Programs: programs}
	if run.Key, err = in.key(ctx); err != nil { // again: a builder that was missing has been pulled
		return nil, err
	}
	for _, p := range plans {
		run.Set = append(run.Set, p.Folder())
	}
	for i := range plans {
		plans[i].Run = run
	}
	return plans, in.distinctReferences(plans)
}

// module returns the module of the folder.
func (o Opened) module(ctx context.Context) (gobuild.Module, error) {
	if m, ok := o.recalled.Module(); ok {
		return m, nil
	}
	return o.in.gocmd().Module(ctx)
}

// magefiles returns the folder beside Dir that mage writes to as well.
func (in Inputs) magefiles() string { return filepath.Join(in.Dir, "magefiles") }

// folderNames returns the names in the folders that mage writes to. The first build makes dist/ in one.
func (in Inputs) folderNames() map[string]uint64 {
	return map[string]uint64{
		in.Dir:         record.Names(in.Dir, state.MageFile, "dist"),
		in.magefiles(): record.Names(in.magefiles(), state.MageFile),
	}
}

// distinctReferences returns an error if two images have the same reference: the second would take the name from the first.
func (in Inputs) distinctReferences(plans []plan.Image) error {
	seen := map[string]plan.Image{}
	for _, p := range plans {
		for _, ref := range p.References() {
			other, ok := seen[ref]
			if !ok || other.Name == p.Name {
				continue
			}
			return in.oneReference(other, p, ref)
		}
		for _, ref := range p.References() {
			seen[ref] = p
		}
	}
	return nil
}

// oneReference is the error for two images with one reference.
func (in Inputs) oneReference(a, b plan.Image, ref string) error {
	fix := "set Repo, Tags or TagSuffix in a Config of each"
	if in.getenv("IMAGE_REPO") != "" {
		fix = "select one image with IMAGE_NAME, as IMAGE_REPO is one repository, or set Repo in each Config instead"
	}
	return &report.ConfigError{Err: fmt.Errorf("the images %q (%s) and %q (%s) have one reference, %s\nfix: %s", a.Name, a.Origin, b.Name, b.Origin, ref, fix)}
}

// One returns the only plan, for a target that works on one image. Several are a [*report.ConfigError].
func One(plans []plan.Image) (plan.Image, error) {
	if len(plans) == 1 {
		return plans[0], nil
	}
	var labels []string
	for _, p := range plans {
		labels = append(labels, p.Label())
	}
	fix := "IMAGE_NAME=" + plans[0].Name
	if plans[0].Of > 1 {
		fix += " IMAGE_PLATFORM=" + plans[0].Platform.String()
	}
	return plan.Image{}, &report.ConfigError{Err: fmt.Errorf("this needs one image, and there are %s\nfix: select one, with %s", strings.Join(labels, ", "), fix)}
}

// Dists returns the folders that builds of the module have made: of all images, or of those in IMAGE_NAME. The module need not
// compile, and the images need not be configured any more.
func Dists(ctx context.Context, in Inputs) ([]dist.Folder, error) {
	module, err := in.gocmd().Module(ctx)
	if err != nil {
		return nil, err
	}
	names, err := namesIn(in.getenv("IMAGE_NAME"))
	if err != nil {
		return nil, err
	}
	return dist.Find(module.Dir, names)
}

func (in Inputs) gocmd() gobuild.Go { return in.gocmdIn(in.Dir) }

// gocmdIn returns the go command in a folder.
func (in Inputs) gocmdIn(dir string) gobuild.Go { return gobuild.Go{Dir: dir, Env: in.Environ} }

// getenv returns a variable. As for a process, the last one of a name counts.
func (in Inputs) getenv(key string) string {
	for _, v := range slices.Backward(in.Environ) {
		if name, value, _ := strings.Cut(v, "="); name == key {
			return value
		}
	}
	return ""
}
