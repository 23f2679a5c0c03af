package buildkit

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fromscratch-go/fromscratch/buildkit/dockerfile"
)

// Dockerfile is an image as a Dockerfile, with what goes beside it.
type Dockerfile struct {
	Path, Ignore string // of the two files
	spec         dockerfile.Spec
}

// Dockerfile describes the image by a Dockerfile that builds it without us. It goes to the folder that its context
// is, the module's or the workspace's: as Dockerfile, or NAME.Dockerfile where there are several images. A path moves
// it elsewhere, relative to where the build was started; "" does not.
//
// What no Dockerfile can do is a [*ConfigError] that names the field: a function that changes the program, files
// outside of the context, libraries of another sysroot.
func (b *Built) Dockerfile(ctx context.Context, path string) (Dockerfile, error) {
	d := Dockerfile{Path: b.Plan.dockerfilePath(path)}
	d.Ignore = d.Path + ".dockerignore" // BuildKit looks there first
	if d.Path == filepath.Join(b.Plan.context(), "Dockerfile") {
		d.Ignore = filepath.Join(b.Plan.context(), ".dockerignore")
	}
	w := writing{Built: b, context: b.Plan.context()}
	w.spec.Name, w.spec.File = b.Plan.Name, filepath.ToSlash(d.Path)
	if rel, ok := w.inContext(d.Path); ok {
		w.spec.File = rel
	}
	for _, part := range []func(context.Context) error{w.possible, w.compiler, w.program, w.sources, w.system, w.packages, w.userFiles, w.run} {
		if err := part(ctx); err != nil {
			return Dockerfile{}, fmt.Errorf("writing a Dockerfile for image %q: %w", b.Plan.Name, err)
		}
	}
	d.spec = w.spec
	return d, nil
}

// WriteDockerfiles writes Dockerfiles and what goes beside them: all, or none when one of the files is there already
// and is not ours, or was edited. That is a [*ConfigError].
func WriteDockerfiles(all []Dockerfile) error {
	var files []dockerfile.File
	for _, d := range all {
		text, err := dockerfile.Dockerfile(d.spec)
		if err != nil {
			return &ConfigError{Err: fmt.Errorf("image %q: %w", d.spec.Name, err)}
		}
		files = append(files, dockerfile.File{Path: d.Path, Text: text}, dockerfile.File{Path: d.Ignore, Text: dockerfile.Ignore(d.spec)})
	}
	err := dockerfile.Write(files...)
	var foreign *dockerfile.ForeignError
	if errors.As(err, &foreign) {
		return &ConfigError{Err: err}
	}
	return err
}

// DockerfilePlans are the images to write down: of several platforms of one the first, as the Dockerfile of a static
// program says all of them. It checks that a path, of IMAGE_DOCKERFILE, is for one image only, and that there is a file
// for all platforms of an image. Else the error is a [*ConfigError].
func DockerfilePlans(path string, plans []Plan) ([]Plan, error) {
	var one []Plan
	var names []string
	for _, p := range plans {
		if i := slices.Index(names, p.Name); i < 0 {
			one, names = append(one, p), append(names, p.Name)
		} else if p.Main.Cgo.Enabled || one[i].Main.Cgo.Enabled {
			return nil, &ConfigError{Err: fmt.Errorf("image %q is for several platforms, and uses cgo: its Dockerfile lists libraries, which are those of one platform\nfix: name one, with IMAGE_PLATFORM=%s, or set Cgo to \"off\"",
				p.Name, one[i].Platform)}
		}
	}
	if path == "" || len(one) == 1 {
		return one, nil
	}
	return nil, &ConfigError{Err: fmt.Errorf("IMAGE_DOCKERFILE is %q, one file, and there are the images %s\nfix: select one, with IMAGE_NAME=%s, or unset IMAGE_DOCKERFILE",
		path, strings.Join(names, ", "), names[0])}
}

// context is the folder that the docker command is to be given.
func (p Plan) context() string {
	if p.Module.Workspace != "" {
		return filepath.Dir(p.Module.Workspace)
	}
	return p.Root
}

// dockerfilePath is where the Dockerfile goes. Which of several images are selected makes no difference.
func (p Plan) dockerfilePath(path string) string {
	switch {
	case filepath.IsAbs(path):
		return filepath.Clean(path)
	case path != "":
		return filepath.Join(p.Run.Dir, path)
	case len(p.Run.Programs) > 1:
		return filepath.Join(p.context(), p.Name+".Dockerfile")
	}
	return filepath.Join(p.context(), "Dockerfile")
}

// foldersOfPrograms are those of all images.
func foldersOfPrograms(all []subject) []string {
	var dirs []string
	for _, s := range all {
		dirs = append(dirs, s.main.Dir)
	}
	return dirs
}

// writing is a Dockerfile in the making.
type writing struct {
	*Built
	context string
	spec    dockerfile.Spec
	whole   []string // see wholeFolders
}

// inContext is a path of this machine as the builder sees it, if it does.
func (w *writing) inContext(name string) (string, bool) {
	rel, err := filepath.Rel(w.context, name)
	if err != nil || !filepath.IsLocal(rel) {
		return "", false
	}
	return filepath.ToSlash(rel), true
}

// unsaid is the error for what a Dockerfile cannot say.
func (w *writing) unsaid(field, why, fix string) error {
	return &ConfigError{Err: fmt.Errorf("%s of the Config (%s): %s\nfix: %s", field, w.Plan.Origin, why, fix)}
}

// possible refuses what cannot be done by a builder, and notes what it leaves to others.
func (w *writing) possible(context.Context) error {
	p := w.Plan
	if p.Hooks.After != nil {
		return w.unsaid("After", "it is a function of the magefile, and changes the program, which a Dockerfile cannot do", "leave After out, or build the image with the target image")
	}
	if w.Plan.Base != nil {
		return w.unsaid("Base", "the Dockerfiles of fromscratch are from scratch, and have nothing of "+w.Plan.BaseName, "leave Base out, or build the image with the target image")
	}
	if p.Supply.Licences {
		return w.unsaid("Licenses", "the texts are those of the modules and packages that the image was built from, and a Dockerfile has no command that finds them", "leave Licenses out, or build the image with the target image")
	}
	if w.Plan.Builder != nil {
		w.remark("fromscratch compiles in %s (%s): --build-arg GO_IMAGE=%s does so here.", p.Builder.Ref, p.Origin, p.Builder.Ref)
	}
	if p.Hooks.Before {
		w.remark("Before of %s is a function of the magefile, which docker build does not run. What it generates has to be there before: mage imageRootfs runs it.", p.Origin)
	}
	if len(w.Built.system.Loaded) == 0 {
		return nil
	}
	if root := w.sysroot(); root != "/" {
		return w.unsaid("Sysroot", fmt.Sprintf("the program's libraries are those of %q, and the Dockerfile's build stage has none but its own", root),
			"run imageDockerfile on a machine of the platform "+w.Plan.Platform.String()+", set Cgo to \"off\", or build the image with the target image")
	}
	return nil
}

// remark adds a sentence to the head of the file.
func (w *writing) remark(format string, args ...any) {
	if n := fmt.Sprintf(format, args...); !slices.Contains(w.spec.Notes, n) {
		w.spec.Notes = append(w.spec.Notes, n)
	}
}
