// Package plan decides every value of one image, and notes where each comes from. Its input is the Config, the environment and
// the answers of the go command. It compiles nothing and writes nothing.
package plan

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/fromscratch-go/fromscratch/buildkit/config"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/base"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/builder"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/dist"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/gobuild"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/image"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/platform"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/registry"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/report"
	"github.com/fromscratch-go/fromscratch/rootfs"
)

// Image is the plan of one image: everything is decided, nothing is done.
type Image struct {
	Name      string            // of the image, of its folder in dist/ and, by default, of the program and the repository
	Root      string            // folder of the module, or of the workspace
	Main      gobuild.Main      // the package; zero with a Binary
	Binary    string            // a finished program, absolute; "" compiles Main
	Reference string            // repository:tag
	Platform  platform.Platform // what the image runs on
	Compile   gobuild.Options   // how the package is compiled
	Files     rootfs.Spec       // content of the root file system, except the program and its libraries
	Config    image.Config      // how the image is run
	Probe     string            // what the health check of Config asks, with a program that is added to the image; "" for none
	Epoch     time.Time         // the time of every file, and of the image

	Repository  string               // of the Reference
	ExtraTags   []string             // further tags, in an archive, a layout and a registry
	Compression registry.Compression // of the layers in a registry

	Origin    string    // of the Config: its place in a magefile
	BaseName  string    // the base image, as the Config names it; "" is scratch
	Libraries Libraries // what the Config says about shared libraries
	Supply    Supply    // what to publish about the image's origin
	Rules     Rules     // what imageCheck demands
	Hooks     Hooks     // functions of the magefile
	Listed    bool      // the go command found the program; the Config names none

	// Values is the plan for people: each value with its origin.
	Values []Value

	Base    *base.Base       // nil is scratch
	Builder *builder.Builder // nil compiles on this machine
	Bundle  string           // certificates of the builder, "" for none

	Index  int    // of the Config
	Of     int    // how many platforms the image has
	From   string // the setting that chose the platform
	Module gobuild.Module
	Inside gobuild.Module // the module as seen by the go command that compiles
	Host   gobuild.Go     // the go command of this machine
	Go     gobuild.Go     // the one that compiles
	Output string         // file of the compiler, if it is not in the root file system
	Run    Run

	baseErr error // why the base of the Config was not found, see Check
}

// Run describes the run that an image belongs to.
type Run struct {
	Dir      string            // the folder where it was started
	Began    time.Time         // its start
	Names    map[string]uint64 // names in the folders where mage writes, at the start
	Key      string            // of the state that is kept; "" keeps none
	Set      []string          // folders in dist/ of all its images
	Programs []string          // folders of the programs of all images, selected or not; "" for a Binary
}

// Libraries is what a Config says about shared libraries. See its fields of the same names.
type Libraries struct {
	Sysroot                 string // "" means that of the C compiler
	Names, Plugins, Exclude []string
	CPUVariants             bool
}

// Supply says what to publish about the origin of an image.
type Supply struct {
	Licences     bool   // the texts of licences are in the image
	Packages     bool   // the packages of libraries are in the image, for scanners
	Attestations bool   // a registry gets documents about the image too
	Annotations  string // of the manifest: config.AnnotationsAuto …
}

// Hooks are the functions of a Config.
type Hooks struct {
	Before bool // there is a function that runs before the program is looked up
	After  func(context.Context, config.BuildInfo) error
}

// Value is a decided value with its origin: "default", "discovered", "go.mod", "host", a place in a magefile, or a variable of the
// environment.
type Value struct {
	Name, Value, Origin string

	Public Public
}

// Public is the form of a value for everybody who has the image: the same from every machine, and without secrets.
type Public struct {
	Value, Origin string
	Hidden        bool // do not publish the value
}

// Dist returns the folder that the image is written to. With several platforms, each has
// its own, dist/NAME@linux-arm64; results for all platforms together are in Group.
func (p Image) Dist() dist.Folder { return dist.Of(p.Root, p.Folder()) }

// Group returns the folder for results of all platforms together, dist/NAME.
func (p Image) Group() dist.Folder { return dist.Of(p.Root, p.Name) }

// Delivered returns the folder of archives and layouts: Group if there are several
// platforms.
func (p Image) Delivered() dist.Folder {
	if p.Of < 2 {
		return p.Dist()
	}
	return p.Group()
}

// DiscardGroup discards the results of all platforms together.
func (p Image) DiscardGroup() error {
	if p.Of < 2 {
		return nil
	}
	return p.Group().DiscardGroup()
}

// Folder returns the name of Dist. No image can have an "@" in its name.
func (p Image) Folder() string {
	if p.Of < 2 {
		return p.Name
	}
	return p.Name + "@" + strings.ReplaceAll(p.Platform.String(), "/", "-")
}

