package buildkit

import (
	"cmp"
	"context"
	"path/filepath"
	"strings"
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit/base"
	"github.com/fromscratch-go/fromscratch/buildkit/gobuild"
	"github.com/fromscratch-go/fromscratch/buildkit/image"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/builder"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/dist"
	"github.com/fromscratch-go/fromscratch/buildkit/registry"
	"github.com/fromscratch-go/fromscratch/rootfs"
)

// Plan is one image with everything decided and nothing done. It is made by
// [Resolve].
type Plan struct {
	Name      string          // of the program, of its folder in dist/ and, by default, of the image
	Root      string          // folder of the module, or of the workspace
	Main      gobuild.Main    // the package; zero with a Binary
	Binary    string          // a program that is built elsewhere, absolute; "" compiles Main
	Reference string          // repository:tag
	Platform  Platform        // what the image runs on
	Compile   gobuild.Options // how the package is compiled
	Files     rootfs.Spec     // what goes into the root file system, but for the program and its libraries
	Image     image.Config    // how the image is run
	Epoch     time.Time       // the time of every file, and of the image

	Repository  string               // of the Reference
	ExtraTags   []string             // further tags, in an archive, a layout and a registry
	Compression registry.Compression // of the layers in a registry

	Origin    string    // of the Config: its place in a magefile
	BaseName  string    // the image under this one, as the Config names it; "" is scratch
	Libraries Libraries // what the Config says about shared libraries
	Supply    Supply    // what is told about where the image comes from
	Hooks     Hooks     // functions of the magefile
	Listed    bool      // the go command found the program: the Config names none

	// Values is the plan for people: each value with its origin.
	Values []Value

	base    *base.Base       // nil is scratch
	baseErr error            // why the one of the Config is not there
	builder *builder.Builder // nil compiles on this machine
	bundle  string           // certificates of the builder, "" for none

	index  int    // of the Config
	of     int    // how many platforms the image has
	from   string // who chose the platform
	module gobuild.Module
	inside gobuild.Module // the same, as the go command that compiles sees it
	host   gobuild.Go     // the go command of this machine
	gocmd  gobuild.Go     // the one that compiles
	output string         // of the compiler, where it is not the root file system
	run    run
}

// run is what a Plan knows of the run that it belongs to.
type run struct {
	dir      string            // where it was started
	began    time.Time         // when
	names    map[string]uint64 // in the folders where mage writes, when it was started
	key      string            // of the memory; "" keeps none
	set      []string          // folders in dist/ of all its images
	programs []string          // folders of the programs of all images, the selected ones or not; "" for a Binary
}

// Libraries is what a Config says about shared libraries, see the fields of those names there.
type Libraries struct {
	Sysroot                 string // "" is the C compiler's
	Names, Plugins, Exclude []string
	CPUVariants             bool
}

// Supply is what is told about where an image comes from.
type Supply struct {
	Licences bool // the texts of licences are in the image
	Annotate bool // the manifest names the commit
	Bare     bool // a registry gets the image alone, without documents and annotations
}

// Hooks are the functions of a Config.
type Hooks struct {
	Before bool // there is one that runs before the program is looked for
	After  func(ctx context.Context, binary string) error
}

// Value is a decision, and who made it: "default", "discovered", "go.mod", "host", a place in a magefile or a variable of the
// environment.
type Value struct {
	Name, Value, Origin string

	public public
}

// public is a value as it is told to everybody who has the image: the same from every machine, and without secrets.
type public struct {
	value, origin string
	hidden        bool // it is nobody else's business
}

// Dist is the folder that the image is written to. Of an image for several platforms
// each has its own, dist/NAME@linux-arm64; what is made of all of them is in Group.
func (p Plan) Dist() Dist { return dist.Of(p.Root, p.folder()) }

// Group is the folder of what is made of all platforms of the image, dist/NAME.
func (p Plan) Group() Dist { return dist.Of(p.Root, p.Name) }

// delivered is the folder of archives and layouts: with all platforms, if there are
// several.
func (p Plan) delivered() Dist {
	if p.of < 2 {
		return p.Dist()
	}
	return p.Group()
}

// discardGroup discards what was made of all platforms together, this one among them.
func (p Plan) discardGroup() error {
	if p.of < 2 {
		return nil
	}
	return p.Group().DiscardGroup()
}

// folder is the name of Dist. No image can have an "@" in its name.
func (p Plan) folder() string {
	if p.of < 2 {
		return p.Name
	}
	return p.Name + "@" + strings.ReplaceAll(p.Platform.String(), "/", "-")
}

// Label names for people what is built: the image, and which of its platforms.
func (p Plan) Label() string {
	if p.of < 2 {
		return p.Name
	}
	return p.Name + " " + p.Platform.String()
}

// program is the path of the program in the image.
func (p Plan) program() string { return "/" + p.Name }

// subject names for people what the program is made of.
func (p Plan) subject() string {
	if p.Binary != "" {
		return p.Show(p.Binary)
	}
	return p.Main.ImportPath
}

// binary is where the go command writes the program: its place in the root file
// system that is written out.
func (p Plan) binary() string {
	return cmp.Or(p.output, filepath.Join(p.Dist().Rootfs(), p.Name))
}
