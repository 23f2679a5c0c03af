package buildkit

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit/docker"
	"github.com/fromscratch-go/fromscratch/buildkit/gobuild"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/plan"
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
	// RegistryFirst looks for base images in their registry before the engine, for what
	// is to have the same digest on every machine: a registry's manifest, or a layout's.
	RegistryFirst bool
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
		img, err := plan.New(in.facts(module, s))
		if err != nil {
			return nil, fmt.Errorf("planning image %q: %w", s.name, err)
		}
		img.Run.Programs = programs
		plans = append(plans, img)
	}
	if err := in.AskBuilders(ctx); err != nil { // what was missing has been pulled
		return nil, err
	}
	in.mark(plans, names)
	return plans, in.unambiguous(plans)
}

// module is the module around the folder, as it was if it is the same still.
func (in Inputs) module(ctx context.Context) (gobuild.Module, error) {
	if m, ok := in.Recalled.Module(); ok {
		return m, nil
	}
	return in.gocmd().Module(ctx)
}

// mark notes in each plan what its memory will need.
func (in Inputs) mark(plans []Plan, names map[string]uint64) {
	key := in.key()
	var set []string
	for _, p := range plans {
		set = append(set, p.Folder())
	}
	for i := range plans {
		r := &plans[i].Run
		r.Dir, r.Set, r.Began, r.Names = in.Dir, set, in.Began, names
		if !in.Began.IsZero() {
			r.Key = key
		}
	}
}

// unambiguous refuses two images of one reference: the second would take the name
// from the first.
func (in Inputs) unambiguous(plans []Plan) error {
	seen := map[string]Plan{}
	for _, p := range plans {
		var other Plan
		ok, ref := false, ""
		for _, name := range p.References() {
			if other, ok = seen[name]; ok && other.Name != p.Name {
				ref = name
				break
			}
			ok = false
		}
		for _, name := range p.References() {
			seen[name] = p
		}
		if !ok {
			continue
		}
		fix := "set Repo or Tag in a Config of each"
		if in.getenv("IMAGE_REPO") != "" {
			fix = "select one image with IMAGE_NAME, as IMAGE_REPO is one repository, or set Repo in each Config instead"
		}
		return &ConfigError{Err: fmt.Errorf("the images %q (%s) and %q (%s) have one reference, %s\nfix: %s",
			other.Name, other.Origin, p.Name, p.Origin, ref, fix)}
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
	if plans[0].Of > 1 {
		fix += " IMAGE_PLATFORM=" + plans[0].Platform.String()
	}
	return Plan{}, &ConfigError{Err: fmt.Errorf("this needs one image, and there are %s\nfix: select one, with %s", strings.Join(names, ", "), fix)}
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