// Label returns, for people, the name of the image and its platform if there are several.
func (p Image) Label() string {
	if p.Of < 2 {
		return p.Name
	}
	return p.Name + " " + p.Platform.String()
}

// Program returns the path of the program in the image.
func (p Image) Program() string { return cmp.Or(p.Files.Program, "/"+p.Name) }

// Secure reports whether the kernel starts a file of the image in secure-execution mode because of its capabilities. A root user gains
// nothing by them, and keeps the usual mode (cap_bprm_creds_from_file in Linux's security/commoncap.c).
func (p Image) Secure(c rootfs.Capabilities) bool {
	user, err := p.Files.ImageUser() // the assembly reports the error
	return c != 0 && err == nil && user.UID != 0
}

// Capabilities returns those of all files of the image.
func (p Image) Capabilities() rootfs.Capabilities {
	all := p.Files.Capabilities
	for _, f := range p.Files.Files {
		all |= f.Capabilities
	}
	return all
}

// Subject returns, for people, what the program is made from.
func (p Image) Subject() string {
	if p.Binary != "" {
		return p.Show(p.Binary)
	}
	return p.Main.ImportPath
}

// Executable returns the file that the go command writes: the program's place in the
// root file system on disk.
func (p Image) Executable() string {
	return cmp.Or(p.Output, filepath.Join(p.Dist().Rootfs(), filepath.FromSlash(p.Program())))
}

// Show returns a path below the module as the user would write it.
func (p Image) Show(path string) string {
	rel, err := filepath.Rel(p.Root, path)
	if err != nil || strings.HasPrefix(rel, "..") {
		return path
	}
	return filepath.ToSlash(rel)
}

// Tags returns all tags of the image, that of its reference first.
func (p Image) Tags() []string {
	return append([]string{p.Reference[len(p.Repository)+1:]}, p.ExtraTags...)
}

// References returns all names of the image, its reference first.
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

// BaseReference returns the base's reference in registries, "" for one that was read from
// files of this machine.
func (p Image) BaseReference() string {
	if p.Base == nil || len(p.Base.Paths) > 0 {
		return ""
	}
	return p.BaseName
}

// Context returns the context folder for building a Dockerfile of the image.
func (p Image) Context() string {
	if p.Module.Workspace != "" {
		return filepath.Dir(p.Module.Workspace)
	}
	return p.Root
}

// HostPath returns the path on this machine of a file that the user named.
func (p Image) HostPath(name string) string {
	name = filepath.FromSlash(name)
	if filepath.IsAbs(name) {
		return filepath.Clean(name)
	}
	return filepath.Join(p.Root, name)
}

// Executables says where there are executables beside the program, for people.
func (p Image) Executables() string {
	if p.Base == nil {
		return "Files; there is no shell"
	}
	return "Files or of the base " + p.BaseName
}

// AboveBase says for people that the tree is not the whole image.
func (p Image) AboveBase() string {
	if p.Base == nil {
		return ""
	}
	return ", without the files of the base " + p.BaseName
}

// BaseSize returns the size of all layers of the base in bytes, 0 for scratch.
func (p Image) BaseSize() int64 {
	var size int64
	if p.Base != nil {
		for _, l := range p.Base.Image.Layers {
			size += l.Size
		}
	}
	return size
}

// OfBase says for people how much of the image is its base, "" for scratch.
func (p Image) OfBase() string {
	if p.Base == nil {
		return ""
	}
	return fmt.Sprintf(", %s of them the base %s", report.Size(p.BaseSize()), p.BaseName)
}

// BaseImage returns the base, nil for scratch.
func (p Image) BaseImage() *image.Base {
	if p.Base == nil {
		return nil
	}
	return p.Base.Image
}

// BaseRequest returns the request that found the base.
func (p Image) BaseRequest() base.Request {
	return base.Request{Reference: p.BaseName, Dir: p.Module.Dir, Platform: p.Platform}
}

// Check returns an error if the image cannot be built: its base was not found.
func (p Image) Check() error { return p.baseErr }

// Request returns what the go command has to do.
func (p Image) Request() gobuild.Request {
	return gobuild.Request{Main: p.Main, Output: p.Executable(), Target: p.Platform, Options: p.Compile}
}

// BuildInfo tells After what was compiled.
func (p Image) BuildInfo(binary string) config.BuildInfo {
	_, tag, _ := strings.Cut(strings.TrimPrefix(p.Reference, p.Repository), ":")
	return config.BuildInfo{Dir: p.Root, Name: p.Name, Version: tag, Platform: p.Platform.String(), Platforms: []string{p.Platform.String()}, Binary: binary}
}
