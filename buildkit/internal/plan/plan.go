// Package plan decides what one image is: every value of it, and who said so. What it is given comes from the Config, the
// environment and the go command; it compiles nothing, and writes nothing.
package plan

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
	"github.com/fromscratch-go/fromscratch/buildkit/internal/platform"
	"github.com/fromscratch-go/fromscratch/buildkit/registry"
	"github.com/fromscratch-go/fromscratch/rootfs"
)

// Image is one image with everything decided and nothing done.
type Image struct {
	Name      string            // of the program, of its folder in dist/ and, by default, of the image
	Root      string            // folder of the module, or of the workspace
	Main      gobuild.Main      // the package; zero with a Binary
	Binary    string            // a program that is built elsewhere, absolute; "" compiles Main
	Reference string            // repository:tag
	Platform  platform.Platform // what the image runs on
	Compile   gobuild.Options   // how the package is compiled
	Files     rootfs.Spec       // what goes into the root file system, but for the program and its libraries
	Config    image.Config      // how the image is run
	Epoch     time.Time         // the time of every file, and of the image

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

	Base    *base.Base       // nil is scratch
	BaseErr error            // why the base of the Config was not found
	Builder *builder.Builder // nil compiles on this machine
	Bundle  string           // certificates of the builder, "" for none

	Index  int    // of the Config
	Of     int    // how many platforms the image has
	From   string // who chose the platform
	Module gobuild.Module
	Inside gobuild.Module // the module as the go command that compiles sees it
	Host   gobuild.Go     // the go command of this machine
	Go     gobuild.Go     // the one that compiles
	Output string         // of the compiler, if it is not in the root file system
	Run    Run
}

// Run is what an image knows of the run that it belongs to.
type Run struct {
	Dir      string            // where it was started
	Began    time.Time         // when
	Names    map[string]uint64 // in the folders where mage writes, when it was started
	Key      string            // of the memory; "" keeps none
	Set      []string          // folders in dist/ of all its images
	Programs []string          // folders of the programs of all images, the selected ones or not; "" for a Binary
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

	Public Public
}

// Public is a value as everybody who has the image may know it: the same from every machine, and without secrets.
type Public struct {
	Value, Origin string
	Hidden        bool // nobody may know it
}

// Dist is the folder that the image is written to. Of an image for several platforms
// each has its own, dist/NAME@linux-arm64; what is made of all of them is in Group.
func (p Image) Dist() dist.Folder { return dist.Of(p.Root, p.Folder()) }

// Group is the folder of what is made of all platforms of the image, dist/NAME.
func (p Image) Group() dist.Folder { return dist.Of(p.Root, p.Name) }

// Delivered is the folder of archives and layouts: with all platforms, if there are
// several.
func (p Image) Delivered() dist.Folder {
	if p.Of < 2 {
		return p.Dist()
	}
	return p.Group()
}

// DiscardGroup discards what was made of all platforms together, this one among them.
func (p Image) DiscardGroup() error {
	if p.Of < 2 {
		return nil
	}
	return p.Group().DiscardGroup()
}

// Folder is the name of Dist. No image can have an "@" in its name.
func (p Image) Folder() string {
	if p.Of < 2 {
		return p.Name
	}
	return p.Name + "@" + strings.ReplaceAll(p.Platform.String(), "/", "-")
}

// Label names for people what is built: the image, and which of its platforms.
func (p Image) Label() string {
	if p.Of < 2 {
		return p.Name
	}
	return p.Name + " " + p.Platform.String()
}

// Program is the path of the program in the image.
func (p Image) Program() string { return "/" + p.Name }

// Subject names for people what the program is made of.
func (p Image) Subject() string {
	if p.Binary != "" {
		return p.Show(p.Binary)
	}
	return p.Main.ImportPath
}

// Executable is where the go command writes the program: its place in the root file
// system that is written out.
func (p Image) Executable() string {
	return cmp.Or(p.Output, filepath.Join(p.Dist().Rootfs(), p.Name))
}

// Show is a path below the module as its user would write it.
func (p Image) Show(path string) string {
	rel, err := filepath.Rel(p.Root, path)
	if err != nil || strings.HasPrefix(rel, "..") {
		return path
	}
	return filepath.ToSlash(rel)
}

// Tags are all tags of the image, the one of its reference first.
func (p Image) Tags() []string {
	return append([]string{p.Reference[len(p.Repository)+1:]}, p.ExtraTags...)
}

// References are all names of the image, its reference first.
func (p Image) References() []string {
	var refs []string
	for _, tag := range p.Tags() {
		refs = append(refs, p.Repository+":"+tag)
	}
	return refs
}

// Env returns a variable of the image, "" for none.
func (p Image) Env(name string) string {
	for _, pair := range p.Config.Env {
		if value, ok := strings.CutPrefix(pair, name+"="); ok {
			return value
		}
	}
	return ""
}

// BaseReference is the base as registries know it; "" for one that was read from files
// of this machine.
func (p Image) BaseReference() string {
	if p.Base == nil || len(p.Base.Paths) > 0 {
		return ""
	}
	return p.BaseName
}

// Context is the folder that the docker command gets to build a Dockerfile of the image.
func (p Image) Context() string {
	if p.Module.Workspace != "" {
		return filepath.Dir(p.Module.Workspace)
	}
	return p.Root
}

// HostPath is the path on this machine of a file that the user named.
func (p Image) HostPath(name string) string {
	name = filepath.FromSlash(name)
	if filepath.IsAbs(name) {
		return filepath.Clean(name)
	}
	return filepath.Join(p.Root, name)
}
