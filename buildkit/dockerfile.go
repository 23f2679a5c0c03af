package buildkit

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fromscratch-go/fromscratch/buildkit/dockerfile"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/dockerfilespec"
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
	d := Dockerfile{Path: dockerfilePath(b.Plan, path)}
	d.Ignore = d.Path + ".dockerignore" // BuildKit looks there first
	if d.Path == filepath.Join(b.Plan.Context(), "Dockerfile") {
		d.Ignore = filepath.Join(b.Plan.Context(), ".dockerignore")
	}
	var err error
	d.spec, err = dockerfilespec.Of(ctx, dockerfilespec.Source{
		Plan: b.Plan, Request: b.request(), CC: b.Binary.Compiler.CC, Info: b.Binary.Info,
		Tree: b.Tree, Needs: b.baseSpec(), Closure: b.Closure, Found: b.found, Loaded: b.system.Loaded, Loader: b.system.Loader,
		Sysroot: b.sysroot(), Sys: b.sys(), Machine: b.inMachine("/"), InImage: b.inImage,
	}, d.Path)
	if err != nil {
		return Dockerfile{}, fmt.Errorf("writing a Dockerfile for image %q: %w", b.Plan.Name, err)
	}
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

// dockerfilePath is where the Dockerfile goes. Which of several images are selected makes no difference.
func dockerfilePath(p Plan, path string) string {
	switch {
	case filepath.IsAbs(path):
		return filepath.Clean(path)
	case path != "":
		return filepath.Join(p.Run.Dir, path)
	case len(p.Run.Programs) > 1:
		return filepath.Join(p.Context(), p.Name+".Dockerfile")
	}
	return filepath.Join(p.Context(), "Dockerfile")
}

// foldersOfPrograms are those of all images.
func foldersOfPrograms(all []subject) []string {
	var dirs []string
	for _, s := range all {
		dirs = append(dirs, s.main.Dir)
	}
	return dirs
}
