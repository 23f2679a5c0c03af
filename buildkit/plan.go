package buildkit

import (
	"cmp"
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

	// Values is the plan for people: each value with its origin.
	Values []Value

	base    *base.Base       // nil is scratch
	baseErr error            // why the one of the Config is not there
	builder *builder.Builder // nil compiles on this machine
	bundle  string           // certificates of the builder, "" for none

	config Config
	index  int // of the Config
	of     int // how many platforms the image has
	module gobuild.Module
	inside gobuild.Module    // the same, as the go command that compiles sees it
	host   gobuild.Go        // the go command of this machine
	gocmd  gobuild.Go        // the one that compiles
	key    string            // of the memory; "" keeps none
	set    []string          // folders of all images of the run
	dir    string            // where the run was started
	began  time.Time         // when
	names  map[string]uint64 // in the folders where mage writes, when the run was started
	from   string            // who chose the platform
	output string            // of the compiler, where it is not the root file system
	home   string            // folder of the user

	programs []string // folders of the programs of all images, the selected ones or not; "" for a Binary
}

// Value is a decision, and who made it: "default", "discovered", "go.mod", "host",
// a place in a magefile or a variable of the environment.
type Value struct{ Name, Value, Origin string }

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
