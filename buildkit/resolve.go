package buildkit

import (
	"context"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/builder"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/dist"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/platform"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/resolve"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/run"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/usercache"
)

// Inputs is everything that decides what is built.
type Inputs = resolve.Inputs

// Program is an image of the module: its name, and the program in it.
type Program = resolve.Program

// Bases says where base images are looked for.
type Bases = resolve.Bases

// Builders are the containers that compile programs of Configs with a Builder. Whoever makes a Builders closes it.
type Builders = builder.Builders

// Platform is what an image runs on; its operating system is always linux.
type Platform = platform.Platform

// Opened is Inputs together with the state that an earlier run with the same inputs has kept. Its Resolve makes the plans.
type Opened struct{ resolve.Opened }

// Open reads the state of an earlier run with the same inputs, and checks all files that the run has read. It asks the engines of
// Builders for their images, and starts no program. If a file was changed just now, Open waits a moment, so that this run begins
// after the change.
func Open(ctx context.Context, in Inputs) (Opened, error) {
	o, err := resolve.Open(ctx, in)
	return Opened{o}, err
}

// Unchanged returns the images that need not be built again, in the order of the Configs. all reports whether these are all
// images.
func (o Opened) Unchanged() (list []Deliverable, all bool) {
	builds, all := o.Opened.Unchanged()
	for _, b := range builds {
		list = append(list, Deliverable{run.Deliverable{Name: b.Name, Reference: b.Reference, Config: b.Config, IDs: b.IDs, Base: b.Base, Capabilities: b.Capabilities}})
	}
	return list, all
}

// SameBase reports whether the name of an image's base still means the same base. It is false if that is unknown: the build will
// report why.
func (o Opened) SameBase(ctx context.Context, d Deliverable) bool {
	return o.Opened.SameBase(ctx, d.Base)
}

// Resolve opens the inputs, see [Open], and returns the plans of all images, one for each platform, in the order of the Configs,
// or of the import paths if there are none. Nothing is compiled. A value comes from the environment, else from the Config, else
// from the module, else it is the default. A mistake of the user is a [*ConfigError].
func Resolve(ctx context.Context, in Inputs) ([]Plan, error) {
	o, err := resolve.Open(ctx, in)
	if err != nil {
		return nil, err
	}
	return o.Resolve(ctx)
}

// One returns the only plan, for a target that works on one image. If there are several plans, it fails with a [*ConfigError].
func One(plans []Plan) (Plan, error) { return resolve.One(plans) }

// Programs returns the images, or those in IMAGE_NAME, before anything is decided about them, see [resolve.Programs].
func Programs(ctx context.Context, in Inputs) ([]Program, error) { return resolve.Programs(ctx, in) }

// Dists returns the folders that builds of the module have made, dist/NAME, or dist/NAME@linux-arm64 for one of several platforms: of all
// images, or of those in IMAGE_NAME. The module need not compile, and the images need not be configured any more.
func Dists(ctx context.Context, in Inputs) ([]dist.Folder, error) { return resolve.Dists(ctx, in) }

// UserCache returns the folder of this user for layers, bases, files of builder images and programs for containers, and makes it.
func UserCache() (string, error) { return usercache.Dir() }
